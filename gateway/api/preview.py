"""What would have reached me last week, had my preferences been what I think of making them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from gateway.api.models import TeamQuery
from gateway.api.operation import Call, Operation
from gateway.api.preferences import Preferences, PreferencesChange, apply
from gateway.domain.judge import Reason
from gateway.domain.rhythm import Rhythm
from gateway.storage import alerted, audience, preferences
from gateway.storage.alerted import Lately
from gateway.storage.audience import News
from gateway.storage.database import Transaction
from gateway.storage.hearing import EMAIL, IN_APP
from mappers.contract import Category, Level

WEEK: Final = timedelta(days=7)
SHOWN: Final = 20


class Reached(BaseModel):
    """How much of a category would have reached me."""

    in_app: int
    email: int
    """Alerts that would have been mailed; a digest holds several."""


class Example(BaseModel):
    """One alert that would have reached me."""

    id: int
    title: str
    category: Category
    level: Level
    urgent: bool
    at: datetime
    in_app: bool
    email: bool


class Preview(BaseModel):
    """What would have reached me, mutes and snoozes being as they are now."""

    since: datetime
    """A week ago, or later where more happened than is looked at."""
    in_app: int
    """Alerts in my inbox."""
    urgent: int
    """How many of them on the urgent bar."""
    mails: int
    """Mails, recoveries included; a digest is one."""
    by_category: dict[Category, Reached]
    items: list[Example]
    """The newest of them."""
    preferences: Preferences
    """As they would be."""


async def preview(call: Call) -> Preview:
    """Answers as if the change had been made a week ago. It is the same audience as the real one's, and nothing is changed."""
    team_ids = call.team_ids(call.query.team)
    found = await call.database.read(alerted.lately, team_ids=team_ids, since=call.now - WEEK)
    return await call.database.rehearse(_rehearsed, call, found)


def _rehearsed(transaction: Transaction, call: Call, found: Lately) -> Preview:
    changed = apply(transaction, call)
    failing = [one for one in found.alerts if one.reason != Reason.RESOLVED]
    news = [News(one.notification_id, one.episode, one.reason, str(place)) for place, one in enumerate(failing)]
    in_app, mailed = (
        {failing[int(place)] for place in audience.heard(transaction, channel, news, user_id=call.person.id, now=call.now)}
        for channel in (IN_APP, EMAIL)
    )
    user = preferences.of_user(transaction, call.person.id)
    episodes = {(one.notification_id, one.episode) for one in mailed}
    over = [one for one in found.alerts if one.reason == Reason.RESOLVED and (one.notification_id, one.episode) in episodes]
    leaving = mails([*mailed, *over], preferences.rhythm_of(user), breaks_through=user["urgent_breaks_through"])
    return Preview(
        since=found.since, in_app=len(in_app), urgent=sum(one.urgent for one in in_app), mails=leaving,
        by_category=_by_category(in_app, mailed), items=_examples(failing, in_app, mailed), preferences=changed,
    )  # fmt: skip


def mails(alerts: Iterable[Any], rhythm: Rhythm, *, breaks_through: bool) -> int:
    """How many mails these are: one for each conversation and moment, and one for all that is held until the same moment."""
    leaving: set[tuple[object, ...]] = set()
    for one in alerts:
        until = one.at if one.urgent and breaks_through else rhythm.free_at(one.at)
        topic = ("conversation", one.conversation_id) if one.conversation_id else ("notification", one.notification_id)
        leaving.add((one.team_id, until) if until > one.at else (*topic, one.at))
    return len(leaving)


def _by_category(in_app: set[Any], mailed: set[Any]) -> dict[Category, Reached]:
    shown, sent = (Counter(one.category for one in alerts) for alerts in (in_app, mailed))
    return {category: Reached(in_app=shown[category.value], email=sent[category.value]) for category in Category}


def _examples(alerts: Sequence[Any], in_app: set[Any], mailed: set[Any]) -> list[Example]:
    return [
        Example(
            id=one.notification_id, title=one.title, category=one.category, level=one.level, urgent=one.urgent, at=one.at,
            in_app=one in in_app, email=one in mailed,
        )
        for one in alerts if one in in_app or one in mailed
    ][:SHOWN]  # fmt: skip


OPERATIONS: Final = (
    Operation(
        "POST",
        "/api/notifications/preferences/preview",
        "What would have reached me last week",
        preview,
        Preview,
        query=TeamQuery,
        body=PreferencesChange,
        problems=(404,),
    ),
)
