"""Which lines of a log are worth reading: chosen while it streams by, in constant memory and linear time."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from summarizer.excerpt.marks import BLOCK, ERROR, FRAME, ROOT, WARNING, is_link, weigh
from summarizer.excerpt.unwrap import unwrap
from summarizer.redact.across import Across
from summarizer.text import likeness

_OF_EACH: Final = 120
"""Lines of each weight that are kept from the beginning, and as many from the end."""
_BEFORE: Final = 3
_AFTER: Final = 8
_EDGE: Final = 5
"""Lines of the log's beginning and end that are kept whatever they say."""
_TOLD_APART_BY: Final = 400
_KEYS: Final = 2_000
"""Different errors that are told apart; what comes after so many is taken for new each time."""
_NOTHING: Final = " \t\x0b\x0c^~"
"""A line of these only points at the line above it."""


@dataclass(slots=True)
class Line:
    """One line that is worth reading, with its number in the log."""

    number: int
    text: str
    weight: int
    similar: int = 0
    """How often the like of it was said again, later and left out."""
    last: int = 0
    """The number of the last of those."""


@dataclass(slots=True)
class Tier:
    """The first and the last lines of one weight."""

    first: list[Line] = field(default_factory=list)
    last: deque[Line] = field(default_factory=lambda: deque(maxlen=_OF_EACH))

    def add(self, line: Line) -> None:
        """Keeps the line, and lets go of one from the middle if there are too many."""
        (self.first if len(self.first) < _OF_EACH else self.last).append(line)

    def ranked(self) -> Iterator[Line]:
        """From both ends towards the middle: the first, the last, the second, …"""
        lines = deque([*self.first, *self.last])
        while lines:
            yield lines.popleft()
            if lines:
                yield lines.pop()


@dataclass(slots=True)
class Picked:
    """The lines worth reading, best first, and how many there were."""

    lines: list[Line]
    total: int


class Picker:
    """Takes a log line by line."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self.total = 0
        self._tiers = {weight: Tier() for weight in (ROOT, ERROR, BLOCK, WARNING, FRAME)}
        self._seen: dict[str, Line] = {}
        self._before: deque[Line] = deque(maxlen=_BEFORE)
        self._tail: deque[Line] = deque(maxlen=_EDGE)
        self._after = 0
        self._across = Across()

    def take(self, raw: str) -> None:
        """The next line."""
        self.total += 1
        text = self._across.take(unwrap(raw))
        if not text.strip(_NOTHING):
            return
        line = Line(self.total, text, FRAME)
        if weight := weigh(line.text):
            fresh = self._keep_unless_said(line, weight)
        elif self._after > 0 and not is_link(line.text):
            self._after -= 1
            fresh = self._keep_unless_said(line, BLOCK)
        else:
            fresh = True
            self._before.append(line)
            if self.total <= _EDGE:
                self._tiers[FRAME].add(line)
        if fresh:
            self._tail.append(line)

    def picked(self) -> Picked:
        """What was kept, best first, each line once."""
        for line in self._tail:
            self._tiers[FRAME].add(line)
        best: dict[int, Line] = {}
        for tier in self._tiers.values():
            for line in tier.ranked():
                best.setdefault(line.number, line)
        return Picked(list(best.values()), self.total)

    def _keep_unless_said(self, line: Line, weight: int) -> bool:
        """Whether it says anything new. What does not is only counted, with the lines that follow it."""
        key = line.text[:_TOLD_APART_BY] if weight == BLOCK else likeness(line.text[:_TOLD_APART_BY])
        said = self._seen.get(key)
        if said is not None:
            said.similar, said.last = said.similar + (weight != BLOCK), line.number
            self._after = 0 if weight >= ERROR else self._after
            self._before.clear()
            return False
        if len(self._seen) < _KEYS:
            self._seen[key] = line
        for earlier in self._before:
            self._keep(earlier, BLOCK if weight >= BLOCK else FRAME)
        self._before.clear()
        self._keep(line, weight)
        self._after = _AFTER if weight >= ERROR else self._after
        return True

    def _keep(self, line: Line, weight: int) -> None:
        line.weight = weight
        self._tiers[weight].add(line)


def pick(lines: Iterable[str]) -> Picked:
    """What is worth reading in a log."""
    picker = Picker()
    for line in lines:
        picker.take(line)
    return picker.picked()
