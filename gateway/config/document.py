"""`tocsin.toml` as a model. Unknown keys, duplicates and missing `env:` values are errors that name the place."""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from gateway.config.auth import Auth, Table
from gateway.config.faults import in_words
from gateway.config.issuer import Issuer
from gateway.config.schedule import Cron, Zone
from gateway.config.watched import Database, Probe
from mappers.contract import Category, Level
from mappers.contract.source import Span

__all__ = [
    "Auth",
    "Configuration",
    "ConfigurationError",
    "Database",
    "Issuer",
    "Membership",
    "Monitor",
    "Probe",
    "Source",
    "Subscription",
    "Team",
    "User",
    "place",
    "read_configuration",
]

_ENV: Final = "env:"
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
_NAME: Final = r"[^@<>,;\s\u0000-\u0020\u007f-\u00a0\ufeff]+"
"""No control character, and nothing that is a space in any dialect of patterns: those differ."""
_ADDRESS: Final = f"^{_NAME}@{_NAME}$"


def _is_address(value: str) -> str:
    if not re.fullmatch(_ADDRESS, value):
        raise ValueError("must be an e-mail address, as in ana@acme.test")
    return value


Email = Annotated[str, AfterValidator(_is_address), Field(max_length=320, json_schema_extra={"pattern": _ADDRESS})]


class ConfigurationError(Exception):
    """The configuration cannot be used. One line per fault, each naming its place."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


Interval = Annotated[Span, Field(ge=timedelta(minutes=5))]
Period = Annotated[Span, Field(ge=timedelta(seconds=5), le=timedelta(days=366))]
Grace = Annotated[Span, Field(le=timedelta(days=30))]


class Reminders(Table):
    """When those who hear by mail are reminded of what is still open; what is absent has its default."""

    every: Interval | None = None
    """Once a day, unless said otherwise."""
    urgent_after: Interval | None = None
    """Half an hour, for what is urgent and not acknowledged."""
    urgent_every: Interval | None = None
    """Four hours, for the same after that."""


class Team(Table):
    """`[[team]]`"""

    slug: Slug
    name: str = ""
    base_url: str | None = Field(default=None, pattern=r"^https?://")
    """What relative links of notifications are resolved against."""
    urgent: dict[Category, Level] | None = None
    """From which level on a category is urgent; absent: an error among incidents, job failures and dbt test failures."""
    reminders: Reminders = Reminders()

    @property
    def policy(self) -> dict[str, Any] | None:
        """As `domain.policy.Policy` reads it; None where all is as by default."""
        said = self.reminders
        spans = {"remind_every": said.every, "urgent_after": said.urgent_after, "urgent_every": said.urgent_every}
        kept: dict[str, Any] = {name: span.total_seconds() for name, span in spans.items() if span is not None}
        if self.urgent is not None:
            kept["urgent"] = {category.value: level.value for category, level in self.urgent.items()}
        return kept or None


class Membership(Table):
    """One team of a user."""

    role: Literal["admin", "member", "viewer"] = "member"
    permissions: tuple[str, ...] = ()


class User(Table):
    """`[[user]]`"""

    email: Email
    name: str = ""
    token: Annotated[str, Field(min_length=16)] | None = None
    """An API token, at least 16 characters; stored hashed."""
    scopes: Annotated[tuple[Literal["read", "write", "ingest", "admin"], ...], Field(min_length=1)] = ("read", "write", "admin")
    """What the token may be used for."""
    teams: dict[str, Membership] = {}
    owns: tuple[str, ...] = ()
    """What counts as this person's in owners and tags."""


class Source(Table):
    """`[[source]]`"""

    team: str
    slug: Slug
    kind: str
    environment: Annotated[str, Field(max_length=80)] = ""
    auth: Auth
    settings: dict[str, Any] = {}


class ChannelDefault(Table):
    """A channel that is on from a level."""

    enabled: bool = True
    min_level: Level | None = None


def _channel(value: object) -> object:
    return {"enabled": value} if isinstance(value, bool) else value


Channel = Annotated[ChannelDefault, BeforeValidator(_channel)]


class Subscription(Table):
    """`[[subscription]]`: a default until the person chooses otherwise."""

    team: str
    user: str
    category: Category
    in_app: Channel = ChannelDefault()
    email: Channel = ChannelDefault()
    scope: Literal["all", "owned"] = "all"


class Monitor(Table):
    """`[[monitor]]`: an expected schedule for a pipeline."""

    team: str
    source: str
    pipeline: Annotated[str, Field(min_length=1, max_length=200)]
    environment: Annotated[str, Field(max_length=80)] = ""
    """Which one, where the source itself tells environments apart; absent: the source's own."""
    cron: Cron | None = None
    interval: Period | None = None
    timezone: Zone = "UTC"
    grace: Grace = timedelta(minutes=10)
    max_duration: Period | None = None
    """How long a run may take, where its start is told."""

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("needs either cron or interval")
        return self


class Configuration(Table):
    """The whole of `tocsin.toml`."""

    mappers: tuple[str, ...] = ()
    """Entry points of `tocsin.mappers` that may be loaded."""
    team: tuple[Team, ...] = ()
    user: tuple[User, ...] = ()
    source: tuple[Source, ...] = ()
    subscription: tuple[Subscription, ...] = ()
    monitor: tuple[Monitor, ...] = ()
    issuer: tuple[Issuer, ...] = ()
    database: tuple[Database, ...] = ()
    probe: tuple[Probe, ...] = ()


