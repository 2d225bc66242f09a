"""From a message about a flow run to drafts and the run's signal."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mappers.contract import Category, Draft, FollowUp, Level, LogPointer, Mapped, Member, RunSignal, State, Unmapped, duration
from mappers.contract.draft import safe_link
from mappers.prefect.message import RunMessage
from mappers.prefect.scope import Scope, scope_of
from mappers.prefect.settings import PrefectSettings
from mappers.prefect.states import Meaning, Reading, read_state


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to tell of a flow: the kind of thread it goes to."""

    slug: str
    category: Category
    title: str


FAILED: Final = Topic("prefect-flow-run-failed", Category.JOB_FAILURE, "{} failed")
TESTS_FAILED: Final = Topic("prefect-flow-run-tests-failed", Category.DBT_TEST_FAILURE, "dbt tests failed in {}")
LATE: Final = Topic("prefect-flow-run-late", Category.LATE_RUN, "{} is late")
CANCELLED: Final = Topic("prefect-flow-run-cancelled", Category.JOB_FAILURE, "{} was cancelled")
OPENING: Final = {Meaning.FAILED: FAILED, Meaning.TESTS_FAILED: TESTS_FAILED}
"""What opens a flow's thread."""
ASKED_FOR: Final = frozenset((*OPENING, Meaning.COMPLETED, Meaning.CANCELLED))
"""Where a message does not name the flow. Lateness is not: the run's next state, which is not asked for, must end it."""
ASKING: Final = timedelta(seconds=15)
"""How long a failure whose flow is not told waits for Prefect's API to tell it."""

OWNER: Final = "owner:"
"""A tag that begins so names an owner."""
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What may be asked of an API as a flow run's id."""
TEST: Final = re.compile(r"\btests?[:. ]{1,3}[`'\"]?([A-Za-z][\w.]{2,300})", re.IGNORECASE)
"""Where dbt names a test: `Failure in test not_null_orders_id (models/schema.yml)`, `test.shop.not_null_orders_id.1a2b`."""


def map_run(message: RunMessage, settings: PrefectSettings, received_at: datetime) -> Mapped:
    """Drafts by the state's meaning, and a signal for every state. Raises `Unmapped` for a state nobody can read."""
    if not message.state:
        return _ask_for_state(message, settings)
    reading = read_state(message.state, message.type)
    if reading is None and settings.api_url and not message.is_looked_up and _may_be_asked(message):
        return Mapped(follow_ups=(_flow_run(message, **_asked_about(message)),), ignored=f"the type of {message.state!r} is asked for")
    if reading is None:
        raise Unmapped(f"the state {message.state!r} is not one of Prefect's own, and its type is not given")
    scope = scope_of(message, settings)
    if reading.meaning in ASKED_FOR and _is_to_be_asked(message, settings):
        return _ask_whose(message, reading, settings, received_at)
    drafts = tuple(_drafts(message, reading, scope, settings, received_at))
    if message.is_looked_up and message.flow and reading.meaning in OPENING:
        drafts += (_never_was(message, reading, settings),)
    return Mapped(
        drafts=drafts,
        signals=(_signal(message, reading, scope, settings),),
        follow_ups=_ask_when_due(message, reading, scope, settings),
        ignored=None if drafts else f"{message.state} alerts nobody",
    )


