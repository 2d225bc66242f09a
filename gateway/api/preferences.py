"""What I want to hear, over which channel, from which level on, and when."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)  # fmt: skip
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gateway.api.models import Moment, TeamQuery
from gateway.api.operation import Call, Model, Operation
from gateway.domain.rhythm import Digest, Rhythm
from gateway.storage import preferences
from gateway.storage.database import Transaction
from mappers.contract import Category, Level

MAX_RETENTION_DAYS: Final = 3650
_LEVELS: Final = {1: Level.INFO, 2: Level.WARNING, 3: Level.ERROR}
_HOUR: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _is_hour(value: str) -> str:
    if not re.fullmatch(_HOUR, value) or value.endswith("\n"):
        raise ValueError("must be a time of day from 00:00 to 23:59, as in 22:00")
    return value


Hour = Annotated[str, AfterValidator(_is_hour), Field(json_schema_extra={"pattern": _HOUR}, examples=["22:00"])]


class Channel(BaseModel):
    """A channel of mine."""

    enabled: bool
    min_level: Level


class Mail(Channel):
    """Mail, and how often what is not urgent leaves."""

    digest: Digest


class QuietHours(Model):
    """Every day in my time zone; from a later hour until an earlier one is across midnight."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    begin: Hour = Field(alias="from")
    until: Hour

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.begin == self.until:
            raise ValueError("from and until must differ; null means no quiet hours, do_not_disturb_until holds mail all day")
        return self


class CategoryChoice(BaseModel):
    """What I want of one category. A level of null means the channel's own minimum."""

    in_app: bool
    email: bool
    min_level: Level | None
    """The same minimum for both channels; null also where they differ."""
    in_app_min_level: Level | None
    email_min_level: Level | None
    scope: Literal["all", "owned"]


class Preferences(BaseModel):
    """My preferences; categories and do-not-disturb are those of the team asked for.

    Where none is asked for, the categories are those of the first of mine, and do-not-disturb is what holds in every team.
    """

    enabled: bool
    in_app: Channel
    email: Mail
    quiet_hours: QuietHours | None
    urgent_breaks_through: bool
    timezone: str
    do_not_disturb_until: datetime | None
    retention_days: int | None
    """Null: as long as the installation keeps what was read."""
    desktop: bool
    shortcuts: bool
    """Whether single keys do something on the page."""
    categories: dict[Category, CategoryChoice]


class _Change(Model):
    """Partial: what is absent stays. Null is a value only where it means "none"."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What is absent is not null, and null only here and there a value to send."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for name, described in schema["properties"].items():
            if described.get("default", ...) is None:
                del described["default"]
                if name not in cls.nullable:
                    described |= described.pop("anyOf")[0]
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.nullable:
            raise ValueError("cannot be null; leave it out to keep it as it is")
        return value


class ChannelChange(_Change):
    """Changes of a channel."""

    enabled: bool | None = None
    min_level: Level | None = None


class MailChange(ChannelChange):
    """Changes of mail."""

    digest: Digest | None = None


class CategoryChange(_Change):
    """Changes of a category. Where `min_level` contradicts the level of a channel, the channel's is taken."""

    nullable = frozenset({"min_level", "in_app_min_level", "email_min_level"})
    in_app: bool | None = None
    email: bool | None = None
    min_level: Level | None = None
    in_app_min_level: Level | None = None
    email_min_level: Level | None = None
    scope: Literal["all", "owned"] | None = None


_FLAT: Final = "both channels of the category"