def read_configuration(path: Path, environ: Mapping[str, str] | None = None) -> Configuration:
    """The configuration in `path`, checked against itself. Raises `ConfigurationError`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError([f"{path}: there is no such file (TOCSIN_CONFIG names it)"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: {error}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: not valid TOML: {error}"]) from None
    faults: list[str] = []
    resolved = _resolve(document, os.environ if environ is None else environ, (), document, faults)
    if faults:
        raise ConfigurationError(f"{path}: {fault}" for fault in faults)
    try:
        configuration = Configuration.model_validate(resolved)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {place(one['loc'], document)}: {in_words(one)}" for one in error.errors()) from None
    faults = _inconsistencies(configuration)
    if faults:
        raise ConfigurationError(f"{path}: {fault}" for fault in faults)
    return configuration


def place(location: tuple[int | str, ...], document: Mapping[str, Any]) -> str:
    """A location as people find it: `[[source]] 2 (acme/prefect-prod): auth.bearer`."""
    if len(location) < 2 or not isinstance(location[1], int):
        return ".".join(str(part) for part in location) or "the file"
    table, index = str(location[0]), location[1]
    name = _name(document.get(table), index)
    rest = ".".join(str(part) for part in location[2:])
    return f"[[{table}]] {index + 1}{name}" + (f": {rest}" if rest else "")


def _name(tables: Any, index: int) -> str:
    try:
        table = tables[index]
        parts = [
            str(table[key])
            for key in ("team", "slug", "email", "user", "category", "pipeline", "issuer")
            if isinstance(table.get(key), str)
        ]
    except (TypeError, LookupError, AttributeError):
        return ""
    return f" ({'/'.join(parts)})" if parts else ""


def _resolve(
    value: Any, environ: Mapping[str, str], location: tuple[int | str, ...], document: Mapping[str, Any], faults: list[str]
) -> Any:
    """`value` with every `"env:NAME"` replaced by the variable's value; faults name what is not set."""
    if isinstance(value, dict):
        return {key: _resolve(item, environ, (*location, key), document, faults) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, environ, (*location, index), document, faults) for index, item in enumerate(value)]
    if isinstance(value, str) and value.startswith(_ENV):
        name = value[len(_ENV) :]
        if not environ.get(name):
            faults.append(f"{place(location, document)}: the environment variable {name} is not set")
        return environ.get(name, "")
    return value


def _inconsistencies(configuration: Configuration) -> list[str]:
    teams = {team.slug for team in configuration.team}
    users = {user.email for user in configuration.user}
    sources = {(source.team, source.slug) for source in configuration.source}
    faults = [
        *_twice("team", configuration.team, lambda team: team.slug),
        *_twice("user", configuration.user, lambda user: user.email),
        *_twice("source", configuration.source, lambda source: f"{source.team}/{source.slug}"),
        *_twice("subscription", configuration.subscription, lambda one: f"{one.team}/{one.user}/{one.category}"),
        *_twice("monitor", configuration.monitor, lambda one: f"{one.team}/{one.source}/{one.pipeline}"),
        *_twice("issuer", configuration.issuer, lambda one: one.issuer),
        *_twice("database", configuration.database, lambda one: f"{one.team}/{one.slug}"),
        *_twice("probe", configuration.probe, lambda one: f"{one.team}/{one.slug}"),
        *_twice("user", [user for user in configuration.user if user.token], lambda user: user.token or "", "the token of"),
    ]
    for user in configuration.user:
        faults += [f"[[user]] ({user.email}): teams: there is no [[team]] {slug!r}" for slug in user.teams if slug not in teams]
    of_team: dict[str, tuple[Source | Subscription | Monitor | Issuer | Database | Probe, ...]] = {
        "source": configuration.source, "subscription": configuration.subscription, "monitor": configuration.monitor,
        "issuer": configuration.issuer, "database": configuration.database, "probe": configuration.probe,
    }  # fmt: skip
    for table, tables in of_team.items():
        faults += [
            f"[[{table}]] {index} ({one.team}): there is no [[team]] {one.team!r}"
            for index, one in enumerate(tables, 1)
            if one.team not in teams
        ]
    for index, subscription in enumerate(configuration.subscription, 1):
        if subscription.user not in users:
            faults.append(f"[[subscription]] {index} ({subscription.user}): there is no [[user]] with this email")
    for index, monitor in enumerate(configuration.monitor, 1):
        if (monitor.team, monitor.source) not in sources:
            faults.append(f"[[monitor]] {index} ({monitor.pipeline}): there is no [[source]] {monitor.team}/{monitor.source}")
    return faults


def _twice(table: str, items: Iterable[Any], key: Callable[[Any], str], what: str = "") -> list[str]:
    seen: dict[str, int] = {}
    faults: list[str] = []
    for index, item in enumerate(items, 1):
        name = key(item)
        if name in seen:
            shown = f"{what} another [[{table}]]" if what else repr(name)
            faults.append(f"[[{table}]] {index}: {shown} is used twice, first in [[{table}]] {seen[name]}")
        seen.setdefault(name, index)
    return faults
