"""What the corpus is made of, and what it takes for a leak."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from summarizer.excerpt import fit, lines_of, pick
from summarizer.redact import Redactor

LETTERS: Final = string.ascii_letters + string.digits
UPPER: Final = string.ascii_uppercase + string.digits
HEX: Final = "0123456789abcdef"
Make = Callable[[random.Random], str]


@dataclass(frozen=True)
class Line:
    """What one thing looks like in a log, mostly in one line, and what of it must not be seen."""

    sort: str
    text: str
    secret: str = ""


def of(alphabet: str, length: int, prefix: str = "", suffix: str = "") -> Make:
    """A maker of random text."""
    return lambda dice: prefix + "".join(dice.choices(alphabet, k=length)) + suffix


def shown(line: Line, redactor: Redactor) -> str:
    """What anyone gets to see of it: the way a log goes, since lines are redacted one by one."""
    return "\n".join(one.text for one in fit(pick(lines_of(line.text)), redactor.clean).lines)


def leaks(line: Line, redactor: Redactor) -> bool:
    """Whether a part of the secret that is of use to anyone can still be seen."""
    seen = shown(line, redactor)
    parts = [line.secret] if len(line.secret) < 16 else [line.secret[at : at + 12] for at in range(0, len(line.secret) - 12, 6)]
    words = [word for word in line.secret.split() if len(word) >= 6]
    return any(part in seen for part in (*parts, *words))


def changes(line: Line, redactor: Redactor) -> bool:
    """Whether anything was taken for a secret."""
    return "[redacted: " in shown(line, redactor)
