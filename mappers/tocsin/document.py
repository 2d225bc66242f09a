"""What the documents of all watchers have in common: how they are checked, and how a time in them is told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mappers.contract import Unmapped, parse_time


class Document(BaseModel):
    """Base of what a watcher writes. What a later version adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Written = TypeVar("Written", bound=Document)
Moment = Annotated[datetime, BeforeValidator(parse_time)]
"""A time in UTC."""


def checked(model: type[Written], document: Mapping[str, Any]) -> Written:
    """The document as this model. Raises `Unmapped` naming the first part that does not fit."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise Unmapped(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


def local(moment: datetime, zone: str) -> str:
    """`2026-03-02 02:00 Europe/Berlin`: a time as the people of this zone read it."""
    try:
        return f"{moment.astimezone(ZoneInfo(zone)):{_format(moment)}} {zone}"
    except (LookupError, ValueError, OSError, OverflowError):
        return f"{moment.astimezone(UTC):{_format(moment)}} UTC"


def _format(moment: datetime) -> str:
    return "%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M"