def _drafts(message: RunMessage, reading: Reading, scope: Scope, settings: PrefectSettings, received_at: datetime) -> Iterator[Draft]:
    meaning = reading.meaning
    is_late_no_more = reading.ends_lateness and message.previous != "Scheduled"  # straight from there means in time
    if meaning is Meaning.NOTHING and not is_late_no_more:
        return
    common, facts = _common(message, scope, settings), _facts(message)
    run = Member(key=message.run, label=_called(message))
    if meaning is Meaning.FAILED:
        yield _draft(FAILED, common, level=Level.ERROR, member=scope.member, **_failure(message, facts, scope, settings))
    elif meaning is Meaning.TESTS_FAILED:
        failure = _failure(message, facts | {"Tests": ", ".join(_tests(message.text))}, scope, settings)
        yield _draft(TESTS_FAILED, common, level=Level.ERROR, member=scope.member, **failure)
    elif meaning is Meaning.LATE:
        # The run is the member: several may be late at once, and each ends its own lateness only.
        yield _draft(LATE, common, level=Level.WARNING, member=run, **_lateness(message, facts, scope, settings, received_at))
    elif meaning is Meaning.CANCELLED:
        said = message.text or f"Flow run {_called(message)} was cancelled."
        yield _draft(CANCELLED, common, level=Level.INFO, state=State.NOTE, member=scope.member, message=said, facts=facts)
    elif meaning is Meaning.COMPLETED:
        recovery = {"level": Level.SUCCESS, "state": State.RESOLVED, "member": scope.member, "facts": facts}
        said = f"Flow run {_called(message)} completed."
        yield _draft(FAILED, common, message=said, **recovery)
        if not _failed_its_tests(message, scope):
            yield _draft(TESTS_FAILED, common, message=said, spares_own_run=True, **recovery)
    if is_late_no_more:
        said = f"Flow run {_called(message)} is {message.state} now."
        yield _draft(LATE, common, level=Level.SUCCESS, state=State.RESOLVED, member=run, message=said, facts=facts)


def _draft(topic: Topic, common: Mapping[str, Any], **more: Any) -> Draft:
    name = common["pipeline"]
    title = topic.title.format(f"Flow run {name}" if name == common["run"] else name)  # an id alone says nobody what it is of
    return Draft(slug=topic.slug, category=topic.category, title=title, **common, **more)


def _common(message: RunMessage, scope: Scope, settings: PrefectSettings) -> dict[str, Any]:
    """What all drafts of one message share. State and time make the happening: the same in every dialect that tells the time."""
    common: dict[str, Any] = {
        "event_data": scope.event_data,
        "pipeline": scope.pipeline,
        "run": message.run,
        "attempt": message.attempt,
    }
    if message.at:
        common["occurrence"], common["occurred_at"] = f"{message.run} {message.at.isoformat()}", message.at
    if link := _link(message, settings):
        common["links"] = {"Open run": link}
    owners = tuple(tag.removeprefix(OWNER) for tag in message.tags if tag.startswith(OWNER)) if message.tags else ()
    if owners or settings.owners:
        common["owners"] = owners or settings.owners
    if message.tags:
        common["tags"] = tuple(tag for tag in message.tags if not tag.startswith(OWNER))
    return common


def _facts(message: RunMessage) -> dict[str, str]:
    """Without the empty ones: what needs no putting in order is quickly made."""
    facts = {}
    if message.deployment:
        facts["Deployment"] = message.deployment
    if message.run_name:
        facts["Flow run"] = message.run_name
    if message.attempt is not None and message.attempt > 1:
        facts["Attempt"] = str(message.attempt)
    return facts


def _failure(message: RunMessage, facts: Mapping[str, str], scope: Scope, settings: PrefectSettings) -> dict[str, Any]:
    failure: dict[str, Any] = {
        "message": message.text or f"Flow run {_called(message)} ended as {message.state}.",
        "facts": {"State": message.state, **facts},
        "excerpt": message.text,
    }
    if _may_be_asked(message):
        failure["logs"] = LogPointer(kind="prefect", operation="flow_run_logs", ids={"flow_run_id": message.run})
    if settings.hold:
        failure["hold"] = settings.hold
    if scope.is_run:
        failure["closes_itself"] = True
    return failure


def _lateness(
    message: RunMessage, facts: Mapping[str, str], scope: Scope, settings: PrefectSettings, received_at: datetime
) -> dict[str, Any]:
    at, expected = message.at or received_at, message.expected_at
    if expected and expected <= at:
        delay = duration(at - expected)
        said, when = f"Expected to start at {_clock(expected)}; not started {delay} later.", {"Expected": _clock(expected), "Delay": delay}
    else:
        said, when = f"Not started when it was due; called late at {_clock(at)}.", {"Late since": _clock(at)}
    return {
        "message": said,
        "facts": {**when, **facts},
        "hold": (settings.late_hold if settings.hold is None else settings.hold) or None,
        "closes_itself": scope.is_run,
    }


def _failed_its_tests(message: RunMessage, scope: Scope) -> bool:
    """Whether the completed run is, or may only be, the one whose dbt tests failed: that mends nothing."""
    before = read_state(message.previous, "") if message.previous else None
    return scope.is_run or (before is not None and before.meaning is Meaning.TESTS_FAILED)


