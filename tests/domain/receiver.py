"""Takes occurrences as they arrive, as the engine does, and lets time pass as its settling worker does."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.domain.judge import Alert, Reason, Verdict, due, judge
from gateway.domain.thread import EMPTY, Occurrence, Thread
from tests.builders import START


@dataclass
class Receiver:
    """One thread, what is known of it, and every verdict with the thread before it."""

    now: datetime = START
    thread: Thread = EMPTY
    known: dict[str, Occurrence] = field(default_factory=dict)
    verdicts: list[tuple[Thread, Verdict]] = field(default_factory=list)

    def take(self, occurrence: Occurrence, *, now: datetime | None = None) -> Verdict:
        """Judges an occurrence that arrives now; the clock of tests that give none stands still."""
        self.now = now or self.now
        verdict = judge(self.thread, occurrence, self.known.get(occurrence.key), self.known.values, self.now)
        assert verdict.occurrence is not None
        self.known[occurrence.key] = verdict.occurrence
        self._note(verdict)
        return verdict

    def live(self, *occurrences: Occurrence) -> list[Verdict]:
        """Judges each the moment it happened, after everything that fell due before."""
        return [self._lives(one) for one in occurrences]

    def wait(self, until: datetime) -> list[Verdict]:
        """Lets time pass; gives what it brought."""
        brought = []
        while (when := self._next_due()) is not None and when <= until:
            self.now = max(self.now, when)
            verdict = due(self.thread, self.now)
            assert verdict is not None, "what falls due comes to something"
            self._note(verdict)
            brought.append(verdict)
        self.now = max(self.now, until)
        return brought

    @property
    def told(self) -> list[tuple[str, str]]:
        """Every verdict that alerted somebody: (reason, whom)."""
        return [(verdict.reason.value, verdict.alert.value) for _, verdict in self.verdicts if verdict.alert is not Alert.NOBODY]

    @property
    def reasons(self) -> list[Reason]:
        """The reasons of all verdicts."""
        return [verdict.reason for _, verdict in self.verdicts]

    def _lives(self, occurrence: Occurrence) -> Verdict:
        self.wait(occurrence.at)
        return self.take(occurrence, now=max(self.now, occurrence.at))

    def _next_due(self) -> datetime | None:
        timers = (self.thread.swings.stable_at, *(member.held_until for member in self.thread.firing.values()))
        return min((timer for timer in timers if timer), default=None)

    def _note(self, verdict: Verdict) -> None:
        self.verdicts.append((self.thread, verdict))
        self.thread = verdict.thread


def facts(thread: Thread) -> Thread:
    """A thread apart from what is still kept back from people, and from what they know while it flaps."""
    members = {key: replace(member, held_until=None) for key, member in thread.firing.items()}
    return replace(thread, firing=members, swings=replace(thread.swings, known={}))


def minutes(number: float) -> datetime:
    """A moment, in minutes since the tests' own beginning of time."""
    return START + timedelta(minutes=number)


def after(occurrences: Iterable[Occurrence]) -> Receiver:
    """What came of these, all of them taken while the clock stood still."""
    receiver = Receiver()
    for occurrence in occurrences:
        receiver.take(occurrence)
    return receiver
