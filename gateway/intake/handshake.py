"""A sender asks whether it may send at all, before it sends anything.

https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

METHOD: Final = "OPTIONS"


def permission(headers: Mapping[str, str], methods: Sequence[str], rate: float) -> web.Response:
    """Consent to whom asks for it, at so many requests a second; who names no origin did not ask."""
    answer = web.Response(status=200, headers={"Allow": ", ".join(methods)})
    if origin := headers.get("WebHook-Request-Origin", "").strip():
        plain = origin.isascii() and origin.isprintable() and len(origin) <= 255
        answer.headers["WebHook-Allowed-Origin"] = origin if plain else "*"
        answer.headers["WebHook-Allowed-Rate"] = str(max(int(rate * 60), 1))  # a minute
    return answer
