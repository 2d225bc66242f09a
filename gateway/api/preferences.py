"""What I want to hear, over which channel, from which level on."""

from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, field_validator, model_validator

from gateway.api.models import TeamQuery
from gateway.api.operation import Call, Model, Operation
from gateway.storage import preferences
from gateway.storage.database import Transaction
from mappers.contract import Category, Level

_LEVELS: Final = {1: Level.INFO, 2: Level.WARNING, 3: Level.ERROR}


class Channel(BaseModel):
    """A channel of mine."""

    enabled: bool
    min_level: Level


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
    """My preferences; the categories are those of the team asked for, or of the first of mine."""

    enabled: bool
    timezone: str
    in_app: Channel
    email: Channel
    categories: dict[Category, CategoryChoice]


class ChannelChange(Model):
    """Changes of a channel."""

    enabled: bool | None = None
    min_level: Level | None = None


class CategoryChange(Model):
    """Changes of a category."""

    in_app: bool | None = None
    email: bool | None = None
    min_level: Level | None = None
    in_app_min_level: Level | None = None
    email_min_level: Level | None = None
    scope: Literal["all", "owned"] | None = None


class PreferencesChange(Model):
    """Partial: what is absent stays."""

    enabled: bool | None = None
    timezone: str | None = Field(default=None, examples=["Europe/Berlin"])
    in_app: ChannelChange | None = None
    email: ChannelChange | None = None
    categories: dict[Category, CategoryChange] = {}
    email_notifications_enabled: bool | None = Field(default=None, description="the same as email.enabled")
    incident_notifications: bool | None = Field(default=None, description="both channels of the category")
    schema_change_notifications: bool | None = Field(default=None, description="both channels of the category")
    job_failure_notifications: bool | None = Field(default=None, description="both channels of the category")
    late_run_notifications: bool | None = Field(default=None, description="both channels of the category")
    dbt_test_failure_notifications: bool | None = Field(default=None, description="both channels of the category")
    system_notifications: bool | None = Field(default=None, description="both channels of the category")

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        try:
            return value if value is None else ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("must be an IANA time zone, as in Europe/Berlin") from None

    @model_validator(mode="after")
    def _no_explicit_nulls(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null; leave it out to keep it as it is")
        return self


async def show(call: Call) -> Preferences:
    """What is in force now; nothing stored means the defaults."""
    return await call.database.read(_read, call)


async def change(call: Call) -> Preferences:
    """Changes what is given, in the team asked for or in all of mine."""

    def write(transaction: Transaction) -> Preferences:
        wanted: PreferencesChange = call.body
        columns, settings = _user_changes(wanted)
        preferences.change_user(transaction, user_id=call.person.id, columns=columns, settings=settings)
        for category, values in _category_changes(wanted).items():
            preferences.choose(
                transaction, user_id=call.person.id, team_ids=call.team_ids(call.query.team), category=category.value, values=values
            )
        return _read(transaction, call)

    return await call.database.write(write)


def _user_changes(wanted: PreferencesChange) -> tuple[dict[str, Any], dict[str, Any]]:
    columns: dict[str, Any] = {}
    if wanted.enabled is not None:
        columns["enabled"] = wanted.enabled
    for name, channel in (("in_app", wanted.in_app), ("email", wanted.email)):
        if channel and channel.enabled is not None:
            columns[f"{name}_enabled"] = channel.enabled
        if channel and channel.min_level is not None:
            columns[f"{name}_weight"] = channel.min_level.weight
    if wanted.email_notifications_enabled is not None:
        columns["email_enabled"] = wanted.email_notifications_enabled
    return columns, {"timezone": wanted.timezone} if wanted.timezone is not None else {}


def _category_changes(wanted: PreferencesChange) -> dict[Category, dict[str, Any]]:
    changes: dict[Category, dict[str, Any]] = {}
    for category in Category:
        values: dict[str, Any] = {}
        both = getattr(wanted, f"{category.value}_notifications")
        if both is not None:
            values |= {"in_app": both, "email": both}
        if category in wanted.categories:
            values |= _choice(wanted.categories[category])
        if values:
            changes[category] = values
    return changes


def _choice(change: CategoryChange) -> dict[str, Any]:
    given = change.model_fields_set
    values: dict[str, Any] = {name: getattr(change, name) for name in ("in_app", "email", "scope") if getattr(change, name) is not None}
    for column, names in (("in_app_weight", ("min_level", "in_app_min_level")), ("email_weight", ("min_level", "email_min_level"))):
        for name in names:
            if name in given:
                level: Level | None = getattr(change, name)
                values[column] = level.weight if level else None
    return values


def _read(transaction: Transaction, call: Call) -> Preferences:
    user = preferences.of_user(transaction, call.person.id)
    team_ids = call.team_ids(call.query.team)
    stored = preferences.subscriptions_of(transaction, user_id=call.person.id, team_id=team_ids[0]) if team_ids else {}
    return Preferences(
        enabled=user["enabled"],
        timezone=user["settings"].get("timezone", "UTC"),
        in_app=Channel(enabled=user["in_app_enabled"], min_level=_LEVELS[user["in_app_weight"]]),
        email=Channel(enabled=user["email_enabled"], min_level=_LEVELS[user["email_weight"]]),
        categories={category: _stored(stored.get(category.value)) for category in Category},
    )


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
