"""The work of `tocsin events replay`: queue a part, see what becomes of it, queue the next."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.common import served_at, utc_now

if TYPE_CHECKING:
    from gateway.storage.database import Database
    from gateway.storage.events import Filter
    from gateway.storage.replay import Place

LOOK_EVERY: Final = 0.2
PATIENCE: Final = 20.0
"""Seconds without any progress, after which nobody seems to work it off."""


class Replay:
    """One replay, from its first event to what became of the last."""

    def __init__(self, database: "Database", team_ids: list[int], wanted: "Filter", matching: int) -> None:
        self._database, self._team_ids, self._wanted, self.matching = database, team_ids, wanted, matching
        self._waiting: set[int] = set()
        self.queued = 0
        self.outcomes: Counter[str] = Counter()
        self.not_queued = 0
        """How many were left when nothing seemed to work them off."""
        self._abandoned = False

    def run(self, *, quiet: bool) -> None:
        """Queues and watches until everything is mapped, or nothing moves any more."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
            task = progress.add_task("mapped again", total=self.matching)
            for _ in self._steps():
                progress.update(task, completed=self.outcomes.total(), total=max(self.matching, self.queued))

    def _steps(self) -> Iterator[None]:
        from gateway.storage import replay

        with self._database.reading() as transaction:
            place: Place | None = replay.beginning(transaction)
        moved_at = time.monotonic()
        while place or self._waiting:
            moved = self._look()
            if place:
                before, place = place, self._queue(place)
                moved = moved or place != before
            yield
            if moved:
                moved_at = time.monotonic()
            elif self._nobody_works() or time.monotonic() - moved_at > PATIENCE:
                self._abandoned = True
                self.not_queued = max(self.matching - self.queued, 0) if place else 0
                return
            if self._waiting:
                time.sleep(LOOK_EVERY)

    def _queue(self, place: "Place") -> "Place | None":
        from gateway.storage import audit, replay

        with self._database.reading() as transaction:
            picked = replay.pick(transaction, team_ids=self._team_ids, wanted=self._wanted, place=place)
        with self._database.writing() as transaction:
            step = replay.queue(transaction, team_ids=self._team_ids, picked=picked, place=place, now=utc_now())
            audit.note_replay(transaction, by=audit.COMMAND, queued=step.queued, now=utc_now())
        self.queued += len(step.queued)
        self._waiting |= set(step.queued)
        return step.following

    def _look(self) -> bool:
        """Whether any of what was queued has been mapped since the last look."""
        from gateway.storage import replay

        if not self._waiting:
            return False
        with self._database.reading() as transaction:
            ended = replay.outcomes(transaction, sorted(self._waiting))
        self.outcomes.update(ended.values())
        self._waiting -= ended.keys()
        return bool(ended)

    def _nobody_works(self) -> bool:
        """Known for sure on SQLite alone, where the running gateway holds a lock."""
        return self._database.file is not None and served_at(self._database) is None

    @property
    def result(self) -> dict[str, Any]:
        """What was done, for programs."""
        return {
            "matching": self.matching,
            "queued": self.queued,
            "outcomes": dict(sorted(self.outcomes.items())),
            "waiting": len(self._waiting),
            "not_queued": self.not_queued,
        }

    @property
    def summary(self) -> str:
        """What was done, for people."""
        from gateway.storage.replay import AT_ONCE

        lines = []
        if self.outcomes:
            told = ", ".join(f"{number} {status}" for status, number in self.outcomes.most_common())
            lines.append(f"{self.outcomes.total()} mapped again: {told}.")
        left = len(self._waiting)
        events = f"{left} event{'s are' if left != 1 else ' is'} queued"
        if self._abandoned and self._nobody_works():
            lines.append(f"No gateway is running: {events} and will be mapped by the next `tocsin serve`.")
        elif self._abandoned:
            lines.append(f"{events}, but nothing has moved for {PATIENCE:.0f} s. Is a gateway running on this database?")
        if self.not_queued:
            lines.append(
                f"{self.not_queued} more are not queued, for at most {AT_ONCE} wait at a time: run this again while a gateway runs."
            )
        return "\n".join(lines) or "Nothing was left to map again: what matched waits already, or was mapped since."
