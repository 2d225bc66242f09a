"""What the gateway looks at by itself: databases whose tables it watches, and services that it probes."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.config.auth import HeaderName, Table
from gateway.config.schedule import Cron, Zone
from mappers.contract.source import Span

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Words = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=100)]
Tries = Annotated[int, Field(ge=1, le=100)]
_STATUS: Final = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_HOUR: Final = timedelta(hours=1)


def _is_status(value: object) -> str:
    said = str(value).casefold()
    if not _STATUS.fullmatch(said):
        raise ValueError(f"{value!r} is no status, as in 200 or 2xx")
    return said


Status = Annotated[int | str, AfterValidator(_is_status)]


class Watched(Table):
    """What both have."""

    team: str
    slug: Slug
    environment: Annotated[str, Field(max_length=80)] = ""
    owners: Words = ()
    tries: Tries = 3
    """Failures in a row until it is down."""


class Database(Watched):
    """`[[database]]`: its tables and columns are compared with what they were."""

    url: Annotated[str, Field(min_length=1, max_length=4000)]
    """As SQLAlchemy writes it; of an account that may only read."""
    cron: Cron | None = None
    """Either this or an interval; without both, every hour."""
    interval: Annotated[Span, Field(ge=timedelta(minutes=1))] | None = None
    timezone: Zone = "UTC"
    include: Words = ()
    """`analytics.*`, `orders`; without any, all tables."""
    exclude: Words = ()

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.cron is not None and self.interval is not None:
            raise ValueError("has either cron or interval")
        return self

    @property
    def every(self) -> timedelta:
        """How long between two looks where no cron says it."""
        return self.interval or _HOUR


class Probe(Watched):
    """`[[probe]]`: a service that is asked whether it is well."""

    url: Annotated[str, Field(max_length=2000)]
    method: Literal["GET", "HEAD", "POST", "OPTIONS"] = "GET"
    headers: Annotated[Mapping[HeaderName, Annotated[str, Field(max_length=4000)]], Field(max_length=20)] = {}
    interval: Annotated[Span, Field(ge=timedelta(seconds=5))] = timedelta(minutes=1)
    timeout: Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))] = timedelta(seconds=10)
    status: Annotated[tuple[Status, ...], Field(min_length=1, max_length=20)] = ("2xx",)
    """Which answers mean that it is well."""
    contains: Annotated[str, Field(max_length=1000)] = ""
    """What the beginning of the answer, its first 256 KiB, must hold."""
    redirects: Literal["none", "same-host", "any"] = "same-host"
    """Which are followed, five at most."""
    certificate: Span = timedelta(days=14)
    """How long before its certificate ends people are told; 0: never."""

    @field_validator("headers")
    @classmethod
    def _are_lines(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if any(not text.isprintable() for text in value.values()):
            raise ValueError("must be without line breaks and control characters")
        return value
