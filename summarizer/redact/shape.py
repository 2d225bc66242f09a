"""One sort of secret, and how it looks."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One sort of secret. Where the pattern has a group `secret`, only that is taken out."""

    name: str
    pattern: re.Pattern[str]
    where: tuple[str, ...] = ()
    """In lower case: only a text with one of these is looked at."""

    def may_be_in(self, low: str) -> bool:
        """Whether it is worth looking for, in a text in lower case."""
        return not self.where or any(word in low for word in self.where)


def shape(name: str, pattern: str, flags: int = 0, where: tuple[str, ...] = ()) -> Shape:
    """No pattern may have an unbounded run before a point where it may fail, so that a hostile line costs linear time."""
    return Shape(name, re.compile(pattern, flags), where)
