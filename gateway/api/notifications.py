"""My inbox: lists, counts, the urgent bar, one notification, and what I do with them."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.api import cursor, present
from gateway.api.models import (
    Categories,
    CategoryInfo,
    Counts,
    Criteria,
    Detail,
    Done,
    FilterQuery,
    ListQuery,
    Page,
    TeamQuery,
    UnreadCount,
    UrgentBar,
    Vote,
)  # fmt: skip
from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.domain.history import History, history
from gateway.engine import settle
from gateway.storage import detail, inbox, readings, runs, threads
from gateway.storage.database import Transaction
from gateway.storage.inbox import Filter
from mappers.contract import Category

_GONE: Final = "You have no such notification."
TIMELINE: Final = 200
MEMBERS: Final = 1000
CATEGORIES: Final = (
    CategoryInfo(
        value=Category.INCIDENT, label="Incident", description="Something people rely on is down: a health check, an alert, a work pool."
    ),
    CategoryInfo(
        value=Category.SCHEMA_CHANGE,
        label="Schema change",
        description="Tables or columns were added, removed or retyped, or a contract was broken.",
    ),
    CategoryInfo(value=Category.JOB_FAILURE, label="Job failure", description="A flow run, a job or a model failed, crashed or timed out."),
    CategoryInfo(
        value=Category.LATE_RUN, label="Late run", description="A run did not start, or data did not arrive, when it was expected."
    ),
    CategoryInfo(value=Category.DBT_TEST_FAILURE, label="dbt test failure", description="Data did not pass its tests."),
    CategoryInfo(value=Category.SYSTEM, label="System", description="Tocsin itself, and whatever fits no other category."),
)


async def categories(_: Call) -> Categories:
    """The closed set of categories."""
    return Categories(items=list(CATEGORIES))


async def my_inbox(call: Call) -> Page:
    """The default list, exactly what the counts count."""
    return await _page(call, Filter(team_ids=call.team_ids(call.query.team) if call.query.team else None))


async def filtered(call: Call) -> Page:
    """The list within a filter."""
    return await _page(call, wanted(call))


async def _page(call: Call, wanted: Filter) -> Page:
    limit = call.query.limit
    rows = await call.database.read(
        inbox.page, user_id=call.person.id, wanted=wanted, now=call.now, after=cursor.decode(call.query.cursor), limit=limit + 1
    )
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        items=[present.item(row, call.public_url) for row in rows[:limit]],
        next=cursor.encode(last["last_at"], last["id"]) if last else None,
    )


def wanted(call: Call) -> Filter:
    """The filter that a call asks for."""
    query: FilterQuery = call.query
    return replace(
        _asked(call), urgent_only=query.urgent_only, read={"all": None, "read": True, "unread": False}[query.read_status],
        muted=query.muted, archived=query.archived, snoozed=query.snoozed,
    )  # fmt: skip


def _asked(call: Call) -> Filter:
    query: Criteria = call.query
    return Filter(
        team_ids=call.team_ids(query.team) if query.team else None,
        categories=tuple(category.value for category in query.category),
        levels=tuple(level.value for level in query.level),
        status=None if query.status == "all" else query.status,
        source=query.source,
        pipeline=query.pipeline,
        owner=query.owner,
        tag=query.tag,
        since=_utc(query.since),
        until=_utc(query.until),
        text=query.q or None,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


async def urgent_bar(call: Call) -> UrgentBar:
    """Worst, then oldest; acknowledged ones stay, marked."""
    team_ids = call.team_ids(call.query.team) if call.query.team else None
    found = await call.database.read(inbox.bar, user_id=call.person.id, team_ids=team_ids, now=call.now)
    return present.bar(found, call.public_url)


async def unread_count(call: Call) -> UnreadCount:
    """How many entries of the default list are unread."""
    wanted = Filter(team_ids=call.team_ids(call.query.team) if call.query.team else None)
    counts = await call.database.read(inbox.unread, user_id=call.person.id, wanted=wanted, now=call.now)
    return UnreadCount(total=sum(counts.values()), by_category={category: counts.get(category.value, 0) for category in Category})


PARTS: Final[Mapping[str, dict[str, Any]]] = {
    "all": {},
    "unread": {"read": False},
    "urgent": {"urgent_only": True, "status": "open"},
    "snoozed": {"snoozed": True},
    "archived": {"archived": True},
    "muted": {"muted": True},
}
"""What is asked for in each part of the inbox, where nothing else is."""


async def counts(call: Call) -> Counts:
    """How many entries each part of my inbox has."""
    asked = _asked(call)
    given = {"status": asked.status} if asked.status else {}

    def read(transaction: Transaction) -> dict[str, int]:
        return {
            name: inbox.count(transaction, user_id=call.person.id, wanted=replace(asked, **part | given), now=call.now)
            for name, part in PARTS.items()
        }

    return Counts(**await call.database.read(read))


async def show(call: Call) -> Detail:
    """One notification with its members, occurrences and my deliveries."""

    def whole(transaction: Transaction) -> dict[str, Any] | None:
        notification_id = call.id()
        row = inbox.one(transaction, user_id=call.person.id, notification_id=notification_id, now=call.now)
        return row and {
            "row": row,
            "members": detail.members_of(transaction, notification_id, episode=row["episode"], limit=MEMBERS),
            "timeline": detail.timeline(transaction, notification_id, limit=TIMELINE),
            "deliveries": detail.deliveries_to(transaction, user_id=call.person.id, notification_id=notification_id),
            "summary": readings.summaries(transaction, [notification_id]).get(notification_id),
            "useful": readings.vote_of(transaction, notification_id=notification_id, user_id=call.person.id),
            "past": _past(transaction, notification_id),
        }

    found = await call.database.read(whole)
    if found is None:
        raise Problem(404, _GONE)
    return present.detail(**found, public_url=call.public_url)


def _past(transaction: Transaction, notification_id: int) -> History | None:
    ends = runs.recent_ends_of(transaction, notification_id)
    return history(ends) if ends else None


async def vote(call: Call) -> Done:
    """Says whether the summary was of use to me; the last word counts."""
    wanted: Vote = call.body

    def write(transaction: Transaction) -> bool:
        number = call.id()
        mine = inbox.one(transaction, user_id=call.person.id, notification_id=number, now=call.now)
        return mine is not None and readings.vote(
            transaction, notification_id=number, user_id=call.person.id, useful=wanted.useful, now=call.now
        )

    if not await call.database.write(write):
        raise Problem(404, "You have no such notification, or nothing was read of it.")
    return Done()


async def dismiss(call: Call) -> Done:
    """Takes it off my urgent bar until it gets worse or begins anew."""
    mine = await call.database.write(
        inbox.mark, user_id=call.person.id, ids=[call.id()], now=call.now, read=None, archived=None, dismissed=True
    )
    if not mine:
        raise Problem(404, _GONE)
    return Done()


async def acknowledge(call: Call) -> Done:
    """Tells everyone that somebody is on it. Reminders of what is urgent become as rare as any."""
    return await _for_everyone(call, functools.partial(inbox.acknowledge, user_id=call.person.id, now=call.now, taken_back=False))


async def unacknowledge(call: Call) -> Done:
    """Takes an acknowledgement back."""

    def change(transaction: Transaction, *, notification_id: int) -> None:
        inbox.acknowledge(transaction, user_id=call.person.id, notification_id=notification_id, now=call.now, taken_back=True)
        threads.plan_reminder_anew(transaction, notification_id, now=call.now)

    return await _for_everyone(call, change)


async def resolve(call: Call) -> Done:
    """Closes it for everyone; who was told that it failed is told so. What is over already stays as it is."""
    return await _for_everyone(call, functools.partial(settle.close_by_hand, who=call.person.name, now=call.now))


async def _for_everyone(call: Call, change: Callable[..., object]) -> Done:
    """Changes a thread that the person sees, as a member of its team at least."""

    def write(transaction: Transaction) -> None:
        row = inbox.one(transaction, user_id=call.person.id, notification_id=call.id(), now=call.now)
        if row is None:
            raise Problem(404, _GONE)
        call.require("member", call.person.teams[row["team"]])
        change(transaction, notification_id=row["id"])

    await call.database.write(write)
    return Done()


_ROOT: Final = "/api/notifications"
OPERATIONS: Final = (
    Operation("GET", f"{_ROOT}/categories", "The six categories", categories, Categories),
    Operation("GET", f"{_ROOT}/v1", "My inbox, newest first", my_inbox, Page, query=ListQuery, problems=(404,)),
    Operation("GET", f"{_ROOT}/filtered", "My inbox within a filter", filtered, Page, query=FilterQuery, problems=(404,)),
    Operation("GET", f"{_ROOT}/urgent-bar", "What is urgent and open", urgent_bar, UrgentBar, query=TeamQuery, problems=(404,)),
    Operation("GET", f"{_ROOT}/unread-count", "How many unread", unread_count, UnreadCount, query=TeamQuery, problems=(404,)),
    Operation("GET", f"{_ROOT}/counts", "How many in each part", counts, Counts, query=Criteria, problems=(404,)),
    Operation("GET", f"{_ROOT}/{{id}}", "One notification whole", show, Detail, problems=(404,)),
    Operation("POST", f"{_ROOT}/{{id}}/acknowledge", "Somebody is on it", acknowledge, Done, problems=(404,), floor="member"),
    Operation("POST", f"{_ROOT}/{{id}}/unacknowledge", "Nobody is on it after all", unacknowledge, Done, problems=(404,), floor="member"),
    Operation("POST", f"{_ROOT}/{{id}}/resolve", "It is over", resolve, Done, problems=(404,), floor="member"),
    Operation("POST", f"{_ROOT}/{{id}}/summary-vote", "Was the summary of use", vote, Done, body=Vote, problems=(404,)),
    Operation("POST", f"{_ROOT}/{{id}}/dismiss", "Take it off my urgent bar", dismiss, Done, problems=(404,)),
)
