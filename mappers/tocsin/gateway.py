"""What the gateway writes about itself: a trouble of its own, for the admins of a team, and that it is over."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from mappers.contract import Category, Draft, Level, Mapped, State, duration
from mappers.tocsin.document import Document, Moment, checked

ADMINS = ("role:admin",)


class Trouble(Document):
    """One thing that is wrong, or was."""

    state: Literal["open", "over"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    level: Level = Level.WARNING
    title: Annotated[str, Field(min_length=1)]
    message: str = ""
    mend: str = ""
    urgent: bool = False
    source: str = ""
    at: Moment
    since: Moment


def read(document: Mapping[str, Any]) -> Mapped:
    """A system notification that only admins may see."""
    said = checked(Trouble, document)
    is_open = said.state == "open"
    return Mapped(
        drafts=(
            Draft(
                slug="tocsin-in-trouble",
                event_data={"name": said.name},
                category=Category.SYSTEM,
                level=said.level if is_open else Level.SUCCESS,
                state=State.FIRING if is_open else State.RESOLVED,
                title=said.title,
                pipeline=said.source or "Tocsin",
                occurrence=f"{said.since.isoformat()} {said.level if is_open else 'over'}",
                occurred_at=said.at,
                urgent=said.urgent if is_open else None,
                message=said.message if is_open else f"It is over, after {duration(max(said.at - said.since, timedelta()))}.",
                facts={"What to do": said.mend, "Source": said.source} if is_open else {},
                permissions=ADMINS,
            ),
        )
    )
