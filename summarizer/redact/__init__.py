"""Takes secrets out of text, before anything leaves and again in what returns. In doubt it says so, and nothing leaves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from summarizer.redact.across import hidden
from summarizer.redact.entropy import find_mixed
from summarizer.redact.known import pattern_of
from summarizer.redact.patterns import EMAIL, SHAPES
from summarizer.redact.shape import Shape

_MARK_BEGINS: Final = "[redacted: "
_MARK: Final = re.compile(r"(\[redacted: [a-z -]{1,40}\])")
_UNREADABLE: Final = 0.3
_UNREADABLE_IF_SHORT: Final = 0.5
_STRAY: Final = 20
"""Up to so many broken characters half of a line may be: one word in another encoding is no reason to read nothing of a log."""
_PASSES: Final = 3


class Unsure(Exception):
    """It cannot be said that this text is free of secrets; the message says why, and quotes nothing."""


@dataclass(frozen=True)
class Redactor:
    """Knows what secrets look like, and the installation's own."""

    known: re.Pattern[str] | None = None
    emails: bool = False

    @classmethod
    def for_secrets(cls, secrets: Iterable[str] = (), *, emails: bool = False) -> "Redactor":
        """`secrets`: values that must not leave whatever they look like. `emails`: take out e-mail addresses too."""
        return cls(pattern_of(secrets), emails)

    def clean(self, text: str) -> str:
        """The text with `[redacted: what]` in place of each secret. Raises `Unsure`, and nothing else."""
        broken = text.count("\ufffd")
        if broken > (_UNREADABLE if broken > _STRAY else _UNREADABLE_IF_SHORT) * len(text):
            raise Unsure("most of a line is no text")
        try:
            for _ in range(_PASSES):
                cleaned = self._once(text)
                if cleaned == text:
                    return text
                text = cleaned
        except Exception as error:
            raise Unsure(f"redaction failed: {type(error).__name__}") from None
        raise Unsure("secrets remain after redaction")

    def _once(self, text: str) -> str:
        if self.known is not None:
            text = self.known.sub(_mark("known secret"), text)
        low = text.lower()
        for shape in (*SHAPES, EMAIL) if self.emails else SHAPES:
            if not shape.may_be_in(low):
                continue
            if _MARK_BEGINS in text:
                text = "".join(part if _MARK.fullmatch(part) else _without(shape, part) for part in _MARK.split(text))
            else:
                text = _without(shape, text)
        if "\n" in text:
            text = "\n".join(hidden(text.split("\n")))
        return "".join(part if _MARK.fullmatch(part) else _without_mixed(part) for part in _MARK.split(text))


def _mark(what: str) -> str:
    return f"{_MARK_BEGINS}{what}]"


def _without(shape: Shape, text: str) -> str:
    if "secret" not in shape.pattern.groupindex:
        return shape.pattern.sub(_mark(shape.name), text)
    return shape.pattern.sub(lambda found: _keeping_around(found, _mark(shape.name)), text)


def _keeping_around(found: re.Match[str], mark: str) -> str:
    """The match with its secret replaced: the name before it and the quotes around it stay."""
    whole, secret = found.group(), found.group("secret")
    start = found.start("secret") - found.start()
    edge = secret[0] if len(secret) > 1 and secret[0] in "\"'" and secret[-1] == secret[0] else ""
    return f"{whole[:start]}{edge}{mark}{edge}{whole[start + len(secret) :]}"


def _without_mixed(text: str) -> str:
    for start, end in reversed(find_mixed(text)):
        text = f"{text[:start]}{_mark('high entropy')}{text[end:]}"
    return text


__all__ = ["Redactor", "Unsure"]
