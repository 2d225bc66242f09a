"""The language of a mapping: text in which `{path}` stands for what the message says there.

    "{data.job.name} failed"      text with one reference
    "{data.error | message}"      the first that says something
    "{data.owner | 'nobody'}"     or else a text
    "{{…}}"                       braces themselves

A path begins at the message, or in `each` at the item: `data.items[0].name`, `items[-1]`, `tags[*].name` (all of them), `["odd.key"]`.
`$` is the whole message wherever one is, `.` what the path begins at, `^` what holds the list that `each` goes through;
`header:X-Event` and `query:name` are what they say.
Paths are taken apart once; finding what they name takes time linear in what they walk over.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final

_QUOTES: Final = "'\""
_ENDS_A_NAME: Final = frozenset(".[]{}|'\"")
_LONGEST: Final = 2000


class Root(StrEnum):
    """Where a path begins."""

    HERE = "here"
    MESSAGE = "$"
    OUTER = "^"
    HEADER = "header"
    QUERY = "query"


class Every:
    """The step `[*]`: all items of a list."""


EVERY: Final = Every()
Step = str | int | Every


@dataclass(frozen=True)
class Path:
    """A place in a message."""

    root: Root
    steps: tuple[Step, ...]


Choice = tuple[Path | str, ...]
"""Paths to try in order; a string is a text to fall back to."""


@dataclass(frozen=True)
class Text:
    """A text taken apart: what stands in it as it is, and what is looked up."""

    parts: tuple[str | Choice, ...]

    @cached_property
    def is_constant(self) -> bool:
        """Whether it says the same of every message."""
        return all(isinstance(part, str) for part in self.parts)

    @cached_property
    def constant(self) -> str:
        """What it says, where that is always the same."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every path in it."""
        return tuple(path for part in self.parts if isinstance(part, tuple) for path in part if isinstance(path, Path))


@lru_cache(maxsize=4096)
def text(written: str) -> Text:
    """A text as written in the settings. Raises ValueError that says what is wrong, and where."""
    if len(written) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    parts: list[str | Choice] = []
    plain, place = "", 0
    while place < len(written):
        character = written[place]
        if written[place : place + 2] in ("{{", "}}"):
            plain, place = plain + character, place + 2
        elif character == "{":
            end = _closing(written, place)
            parts += [plain, choice(written[place + 1 : end])]
            plain, place = "", end + 1
        elif character == "}":
            raise ValueError(f"a }} stands alone at {place + 1}; a brace that is meant as such is written twice")
        else:
            plain, place = plain + character, place + 1
    return Text(tuple(part for part in (*parts, plain) if part != ""))


@lru_cache(maxsize=4096)
def choice(written: str) -> Choice:
    """Paths and texts with `|` between them. Raises ValueError."""
    alternatives = _split(written)
    return tuple(_quoted(one) if one[:1] in tuple(_QUOTES) and one else path(one) for one in alternatives)


@lru_cache(maxsize=4096)
def path(written: str) -> Path:
    """A single path. Raises ValueError."""
    for root in (Root.HEADER, Root.QUERY):
        if written.startswith(f"{root}:"):
            name = written.removeprefix(f"{root}:").strip()
            if not name or any(character.isspace() for character in name):
                raise ValueError(f"{written!r}: {root}: needs a name, as in {root}:X-Event")
            return Path(root, (name,))
    if written == ".":
        return Path(Root.HERE, ())
    root, place = {"$": (Root.MESSAGE, 1), "^": (Root.OUTER, 1)}.get(written[:1], (Root.HERE, 0))
    steps: list[Step] = []
    while place < len(written):
        if written[place] == "[":
            step, place = _bracket(written, place)
        else:
            if written[place] == ".":
                place += 1
            elif steps or root is not Root.HERE:
                raise ValueError(f"{written!r}: a dot or a bracket is missing at {place + 1}")
            step, place = _name(written, place)
        steps.append(step)
    if not steps and root is Root.HERE:
        raise ValueError("a path is missing; as in {data.name}, or $ for the whole message")
    return Path(root, tuple(steps))


def _closing(written: str, start: int) -> int:
    """Where the brace that opens at `start` closes; braces within quotes count for nothing."""
    quote = ""
    for place in range(start + 1, len(written)):
        character = written[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character == "}":
            return place
        elif character == "{":
            break
    raise ValueError(f"the {{ at {start + 1} is not closed; a brace that is meant as such is written twice")


def _split(written: str) -> list[str]:
    parts, quote = [""], ""
    for character in written:
        if character == "|" and not quote:
            parts.append("")
            continue
        if character in _QUOTES and quote in ("", character):
            quote = "" if quote else character
        parts[-1] += character
    return [part.strip() for part in parts]


def _quoted(written: str) -> str:
    if len(written) < 2 or written[-1] != written[0] or written[0] in written[1:-1]:
        raise ValueError(f"{written!r}: the quote is not closed")
    return written[1:-1]


def _name(written: str, place: int) -> tuple[str, int]:
    end = place
    if written[:1] == "{" and written[-1] == "}":
        raise ValueError(f"{written!r}: here a path stands without braces: {written[1:-1].strip()}")
    while end < len(written) and written[end] not in _ENDS_A_NAME and not written[end].isspace():
        end += 1
    if end == place:
        what = "ends too early" if place >= len(written) else f"{written[place]!r} cannot stand at {place + 1}"
        raise ValueError(f'{written!r}: {what}; a name of other letters is written ["so"]')
    return written[place:end], end


def _bracket(written: str, place: int) -> tuple[Step, int]:
    quote = written[place + 1 : place + 2]
    end = written.find(f"{quote}]", place + 2) + 1 if quote and quote in _QUOTES else written.find("]", place)
    inside = written[place + 1 : end]
    if end <= place:
        raise ValueError(f"{written!r}: the [ at {place + 1} is not closed")
    if inside == "*":
        return EVERY, end + 1
    if quote and quote in _QUOTES:
        return inside[1:-1], end + 1
    if inside.removeprefix("-").isdecimal() and len(inside) <= 7:
        return int(inside), end + 1
    raise ValueError(f'{written!r}: in brackets stands a number, * or a name in quotes, as in [0], [*], ["odd.key"]')
