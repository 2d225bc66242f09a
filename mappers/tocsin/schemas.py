"""What the watcher of databases writes: tables and columns that are not what they were, and a database that cannot be read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mappers.contract import Category, Draft, Mapped, State
from mappers.contract.columns import Change, facts_of, level_of
from mappers.tocsin.document import Document, Moment, checked, local
from mappers.tocsin.looked_at import LookedAt, about, reachability

MOST_CHANGES: Final = 1000
_MOST_LINES: Final = 60
_SLUG: Final = "tocsin-database-down"


class ChangedColumn(Document):
    """One change, as `mappers.contract.columns` has it."""

    table: str = ""
    column: str = ""
    before: str = ""
    after: str = ""
    renamed: str = ""
    widened: bool = False
    nullable: bool | None = None


class Schema(LookedAt):
    """One thing that became of a database."""

    state: Literal["changed", "down", "up", "unwatched"]
    before_at: Moment | None = None
    """When it was last seen as it was."""
    changes: Annotated[tuple[ChangedColumn, ...], Field(max_length=MOST_CHANGES)] = ()
    more: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Changes that do not stand here."""
    key: str = ""
    """What it was and what it is."""


def read(document: Mapping[str, Any]) -> Mapped:
    """One note for all that changed between two looks."""
    said = checked(Schema, document)
    if said.state != "changed":
        return Mapped(drafts=(reachability(said, said.state, what=said.slug, slug=_SLUG),))
    changes = [Change(**one.model_dump()) for one in said.changes]
    if not changes:
        return Mapped(ignored="no table or column changed")
    draft = Draft(
        **about(said),
        slug="tocsin-schema-changed",
        event_data={"name": said.slug},
        category=Category.SCHEMA_CHANGE,
        level=level_of(changes),
        state=State.NOTE,
        title=_title(said, changes),
        occurrence=said.key or None,
        message=_message(said, changes),
        facts={**facts_of(changes), "Last seen as it was": local(said.before_at, "UTC") if said.before_at else ""},
    )
    return Mapped(drafts=(draft,))


def _title(said: Schema, changes: Sequence[Change]) -> str:
    """`warehouse: column public.orders.amount removed (was INTEGER)`, or how many there are."""
    if len(changes) == 1 and not said.more:
        (change,) = changes
        if change.column:
            return f"{said.slug}: {replace(change, column=change.name, table='').in_words}"
        return f"{said.slug}: {change.in_words.replace(' ', f' {change.table} ', 1)}"
    breaking = sum(change.breaks for change in changes)
    count = len(changes) + said.more
    return f"{said.slug}: {count} changes{f', {breaking} of them {_break(breaking)} readers' if breaking else ''}"


def _break(count: int) -> str:
    return "breaks" if count == 1 else "break"


def _message(said: Schema, changes: Sequence[Change]) -> str:
    """A line for each, those that break readers first, as they came."""
    lines = [f"{change.table}: {change.in_words} ({change.verdict})" if change.table else change.in_words for change in changes]
    left = len(changes) + said.more - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], f"… and {left} more"] if left > 0 else lines)
