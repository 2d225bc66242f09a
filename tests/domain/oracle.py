"""What people are to hear of a history that is told in order, as docs/judging.md says it: slow, plain, and not the judge."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.domain.thread import WHOLE, Occurrence
from mappers.contract import State

HOUR = timedelta(hours=1)


class Member:
    """What fires: how badly, in which run, and until when nobody is to know."""

    def __init__(self) -> None:
        self.weight = 0
        self.run: str | None = None
        self.hidden_until: datetime | None = None


class Plain:
    """A thread that is told everything the moment it happens."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.episodes = 0  # one that nobody saw counts as well
        self.turns: list[datetime] = []  # openings and closings for all to see, each within an hour of the one before
        self.hidden_opening = False
        self.flaps = False
        self.last_run: str | None = None
        self.steady_runs = 0  # since the last turn, that one's own not counted
        self.known: dict[str, int] = {}  # while it flaps: who was told of, and how bad
        self.reasons: list[str] = []

    def hear(self, occurrences: Iterable[Occurrence], until: datetime) -> list[str]:
        for one in sorted(occurrences, key=lambda one: (one.at, one.state is State.RESOLVED, one.key)):
            self.pass_time(one.at)
            self.happens(one)
        self.pass_time(until)
        return self.reasons

    def shown(self) -> dict[str, int]:
        return {key: member.weight for key, member in self.members.items() if member.hidden_until is None}

    def worst(self) -> int:
        return max(self.shown().values(), default=0)

    def pass_time(self, until: datetime) -> None:
        while True:
            alarms = [member.hidden_until for member in self.members.values() if member.hidden_until is not None]
            if self.flaps:
                alarms.append(self.turns[-1] + HOUR)
            if not alarms or min(alarms) > until:
                return
            now, before, flapped = min(alarms), self.shown(), self.flaps
            for member in self.members.values():
                if member.hidden_until is not None and member.hidden_until <= now:
                    member.hidden_until = None
            if self.flaps and now - self.turns[-1] >= HOUR:
                self.calm_down()
            self.say(before, flapped, otherwise="nothing")

    def happens(self, one: Occurrence) -> None:
        before, flapped, fired = self.shown(), self.flaps, bool(self.members)
        happens = {State.FIRING: self.fails, State.RESOLVED: self.recovers, State.NOTE: self.is_noted}[one.state]
        self.say(before, flapped, otherwise=happens(one, fired))

    def fails(self, one: Occurrence, fired: bool) -> str:
        new = one.members.keys() - self.members.keys()
        for key, level in one.members.items():
            if key not in self.members:
                self.members[key] = Member()
                self.members[key].hidden_until = one.held_until
            member = self.members[key]
            member.weight, member.run = level.weight, one.run
            if member.hidden_until is not None:
                member.hidden_until = None if one.held_until is None else min(member.hidden_until, one.held_until)
        if fired:
            self.goes_on(one.run)
        else:
            self.episodes += not self.flaps
            self.hidden_opening = one.held_until is not None
            if not self.hidden_opening:
                self.turn(one)
        return "held" if not self.shown() or new else "repeat"

    def recovers(self, one: Occurrence, fired: bool) -> str:
        if one.final:
            if self.members or self.flaps:
                self.members = {}
                self.calm_down()
            return "nothing-open"
        before = self.shown()
        for key, member in list(self.members.items()):
            is_meant = WHOLE in one.members or key in one.members or key == WHOLE
            is_spared = one.spares_own_run and one.run is not None and one.run == member.run
            if is_meant and not is_spared:
                del self.members[key]
        if fired and not self.members:
            if not self.hidden_opening:
                self.turn(one)
                if len(self.turns) >= 6 and not self.flaps:
                    self.flaps, self.known = True, before
        else:
            self.goes_on(one.run)
        return "shrank" if len(self.shown()) < len(before) else "nothing-open"

    def is_noted(self, one: Occurrence, fired: bool) -> str:
        if fired:
            return "repeat" if self.shown() else "reopened" if self.episodes else "first"
        self.episodes += not self.flaps
        return "first" if self.episodes == 1 else "reopened"

    def turn(self, one: Occurrence) -> None:
        if self.turns and one.at - self.turns[-1] >= HOUR:
            self.turns = []
        self.turns.append(one.at)
        self.last_run, self.steady_runs = one.run, 0

    def goes_on(self, run: str | None) -> None:
        if self.flaps and run is not None and run != self.last_run:
            self.last_run, self.steady_runs = run, self.steady_runs + 1
            if self.steady_runs == 3:
                self.calm_down()

    def calm_down(self) -> None:
        self.flaps, self.turns, self.known = False, [], {}

    def say(self, before: dict[str, int], flapped: bool, *, otherwise: str) -> None:
        self.reasons.append(self.reason(before, flapped, otherwise))
        if self.flaps:
            self.known |= {key: max(weight, self.known.get(key, 0)) for key, weight in self.shown().items()}

    def reason(self, before: dict[str, int], flapped: bool, otherwise: str) -> str:
        shown = self.shown()
        if flapped and not self.flaps:
            return "reopened" if shown else "resolved"
        if self.flaps and not flapped:
            return "flapping"
        if self.flaps:
            news = {key: weight for key, weight in shown.items() if weight > self.known.get(key, 0)}
            if not news:
                return "quietly flapping"
            return "escalated" if max(news.values()) > max(self.known.values()) else "grew"
        if before and not shown:
            return "resolved"
        if shown and not before:
            return "first" if self.episodes == 1 else "reopened"
        if self.worst() > max(before.values(), default=0):
            return "escalated"
        if shown.keys() - before.keys():
            return "grew"
        return otherwise
