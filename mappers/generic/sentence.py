"""Plain text: `NAME failed: why`, `NAME is down`, `[OK] NAME`, as scripts write it."""

from typing import Final, NamedTuple

from mappers.contract.text import clean
from mappers.generic.words import NEGATIONS, Sense, Word, state_word

_LONGEST_NAME: Final = 8
_LOOKED_AT: Final = 24
_AROUND: Final = ":-–—[](){}*_.,;!|'\"`"
_JOINTS: Final = frozenset({"is", "has", "was", "are", "were", "status", "state", "job", "run", "now", "back"})
_BEFORE_WEAK: Final = frozenset({"is", "are", "was", "now", "back", "status", "state", "-", "–", "—", "="})
_STRONG: Final = frozenset({
    "failed", "failure", "crashed", "errored", "timeout", "unreachable", "unhealthy", "alerting", "firing",
    "succeeded", "success", "successful", "successfully", "recovered", "resolved", "passed", "completed", "finished", "healthy",
})  # fmt: skip
"""Words that tell a state wherever they stand; the others (`up`, `open`) only where one is expected: see `_tells`."""


class Sentence(NamedTuple):
    """What a line of text says: of whom, and which state."""

    name: str
    status: str
    word: Word


def sentence(text: str) -> Sentence | None:
    """The first line's name and state. None where it does not begin with both, or takes back what it says."""
    words = _first_line(text)
    bare = [word.strip(_AROUND) for word in words]
    for place in range(min(len(words), _LONGEST_NAME + 3)):
        word = _tells(words, bare, place)
        if word is None:
            continue
        name = _name(bare[:place]) if place else _headed(words)
        taken_back = word.sense is Sense.FINE and any(_fails(bare, other) for other in range(place + 1, len(words)))
        return Sentence(name, bare[place], word) if name and not taken_back else None
    return None


def loudest(text: str) -> Word | None:
    """The worst that the first line says anywhere."""
    words = _first_line(text)
    bare = [word.strip(_AROUND) for word in words]
    said = [word for place in range(len(words)) if (word := _tells(words, bare, place) or _heads(bare, place))]
    if any(_fails(bare, place) for place in range(1, len(words))) and said:
        return next((word for word in map(_state, bare) if word and word.sense is Sense.FAILING), said[0])
    return next((word for word in said if word.sense is Sense.FAILING), said[0] if said else None)


def _first_line(text: str) -> list[str]:
    return next((line for line in clean(text[:2000]).splitlines() if line.strip()), "").split()[:_LOOKED_AT]


def _tells(words: list[str], bare: list[str], place: int) -> Word | None:
    """The state a word tells: any strong one, a weak one in capitals, in brackets, or after `is` or a colon."""
    known = _state(bare[place])
    if known is None or (place and bare[place - 1].lower() in NEGATIONS):
        return None
    expected = place and (words[place - 1].endswith((":", "]")) or words[place - 1].lower() in _BEFORE_WEAK)
    set_apart = (bare[place].isupper() and len(bare[place]) > 1) or words[place].startswith(("[", "("))
    return known if bare[place].lower() in _STRONG or expected or set_apart else None


def _fails(bare: list[str], place: int) -> bool:
    known = _state(bare[place])
    return known is not None and known.sense is Sense.FAILING and bare[place - 1].lower() not in NEGATIONS


def _heads(bare: list[str], place: int) -> Word | None:
    """`Error: …` and `Warning: …` name nobody, but are loud."""
    return _state(bare[0]) if place == 0 else None


def _state(word: str) -> Word | None:
    known = state_word("success" if word.lower() == "successfully" else word) if word else None
    return known if known and known.sense in (Sense.FAILING, Sense.FINE) else None


def _name(bare: list[str]) -> str:
    """The words before a state without what joins them to it, and without numbers, which are of one run; empty if there are too many."""
    while bare and bare[-1].lower() in _JOINTS | {""}:
        bare = bare[:-1]
    kept = [word for word in bare if word and not word.lstrip("#").isdecimal()]
    return " ".join(kept) if len(kept) <= _LONGEST_NAME and NEGATIONS.isdisjoint(word.lower() for word in bare) else ""


def _headed(words: list[str]) -> str:
    """`[OK] NAME`, `CRITICAL - NAME: why`: the words after the state, up to a colon."""
    rest = words[1:]
    end = next((place for place, word in enumerate(rest) if word.endswith(":")), len(rest) - 1)
    return _name([word.strip(_AROUND) for word in rest[: end + 1]])
