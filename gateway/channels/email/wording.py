"""The words of a mail: its first line, its one sentence, and why the reader gets it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.channels.email.clock import Clock, ordinal
from gateway.channels.message import Kind, Message, Part
from gateway.domain.judge import Reason
from mappers.contract import Category, Level, duration
from mappers.contract.text import one_line


class Tone(StrEnum):
    """How a part is coloured."""

    FAILING = "failing"
    WARNING = "warning"
    RESOLVED = "resolved"
    NOTE = "note"


class _Story(NamedTuple):
    """How a category is told: `FAILED since`, `STILL FAILING`, *The job failed*, *40 nodes failed*."""

    began: str
    still: str
    one: str
    many: str
    past: str
    follows: str


_STORIES: Final = {
    Category.INCIDENT: _Story("FAILING", "failing", "", "alerts", "began to fail", "incidents"),
    Category.SCHEMA_CHANGE: _Story("SCHEMA CHANGED", "open", "schema", "tables", "changed", "schema changes"),
    Category.JOB_FAILURE: _Story("FAILED", "failing", "job", "nodes", "failed", "job failures"),
    Category.LATE_RUN: _Story("LATE", "late", "run", "sources", "became late", "late runs"),
    Category.DBT_TEST_FAILURE: _Story("FAILED", "failing", "dbt test", "dbt tests", "failed", "dbt test failures"),
    Category.SYSTEM: _Story("FAILED", "failing", "", "things", "failed", "system notices"),
}

_REASONS: Final[Mapping[str, str]] = {
    Reason.FIRST: "it is new",
    Reason.REOPENED: "it came back after a recovery",
    Reason.ESCALATED: "it got worse",
    Reason.GREW: "more of it is failing than before",
    Reason.REPEAT: "it happened again after you had read about it",
    Reason.SHRANK: "part of it has recovered",
    Reason.PASSED: "it is over by now",
    Reason.REMINDER: "it is still open",
    Reason.FLAPPING: "it keeps failing and recovering",
}

_LEVELS: Final = {
    Level.INFO: "this one is for information",
    Level.SUCCESS: "this one is a success",
    Level.WARNING: "this one is a warning",
    Level.ERROR: "this one is an error",
}

_RECOVERY: Final = 300
"""Characters of what a sender says when it recovers."""
_NEW: Final = frozenset({Reason.FIRST, Reason.REOPENED})


def recovered(part: Part, kind: Kind) -> bool:
    """Whether the part failed and is over. False for what is open, and for a note, which never failed."""
    if part.is_open:
        return False
    if part.reason in (Reason.RESOLVED, Reason.PASSED):
        return True
    lasted = part.opened_at is not None and part.resolved_at is not None and part.resolved_at > part.opened_at
    return lasted or (kind is Kind.RESOLVED and part.reason not in _NEW)


def tone(part: Part, kind: Kind) -> Tone:
    """The colour of a part as it stands now."""
    if recovered(part, kind):
        return Tone.NOTE if part.is_closed else Tone.RESOLVED
    if not part.is_open or part.level.weight == 1:
        return Tone.NOTE
    return Tone.FAILING if part.level is Level.ERROR else Tone.WARNING


def headline(part: Part, kind: Kind, clock: Clock) -> str:
    """The news in a few words: `FAILED since 02:10`, `RESOLVED after 42 min`, `2 of 40 still failing`."""
    if recovered(part, kind):
        lasted = f" after {duration(part.resolved_at - part.opened_at)}" if part.opened_at and part.resolved_at else ""
        if part.reason == Reason.RESOLVED or kind is Kind.RESOLVED:
            return f"{'CLOSED' if part.is_closed else 'RESOLVED'}{lasted}"
        began = _STORIES[part.category].began if part.category in (Category.LATE_RUN, Category.SCHEMA_CHANGE) else "FAILED"
        return f"{began}, {'closed' if part.is_closed else 'recovered'}{lasted}"
    if part.level.weight == 1:
        return "FOR YOUR INFORMATION"
    if not part.is_open:
        return f"SCHEMA CHANGED{_since(part, clock)}" if part.category is Category.SCHEMA_CHANGE else "NOTE"
    return _open_headline(part, clock)


def _open_headline(part: Part, clock: Clock) -> str:
    story = _STORIES[part.category]
    warns = part.level is Level.WARNING and story.began in ("FAILED", "FAILING")
    began, still = ("WARNING", "warning") if warns else (story.began, story.still)
    since = _since(part, clock)
    match part.reason:
        case Reason.ESCALATED:
            return f"WORSE: now {part.level}"
        case Reason.GREW:
            return f"MORE {still.upper()}: now {part.firing} of {max(part.members_total, part.firing)}"
        case Reason.FLAPPING:
            return f"FLAPPING{since}"
        case Reason.FIRST:
            return began + since
        case Reason.REOPENED:
            return f"{began} AGAIN{since}"
    if part.firing < part.members_total:
        return f"{part.firing} of {part.members_total} still {still}"
    return f"STILL {still.upper()}, {ordinal(part.occurrences)} {_time(part)}" if part.occurrences > 1 else f"STILL {still.upper()}{since}"


def _time(part: Part) -> str:
    return "run" if _counts_runs(part) else "time"


def _times(part: Part) -> str:
    return f"by {part.occurrences} runs" if _counts_runs(part) else f"{part.occurrences} times"


def _counts_runs(part: Part) -> bool:
    return part.of_runs and part.category is not Category.LATE_RUN  # of a late run several words may come


def _since(part: Part, clock: Clock) -> str:
    word = "at" if part.category is Category.SCHEMA_CHANGE else "since"
    return f" {word} {clock.short(part.opened_at)}" if part.opened_at else ""


def lead(message: Message) -> str:
    """What a digest holds, in a line: `Collected for you: 3 open, 2 failed and recovered, 1 noted.` Empty for any other mail."""
    if message.kind is not Kind.DIGEST:
        return ""
    over = sum(recovered(part, message.kind) for part in message.parts)
    still = sum(part.is_open for part in message.parts)
    counted = ((still, "open"), (over, "failed and recovered"), (len(message.parts) - still - over, "noted"))
    account = ", ".join(f"{number} {what}" for number, what in counted if number)
    if message.folded:
        return f"A lot happened at once: this one mail stands for {message.folded}. {account[0].upper()}{account[1:]}."
    return f"Collected for you: {account}."


def runs(part: Part, clock: Clock) -> list[tuple[str, str]]:
    """(label, value) of how the pipeline has been doing, as far as its runs are known."""
    past, said = part.history, list[tuple[str, str]]()
    if part.is_open and part.level.weight > 1 and past.failed_in_a_row > 1:
        said.append(("Failures", f"{ordinal(past.failed_in_a_row)} failed run in a row"))
    if part.is_open and past.last_success is not None:
        ago = clock.ago(past.last_success)
        said.append(("Last success", clock.full(past.last_success) + (f", {ago}" if ago else "")))
    if past.last is not None:
        usual = f" (usually {duration(past.usual)})" if past.usual is not None and past.usual != past.last else ""
        said.append(("Took", f"{duration(past.last)}{usual}"))
    return said


def end_of_mail(message: Message, team: str) -> str:
    """What the reader ends by unsubscribing."""
    if message.kind is Kind.DIGEST or not message.parts:
        return f"Unsubscribe from all mail of team {team}"
    return f"Unsubscribe from mail about {_STORIES[message.parts[0].category].follows} of team {team}"


def sentence(part: Part, message: Message, clock: Clock, environment: str) -> str:
    """What, where, when and since when, in plain words."""
    place = f" in {environment}" if environment else ""
    when = f" {clock.when(part.opened_at)}{clock.named}" if part.opened_at else ""
    if recovered(part, message.kind):
        return " ".join(word for word in (_recovery(part, clock, place), one_line(part.recovery, _RECOVERY)) if word)
    if not part.is_open:
        noted = "The schema changed" if part.category is Category.SCHEMA_CHANGE and part.level.weight > 1 else "Noted"
        return f"{noted}{place}{when}. Nothing is open because of it."
    if part.reason == Reason.FLAPPING:
        return f"It keeps failing and recovering{place}. You hear again once it is stable, or if something new fails."
    if part.opened_at and (ago := clock.ago(part.opened_at)):
        when += f", {ago}"
    said = [f"Noted{place}{when}." if part.level.weight == 1 else _opening(part, place, when)]
    if part.reason == Reason.ESCALATED:
        said.append(f"Its level has risen to {part.level}.")
    if part.occurrences > 1:
        said.append(f"It has been reported {_times(part)} so far.")
    return " ".join(said)


def _opening(part: Part, place: str, when: str) -> str:
    story = _STORIES[part.category]
    if part.members_total <= 1:
        return f"The {story.one} {story.past}{place}{when}." if story.one else f"This began{place}{when}."
    first = f"; the first {story.past}{when}" if when else ""
    are = "is" if part.firing == 1 else "are"
    if part.reason == Reason.GREW:
        return f"{part.firing} {story.many} {are} {story.still}{place} now{first}."
    if part.firing < part.members_total:
        return f"{part.firing} of the {part.members_total} {story.many} that {story.past}{place} {are} still {story.still}{first}."
    return f"{part.firing} {story.many} {story.past}{place}{when}."


def _recovery(part: Part, clock: Clock, place: str) -> str:
    story = _STORIES[part.category]
    began = f" {clock.when(part.opened_at)}" if part.opened_at else ""
    over = f" {clock.when(part.resolved_at)}{clock.named}" if part.resolved_at else ""
    if part.members_total > 1:
        last = f", the last{over}" if over else ""
        ended = f"closed{over}" if part.is_closed else f"all have recovered{last}"
        return f"{part.members_total} {story.many} {story.past}{place}{began}; {ended}."
    subject = f"The {story.one} {story.past}" if story.one else "This began"
    times = f" It was reported {_times(part)} in between." if part.occurrences > 1 else ""
    # a run that failed is late no more, and nothing has recovered
    ended = "was closed" if part.is_closed else "was late no more" if part.category is Category.LATE_RUN else "recovered"
    return f"{subject}{place}{began} and {ended}{over}.{times}"


def why(part: Part, message: Message, team: str) -> str:
    """Why the reader gets this: category, level and what just changed."""
    follows = _STORIES[part.category].follows
    if part.reason == Reason.RESOLVED:
        return f"You get this because you were told when it began. It is among the {follows} of team {team}."
    reason = Reason.PASSED if recovered(part, message.kind) else part.reason
    noted = not part.is_open and not recovered(part, message.kind)
    because = "it was just noted" if noted else _REASONS.get(reason, "its state changed")
    return f"You get this because you hear about {follows} of team {team} by mail: {_LEVELS[part.level]}, and {because}."
