"""Taking out of the log what is secret to this installation, in every form in which a line may show it."""

import base64
import html
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "[secret]"
SHORTEST: Final = 4
"""A shorter one is no secret, and taking it out would leave no text."""
_ANYWHERE: Final = 6
"""A shorter one is taken out only where it stands alone."""


class _Known:
    """The secrets, and the pattern that finds them."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.pattern: re.Pattern[str] | None = None


_known: Final = _Known()


def know(secrets: Iterable[str]) -> None:
    """From now on none of these stands in a line of this process, or of one that is forked from it."""
    fresh = {secret for secret in (one.strip() for one in secrets) if len(secret) >= SHORTEST} - _known.secrets
    if fresh:
        _known.secrets |= fresh
        _known.pattern = None


def forget() -> None:
    """Knows nothing any more; for tests."""
    _known.secrets, _known.pattern = set(), None


def masked(text: str) -> str:
    """The text with `MASK` in place of each secret that is known."""
    if not _known.secrets:
        return text
    if _known.pattern is None:
        _known.pattern = _pattern(_known.secrets)
    return _known.pattern.sub(MASK, text)


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    forms = sorted({form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}, key=lambda form: (-len(form), form))
    return re.compile("|".join(re.escape(form) if len(form) >= _ANYWHERE else rf"(?<!\w){re.escape(form)}(?!\w)" for form in forms))


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(raw).decode().rstrip("=")
    return {
        secret, quote(raw, safe=""), quote_plus(raw), html.escape(secret), repr(secret)[1:-1],
        json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], encoded, encoded.replace("+", "-").replace("/", "_"),
    }  # fmt: skip
