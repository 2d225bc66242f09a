"""The lines that matter most, made safe to show, within a number of characters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from summarizer.excerpt.marks import BLOCK, ERROR
from summarizer.excerpt.pick import Line, Picked
from summarizer.text import cut, squeezed

AT_MOST: Final = 12_000
"""Characters of an excerpt, line numbers and remarks included."""
LONGEST_LINE: Final = 1_000
_FOR_ERRORS: Final = 0.6
"""The share of an excerpt that errors may take before their surroundings had their turn."""
_BESIDE: Final = 9


@dataclass(frozen=True)
class Excerpt:
    """What a reader, a rule or a model gets to see of a failure. Line 0 is the sender's message."""

    lines: tuple[Line, ...]
    total: int
    """How many lines the whole log has."""

    @cached_property
    def text(self) -> str:
        """The lines with their numbers, and remarks where some are left out."""
        return "\n".join(_told(self.lines, self.total))

    @cached_property
    def by_number(self) -> dict[int, str]:
        """Each line's text, white space squeezed: what a quote is held against."""
        return {line.number: squeezed(line.text) for line in self.lines}


def fit(picked: Picked, clean: Callable[[str], str], message: str = "", limit: int = AT_MOST) -> Excerpt:
    """An excerpt of at most `limit` characters. `clean` sees each line whole, before it is cut: half a secret looks like none."""
    head = [Line(0, cut(clean(message), LONGEST_LINE), ERROR)] if message else []
    room = limit - sum(_cost(line) for line in head)
    errors = [line for line in picked.lines if line.weight >= ERROR]
    around = [line for line in picked.lines if line.weight == BLOCK]
    taken: list[Line] = list(head)
    done: set[int] = set()
    for lines, share in ((errors, _FOR_ERRORS), (around, 1.0), (picked.lines, 1.0)):
        for line in lines:
            if room <= limit * (1 - share) or len(taken) > limit // _BESIDE:
                break
            if line.number not in done:
                done.add(line.number)
                ready = Line(line.number, cut(clean(line.text), LONGEST_LINE), line.weight, line.similar, line.last)
                room -= _cost(ready)
                taken.append(ready)
    return _shrunk(taken, picked.total, limit)


def _shrunk(taken: list[Line], total: int, limit: int) -> Excerpt:
    """The remarks between lines take room as well: what was taken last goes first."""
    while True:
        excerpt = Excerpt(tuple(sorted(taken, key=lambda line: line.number)), total)
        over = len(excerpt.text) - limit
        if over <= 0 or len(taken) <= 1:
            return excerpt
        while over > 0 and len(taken) > 1:
            over -= _cost(taken.pop())


def _cost(line: Line) -> int:
    return len(line.text) + _BESIDE + (50 if line.similar else 0)


def _told(lines: Sequence[Line], total: int) -> Iterable[str]:
    before = 0
    for line in lines:
        if line.number > before + 2:
            yield _left_out(line.number - before - 1)
        yield f"{line.number:>6}| {line.text}"
        if line.similar:
            yield f"        … {line.similar:,} similar line{'s' if line.similar > 1 else ''}, the last is {line.last}"
        before = line.number
    if total > before + 1:
        yield _left_out(total - before)


def _left_out(count: int) -> str:
    return f"        … {count:,} lines left out"
