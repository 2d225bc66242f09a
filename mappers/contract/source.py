"""A source kind: everything the gateway must know about a sender, declared in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mappers.contract.inbound import Inbound
from mappers.contract.mapped import Mapped
from mappers.contract.signature import Scheme

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_span(value: object) -> object:
    """`"90s"`, `"5m"`, `"2h"`, `"1d"` or a number of seconds as seconds; anything else is left to pydantic."""
    if isinstance(value, str) and len(value) > 1 and value[-1] in _UNITS and value[:-1].isdigit():
        return int(value[:-1]) * _UNITS[value[-1]]
    return value


Span = Annotated[timedelta, BeforeValidator(parse_span), Field(ge=timedelta(), le=timedelta(days=3650))]


class SourceSettings(BaseModel):
    """Settings every source has; a kind adds its own by subclassing. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold: Span | None = None
    """Alert only for what is still so after this long; overrides the mapper's own holds."""
    silence: Span = timedelta(days=7)
    """A thread that nothing can resolve closes after this long without news."""
    max_body: int = 1_048_576
    """Largest accepted body in bytes, at most 16 MiB."""
    rate: Annotated[float, Field(gt=0, le=100_000)] = 100
    """Requests a second that are taken for long; what comes faster is answered 429 once `burst` is used up."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Requests that are taken at once, however fast they come: a bad night, not a runaway loop."""
    silence_alert: bool = True
    """Whether admins are told when it falls silent against its habit."""
    owners: tuple[str, ...] = ()
    """Owners of everything this source says, where the body names none."""


@dataclass(frozen=True)
class Documents:
    """Bodies a kind wants kept and given back: `keeps` names this one, `wants` earlier ones (this one excluded)."""

    keeps: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A payload that the sender really sends; used by "send a test", the docs and the contract test."""

    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    path: str = ""
    query: str = ""


NO_DOCUMENTS: Final = Documents()


def _no_key(_: Inbound) -> str | None:
    return None


def _no_documents(_: Inbound) -> Documents:
    return NO_DOCUMENTS


@dataclass(frozen=True)
class SourceKind:
    """One sender. `map` is pure and may raise `Unmapped`; anything else it raises is a bug that is caught and shown."""

    kind: str
    title: str
    """As people write it: `Prefect`, `dbt Core`."""
    auth: tuple[Scheme, ...]
    """The schemes it can be configured with, the recommended one first."""
    event_types: tuple[str, ...]
    """Every event type it understands, in the sender's own words."""
    map: Callable[[Inbound], Mapped]
    example: Example
    request_key: Callable[[Inbound], str | None] = _no_key
    """The sender's own id for a request, or one derived from a body that holds identity *and* time. None: always new."""
    documents: Callable[[Inbound], Documents] = _no_documents
    methods: tuple[str, ...] = ("POST",)
    steps: tuple[str, ...] = ()
    """What to do at the sender, for `tocsin connect`: `{url}` stands for the source's address, `{token}` for its credential."""
    settings: type[SourceSettings] = SourceSettings
    is_own: bool = False
    """Whether the gateway itself speaks through it: then nobody can configure it, and there is nothing to connect."""

    def read_settings(self, values: Mapping[str, Any]) -> SourceSettings:
        """The settings as this kind's model. Raises pydantic.ValidationError naming each wrong key."""
        return self.settings.model_validate(dict(values))
