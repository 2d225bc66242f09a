"""Sources as they go over the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.api.models import ZonedTime
from gateway.api.operation import Model
from gateway.config.document import Slug
from gateway.domain.source_health import Finding
from mappers.contract.signature import Scheme

Environment = Annotated[str, Field(max_length=80)]
GivenSecret = Annotated[str, Field(min_length=8, max_length=1000)]


class Look(BaseModel):
    """Something to look at, and what to do about it."""

    reason: Finding
    title: str
    advice: str


class SourceHealth(BaseModel):
    """How a source is doing, by what it sent lately; tests do not count."""

    last_event_at: datetime | None
    last_test_at: datetime | None
    today: int
    """Events of the last 24 hours."""
    more_today: bool
    """Whether there were more than were looked at."""
    unmapped_today: int
    quarantined_today: int
    usual_pause: float | None
    """The longest pause between its latest requests, in seconds; null where too few are known."""
    findings: list[Look]


class SourceRow(BaseModel):
    """A source in a list."""

    id: int
    team: str
    slug: str
    kind: str
    title: str
    """The sender, as people write it."""
    environment: str
    managed: bool
    """Whether tocsin.toml owns it: then it is changed there."""
    address: str
    """Without a credential."""
    created_at: datetime
    disabled_at: datetime | None
    last_event_at: datetime | None
    last_rejection_at: datetime | None
    asked_at: datetime | None
    """When its sender was last asked for runs whose webhooks never came."""
    trouble: str | None
    """Why it could not be asked."""
    health: SourceHealth


class Sources(BaseModel):
    """Every source of my teams."""

    items: list[SourceRow]
    next: None = None


class SecretRow(BaseModel):
    """A secret of a source, without the secret itself."""

    id: int
    scheme: Scheme
    added_at: datetime | None
    """Null where it was not made here."""
    expires_at: datetime | None
    valid: bool


class SourceWhole(SourceRow):
    """One source whole."""

    secrets: list[SecretRow]
    schemes: list[Scheme]
    """How its sender may prove itself."""
    settings: dict[str, Any]
    """Those that are set, without secret ones."""
    secret_settings: list[str]
    """Those that are set and are never told."""
    steps: list[str]
    """What to do at the sender; the credential is a word in them, for it is not kept."""


class KindRow(BaseModel):
    """A sender that sources can be of."""

    kind: str
    title: str
    schemes: list[Scheme]
    """How it may prove itself, the recommended one first."""
    shows_secret: list[Scheme]
    """Those of them whose secret the sender makes and shows."""
    settings: list[str]
    events: list[str]
    """What it understands, in the sender's own words."""


class Kinds(BaseModel):
    """Every kind."""

    items: list[KindRow]
    next: None = None


class NewSource(Model):
    """A source to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"slug": "backup", "kind": "generic", "environment": "prod"}]})
    team: str | None = None
    """The slug of a team that I administer; may be left out by who has one."""
    slug: Slug
    kind: Annotated[str, Field(max_length=80)]
    environment: Environment = ""
    scheme: Scheme | None = None
    """How its sender proves itself; absent: as the kind recommends."""
    secret: GivenSecret | None = None
    """Absent: made up here, or none yet where the sender makes it and shows it."""
    options: dict[Annotated[str, Field(max_length=40)], str] = {}
    """What the scheme needs beside secrets: `name` of `header`; `header`, `prefix`, `message` … of `hmac`."""
    settings: dict[str, Any] = {}


class SourceChange(Model):
    """What changes of a source; what is absent stays."""

    environment: Environment | None = None
    settings: dict[str, Any] | None = None
    """Only those that change; null takes one back to its default."""
    enabled: bool | None = None


class Rotation(Model):
    """A new secret beside the old ones."""

    scheme: Scheme | None = None
    """Of which scheme; absent: the first that the source has. Another that its kind can use is another way to prove itself."""
    secret: GivenSecret | None = None
    """Absent: made up here."""
    others_until: ZonedTime | None = None
    """When the old ones of the scheme end, unless they end before; absent: in a week."""

    @field_validator("others_until")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return value and value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be before the year 10000 in UTC") from None


class Ending(Model):
    """How a source ends."""

    permanently: bool = False
    """Whether it is deleted, which cannot be taken back; it must be disabled already."""


class Connecting(BaseModel):
    """A source with what its sender must know; shown this once."""

    id: int
    team: str
    slug: str
    kind: str
    address: str
    """Where the sender sends; of the scheme `token` the credential is part of it."""
    scheme: Scheme
    credential: str | None
    """Null where the sender makes it: once it shows it, add it to the source's secrets."""
    proof: str
    """How the sender proves itself, in words."""
    steps: list[str]
    """What to do at the sender, with address and credential filled in."""
    trial: str | None
    """A line of curl that sends an example as the sender would, as a test."""
    others_until: datetime | None = None
    """When the secrets that were there before end."""


class TestSent(BaseModel):
    """A test that was taken; what it would become is said by its event."""

    __test__ = False
    event_id: int
    warning: str | None
    """Why the sender's own requests are refused all the same; null where nothing is known to be in their way."""