class PreferencesChange(_Change):
    """Partial: what is absent stays. GET's whole answer is accepted, and changes nothing."""

    nullable = frozenset({"quiet_hours", "do_not_disturb_until", "retention_days"})
    enabled: bool | None = None
    in_app: ChannelChange | None = None
    email: MailChange | None = None
    quiet_hours: QuietHours | None = None
    urgent_breaks_through: bool | None = None
    timezone: str | None = Field(default=None, examples=["Europe/Berlin"])
    do_not_disturb_until: Moment | None = Field(
        default=None, description="of the team asked for, else of every team; null, or a time that is past: not any longer"
    )
    retention_days: int | None = Field(default=None, ge=1, le=MAX_RETENTION_DAYS)
    desktop: bool | None = None
    shortcuts: bool | None = None
    categories: dict[Category, CategoryChange] = {}
    email_notifications_enabled: bool | None = Field(default=None, description="the same as email.enabled")
    incident_notifications: bool | None = Field(default=None, description=_FLAT)
    schema_change_notifications: bool | None = Field(default=None, description=_FLAT)
    job_failure_notifications: bool | None = Field(default=None, description=_FLAT)
    late_run_notifications: bool | None = Field(default=None, description=_FLAT)
    dbt_test_failure_notifications: bool | None = Field(default=None, description=_FLAT)
    system_notifications: bool | None = Field(default=None, description=_FLAT)

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("must be an IANA time zone, as in Europe/Berlin") from None


async def show(call: Call) -> Preferences:
    """What is in force now; nothing stored means the defaults."""
    return await call.database.read(_read, call)


async def change(call: Call) -> Preferences:
    """Changes what is given: what is of a team in the team asked for, or in all of mine."""
    return await call.database.write(apply, call)


def apply(transaction: Transaction, call: Call) -> Preferences:
    """Makes the change that a call asks for; gives what is in force then."""
    wanted: PreferencesChange = call.body
    team_ids = call.team_ids(call.query.team)
    user = preferences.hold_user(transaction, call.person.id)
    shown = _read(transaction, call)
    columns, settings = _user_changes(wanted, user)
    preferences.change_user(transaction, user_id=call.person.id, columns=columns, settings=settings)
    if "do_not_disturb_until" in wanted.model_fields_set:
        team_id = team_ids[0] if call.query.team else None
        until = _still(wanted.do_not_disturb_until, call.now)
        preferences.do_not_disturb(transaction, user_id=call.person.id, team_id=team_id, until=until)
    for category, values in _category_changes(wanted, shown).items():
        preferences.choose(transaction, user_id=call.person.id, team_ids=team_ids, category=category.value, values=values)
    found = _read(transaction, call)
    if any(getattr(found, name) != getattr(shown, name) for name in _MOVES_MAIL) or found.email.digest is not shown.email.digest:
        preferences.hold_anew(transaction, user_id=call.person.id, now=call.now)
    return found


_MOVES_MAIL: Final = ("quiet_hours", "urgent_breaks_through", "timezone", "do_not_disturb_until")
_COLUMNS: Final = ("enabled", "urgent_breaks_through", "retention_days")


