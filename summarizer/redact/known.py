"""The installation's own secrets, in every form that a log may show them."""

import base64
import html
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 4
"""A shorter one is no secret, and taking it out would leave no text."""
_ANYWHERE: Final = 6


def pattern_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all of them, the longest first; None where there are none."""
    forms = sorted(
        {form for secret in secrets for form in _forms(secret.strip()) if len(form) >= SHORTEST}, key=lambda form: (-len(form), form)
    )
    if not forms:
        return None
    return re.compile("|".join(re.escape(form) if len(form) >= _ANYWHERE else rf"(?<!\w){re.escape(form)}(?!\w)" for form in forms))


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    if len(raw) < SHORTEST:
        return set()
    encoded = base64.b64encode(raw).decode().rstrip("=")
    return {
        secret,
        quote(raw, safe=""),
        quote_plus(raw),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        encoded,
        encoded.replace("+", "-").replace("/", "_"),
        *(line for line in secret.splitlines() if len(line) >= 16),
    }
