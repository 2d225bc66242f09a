"""From what the mapping finds to a draft and a run signal."""

from datetime import datetime
from typing import Final

from mappers.contract import Category, Draft, Inbound, Level, Member, Phase, RunSignal, State, Unmapped, duration, parse_time
from mappers.contract.text import one_line
from mappers.webhook.language import text
from mappers.webhook.message import Item, Message, says
from mappers.webhook.settings import Reading, WebhookSettings
from mappers.webhook.words import CATEGORIES, LEVELS, Outcome, outcome, pick

_STATES: Final = {Outcome.FIRING: State.FIRING, Outcome.RESOLVED: State.RESOLVED}
_PHASES: Final = {
    Outcome.FIRING: Phase.FAILED,
    Outcome.RESOLVED: Phase.SUCCEEDED,
    Outcome.RUNNING: Phase.RUNNING,
    Outcome.RETRYING: Phase.RETRYING,
    Outcome.CANCELLED: Phase.CANCELLED,
}
_SAID: Final = {Outcome.FIRING: "failed", Outcome.RESOLVED: "recovered", Outcome.CANCELLED: "was cancelled"}
_MILLISECONDS: Final = 10**11


def draft(settings: WebhookSettings, reading: Reading, message: Message, item: Item, meant: Outcome, inbound: Inbound) -> Draft:
    """The notification of one item. Raises `Unmapped` where it does not say what it is about."""
    state = _STATES.get(meant, State.NOTE)
    firing = state is State.FIRING
    pipeline, run = _said(reading, "pipeline", message, item), _said(reading, "run", message, item)
    at, since = _time(reading, "occurred_at", message, item), _time(reading, "started_at", message, item)
    identity = _identity(reading, message, item, pipeline)
    title = one_line(_said(reading, "title", message, item, all_of_it=False), 200) if meant is not Outcome.CANCELLED else ""
    return Draft(
        slug=f"{reading.slug or 'webhook-event'}{'-note' if state is State.NOTE else ''}",
        event_data=identity,
        member=_member(reading, message, item),
        category=_category(settings, reading, message, item, is_job=bool(run)),
        level=_level(settings, reading, message, item, state),
        state=state,
        title=title or f"{pipeline or ', '.join(identity.values())} {_SAID.get(meant, '')}".strip(),
        pipeline=pipeline or None,
        run=run or None,
        attempt=_attempt(reading, message, item),
        occurrence=_said(reading, "occurrence", message, item) or (f"{since.isoformat()} firing" if firing and since and not run else None),
        occurred_at=at,
        message=_message(reading, message, item, state, since, at or inbound.received_at),
        links={label: target for label, written in (reading.links or {}).items() if (target := message.say(text(written), item))},
        facts={
            **{label: message.say(text(written), item, all_of_it=False) for label, written in (reading.facts or {}).items()},
            "Time, which cannot be read": "" if at else _said(reading, "occurred_at", message, item)[:100],
        },
        owners=_several(reading.owner, message, item),
        tags=_several(reading.tags, message, item),
        environment=_said(reading, "environment", message, item) or None,
        closes_itself=firing and not _can_recover(settings, reading),
        excerpt=_said(reading, "excerpt", message, item) if firing else "",
    )


def signal(reading: Reading, message: Message, item: Item, meant: Outcome) -> RunSignal | None:
    """What it says of a run; None where it names none."""
    pipeline, run = _said(reading, "pipeline", message, item), _said(reading, "run", message, item)
    if not pipeline or not run or meant not in _PHASES:
        return None
    return RunSignal(
        pipeline=pipeline,
        run=run,
        phase=_PHASES[meant],
        at=_time(reading, "occurred_at", message, item),
        attempt=_attempt(reading, message, item),
        state=_said(reading, "state", message, item),
        started_at=_time(reading, "started_at", message, item),
        environment=_said(reading, "environment", message, item) or None,
    )


def instead(written: str | None, message: Message, item: Item) -> str:
    """What the message has in place of the first thing that a text looks for in vain."""
    missing = (one for one in text(written or "").paths if not says(message.find(one, item)))
    return next((message.names(one, item) for one in missing), "")


def _said(reading: Reading, name: str, message: Message, item: Item, *, all_of_it: bool = True) -> str:
    told = reading.told(name)
    return message.say(told, item, all_of_it=all_of_it) if told is not None else ""


def _identity(reading: Reading, message: Message, item: Item, pipeline: str) -> dict[str, str]:
    if reading.identity is None:
        if not pipeline:
            there = instead(reading.pipeline, message, item)
            raise Unmapped(f"pipeline: nothing is said at {reading.pipeline}, and there is no other identity{there}")
        return {"pipeline": one_line(pipeline, 300)}
    identity = {name: one_line(message.say(text(written), item), 300) for name, written in reading.identity.items()}
    for name, written in reading.identity.items():
        if not identity[name] and written:
            there = instead(written, message, item)
            raise Unmapped(f"identity.{name}: nothing is said at {written}{there}; what may be absent is written {{path | ''}}")
    return identity


def _member(reading: Reading, message: Message, item: Item) -> Member | None:
    key = one_line(_said(reading, "member", message, item), 300)
    return Member(key=key, label=_said(reading, "member_label", message, item) or key) if key else None


def _category(settings: WebhookSettings, reading: Reading, message: Message, item: Item, *, is_job: bool) -> Category:
    said = _said(reading, "category", message, item)
    known = pick(settings.categories, said) or pick(CATEGORIES, said.replace("-", "_").replace(" ", "_"))
    return known or (Category.JOB_FAILURE if is_job else Category.INCIDENT)


def _level(settings: WebhookSettings, reading: Reading, message: Message, item: Item, state: State) -> Level:
    """A severity nobody knows is an error of what fires, and nothing of a note."""
    if state is State.RESOLVED:
        return Level.SUCCESS
    said = _said(reading, "level", message, item)
    known = pick(settings.levels, said) or pick(LEVELS, said)
    if state is State.FIRING:
        return Level.ERROR if known in (None, Level.SUCCESS) else known
    return known or Level.INFO


def _message(reading: Reading, message: Message, item: Item, state: State, since: datetime | None, until: datetime) -> str:
    said = _said(reading, "message", message, item, all_of_it=False)
    if state is not State.RESOLVED or since is None or since >= until:
        return said
    lasted = f"Lasted {duration(until - since)}"
    return f"{lasted}: {said}" if said else f"{lasted}."


def _several(written: tuple[str, ...] | None, message: Message, item: Item) -> tuple[str, ...]:
    return tuple(word for one in written or () for word in message.several(text(one), item))


def _attempt(reading: Reading, message: Message, item: Item) -> int | None:
    said = _said(reading, "attempt", message, item)
    return int(said) if said.isdecimal() and len(said) < 10 else None


def _time(reading: Reading, name: str, message: Message, item: Item) -> datetime | None:
    """RFC 3339, or seconds, or thousandths of them down to nanoseconds, since 1970."""
    said = _said(reading, name, message, item)
    if said.replace(".", "", 1).isdecimal() and said.isascii() and len(said) <= 20:
        number = float(said)
        for _ in range(3):  # milli-, micro-, nanoseconds
            number = number / 1000 if number > _MILLISECONDS else number
        return parse_time(number)
    return parse_time(said)


def _can_recover(settings: WebhookSettings, reading: Reading) -> bool:
    """Whether any message of this source could resolve what this one opened."""
    texts = [reading.told("state"), settings.told("state"), *(settings.of(name).told("state") for name in settings.events)]
    return any(told and (not told.is_constant or outcome(settings.states, told.constant) is Outcome.RESOLVED) for told in texts)