def _user_changes(wanted: PreferencesChange, user: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    given = wanted.model_fields_set
    columns: dict[str, Any] = {name: getattr(wanted, name) for name in _COLUMNS if name in given}
    for name, channel in (("in_app", wanted.in_app), ("email", wanted.email)):
        if channel and channel.enabled is not None:
            columns[f"{name}_enabled"] = channel.enabled
        if channel and channel.min_level is not None:
            columns[f"{name}_weight"] = channel.min_level.weight
    if wanted.email_notifications_enabled is not None:
        columns["email_enabled"] = wanted.email_notifications_enabled
    columns["rhythm"] = _rhythm(wanted, preferences.rhythm_of(user)).key
    return columns, {name: getattr(wanted, name) for name in ("timezone", "desktop", "shortcuts") if name in given}


def _rhythm(wanted: PreferencesChange, rhythm: Rhythm) -> Rhythm:
    """The rhythm as it is to be; a change of zone alone changes it too."""
    if wanted.timezone is not None:
        rhythm = replace(rhythm, zone=wanted.timezone)
    if wanted.email and wanted.email.digest is not None:
        rhythm = replace(rhythm, digest=wanted.email.digest)
    if "quiet_hours" in wanted.model_fields_set:
        hours = wanted.quiet_hours
        begin, until = (time.fromisoformat(hours.begin), time.fromisoformat(hours.until)) if hours else (None, None)
        rhythm = replace(rhythm, quiet_from=begin, quiet_until=until)
    return rhythm


def _category_changes(wanted: PreferencesChange, shown: Preferences) -> dict[Category, dict[str, Any]]:
    changes: dict[Category, dict[str, Any]] = {}
    for category in Category:
        values: dict[str, Any] = {}
        both = getattr(wanted, f"{category.value}_notifications")
        if both is not None:
            values |= {"in_app": both, "email": both}
        if category in wanted.categories:
            values |= _choice(wanted.categories[category], shown.categories[category])
        if values:
            changes[category] = values
    return changes


def _choice(change: CategoryChange, shown: CategoryChoice) -> dict[str, Any]:
    """What to store. Of a choice that is whole, as GET gives it, only what differs: the rest was sent back, not chosen."""
    given = {name: getattr(change, name) for name in change.model_fields_set}
    if given.keys() == set(CategoryChoice.model_fields):
        given = {name: value for name, value in given.items() if value != getattr(shown, name)}
    values: dict[str, Any] = {name: given[name] for name in ("in_app", "email", "scope") if name in given}
    for channel in ("in_app", "email"):
        for name in ("min_level", f"{channel}_min_level"):
            if name in given:
                values[f"{channel}_weight"] = given[name].weight if given[name] else None
    return values


def _read(transaction: Transaction, call: Call) -> Preferences:
    user = preferences.of_user(transaction, call.person.id)
    rhythm, settings = preferences.rhythm_of(user), user["settings"]
    team_ids = call.team_ids(call.query.team)
    stored = preferences.subscriptions_of(transaction, user_id=call.person.id, team_id=team_ids[0]) if team_ids else {}
    until = user["do_not_disturb_until"]
    if call.query.team:
        until = preferences.undisturbed_until(transaction, user_id=call.person.id).get(team_ids[0])
    return Preferences(
        enabled=user["enabled"],
        in_app=Channel(enabled=user["in_app_enabled"], min_level=_LEVELS[user["in_app_weight"]]),
        email=Mail(enabled=user["email_enabled"], min_level=_LEVELS[user["email_weight"]], digest=rhythm.digest),
        quiet_hours=_hours(rhythm),
        urgent_breaks_through=user["urgent_breaks_through"],
        timezone=preferences.zone_of(user),
        do_not_disturb_until=_still(until, call.now),
        retention_days=user["retention_days"],
        desktop=settings.get("desktop", False),
        shortcuts=settings.get("shortcuts", True),
        categories={category: _stored(stored.get(category.value)) for category in Category},
    )


def _hours(rhythm: Rhythm) -> QuietHours | None:
    if rhythm.quiet_from is None or rhythm.quiet_until is None:
        return None
    return QuietHours.model_validate({"from": f"{rhythm.quiet_from:%H:%M}", "until": f"{rhythm.quiet_until:%H:%M}"})


def _still(until: datetime | None, now: datetime) -> datetime | None:
    """None where it is over."""
    return until if until and until > now else None


def _stored(row: Any) -> CategoryChoice:
    if row is None:
        return CategoryChoice(in_app=True, email=True, min_level=None, in_app_min_level=None, email_min_level=None, scope="all")
    in_app, email = (_LEVELS.get(row[name]) for name in ("in_app_weight", "email_weight"))
    same = in_app if in_app == email else None
    return CategoryChoice(
        in_app=row["in_app"], email=row["email"], min_level=same, in_app_min_level=in_app, email_min_level=email, scope=row["scope"]
    )


OPERATIONS: Final = (
    Operation("GET", "/api/notifications/preferences", "My preferences", show, Preferences, query=TeamQuery, problems=(404,)),
    Operation(
        "PUT",
        "/api/notifications/preferences",
        "Change my preferences",
        change,
        Preferences,
        query=TeamQuery,
        body=PreferencesChange,
        problems=(404,),
    ),
)