def _signal(message: RunMessage, reading: Reading, scope: Scope, settings: PrefectSettings) -> RunSignal:
    link = _link(message, settings)
    about = {"name": message.run_name, "url": link if safe_link(link) else ""}
    return RunSignal(
        pipeline=scope.pipeline,
        run=message.run,
        phase=reading.phase,
        at=message.at,
        attempt=message.attempt,
        state=message.state,
        started_at=message.started_at,
        expected_at=message.expected_at,
        **{name: value for name, value in about.items() if value},
    )


def _ask_for_state(message: RunMessage, settings: PrefectSettings) -> Mapped:
    """A run without a state: its state is asked for, and arrives as a message of its own."""
    if message.is_looked_up or not (settings.api_url and _may_be_asked(message)):
        raise Unmapped("names a flow run but not its state; with `api_url` set it would be asked for")
    return Mapped(follow_ups=(_flow_run(message),), ignored="names a flow run but not its state, which is asked for")


def _ask_when_due(message: RunMessage, reading: Reading, scope: Scope, settings: PrefectSettings) -> tuple[FollowUp, ...]:
    """A late run's expected time, where only Prefect's API tells it: what comes back is the same happening, told more fully."""
    unknown = reading.meaning is Meaning.LATE and message.expected_at is None and not scope.is_run and not message.is_looked_up
    return (_flow_run(message),) if unknown and settings.api_url and _may_be_asked(message) else ()


def _is_to_be_asked(message: RunMessage, settings: PrefectSettings) -> bool:
    """Whether the flow is not told (a text that names the run alone, a template whose flow Prefect could not look up) but can be had."""
    return bool(settings.api_url) and not message.flow and not message.is_looked_up and _may_be_asked(message)


def _ask_whose(message: RunMessage, reading: Reading, settings: PrefectSettings, received_at: datetime) -> Mapped:
    """What fails is held back until Prefect's API has said whose run it is; if it says nothing, people hear of the run alone."""
    alone = message._replace(deployment="")
    scope = scope_of(alone, settings)
    drafts = [draft for draft in _drafts(alone, reading, scope, settings, received_at) if draft.state is not State.NOTE]
    held = tuple(
        draft.model_copy(update={"hold": max(draft.hold or timedelta(), ASKING)} if draft.state is State.FIRING else {}) for draft in drafts
    )
    about = {"state": message.state, "at": message.at.isoformat() if message.at else ""}
    return Mapped(
        drafts=held, follow_ups=(_flow_run(message, **about),), ignored=None if held else "does not name its flow, which is asked for"
    )


def _never_was(message: RunMessage, reading: Reading, settings: PrefectSettings) -> Draft:
    """Ends what was said, or is held back, of the run alone: this tells it of its flow. Its time is that of the asking, after both."""
    alone = message._replace(flow="", deployment="", at=None)
    common = _common(alone, scope_of(alone, settings), settings)
    said = f"Told of flow {message.flow}."
    return _draft(OPENING[reading.meaning], common, level=Level.SUCCESS, state=State.RESOLVED, message=said)


def _asked_about(message: RunMessage) -> dict[str, str]:
    return {"state": message.state, "at": message.at.isoformat() if message.at else ""}


def _flow_run(message: RunMessage, **about: str) -> FollowUp:
    return FollowUp(kind="prefect", operation="flow_run", ids={"flow_run_id": message.run, **about})


def _may_be_asked(message: RunMessage) -> bool:
    return IDENTIFIER.fullmatch(message.run) is not None


def _link(message: RunMessage, settings: PrefectSettings) -> str:
    return message.url or (settings.link(f"runs/flow-run/{message.run}") if _may_be_asked(message) else "")


def _called(message: RunMessage) -> str:
    return message.run_name or message.run


def _tests(text: str) -> list[str]:
    """The names of dbt tests in a text, at most ten. A test's name has an underscore, which tells it from a word."""
    names = (found[1].strip(".").split(".") for found in TEST.finditer(text[:20_000]))
    tests = (parts[1] if len(parts) > 2 else parts[-1] for parts in names)  # of `project.name.hash` the name
    return list(dict.fromkeys(test for test in tests if "_" in test))[:10]


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
