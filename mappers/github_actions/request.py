"""Reading a request: which event it is, and its body, sent as JSON or as the form field `payload`.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from collections.abc import Mapping
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped
from mappers.contract.inbound import first_values, parse_json
from mappers.contract.text import one_line

_EVENT_HEADERS: Final = ("x-github-event", "x-gitea-event", "x-forgejo-event")
_DELIVERY_HEADERS: Final = ("x-github-delivery", "x-gitea-delivery", "x-forgejo-delivery")
_TELLING_KEYS: Final = {**{key: key for key in ("workflow_job", "workflow_run", "check_run", "check_suite")}, "zen": "ping"}


def read_body(inbound: Inbound) -> dict[str, Any]:
    """The event's body. Raises `Unmapped` where there is none."""
    try:
        body = _sent(inbound)
    except BadBody as error:
        raise Unmapped(str(error)) from None
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _sent(inbound: Inbound) -> Any:
    """A webhook of content type `application/x-www-form-urlencoded` holds the JSON in its field `payload`."""
    if not inbound.body.startswith(b"payload="):
        return inbound.json
    return parse_json(inbound.form.get("payload") or first_values(inbound.text).get("payload", ""))


def event_of(inbound: Inbound, body: Mapping[str, Any]) -> str:
    """The event's name: of the header, or, where a proxy dropped it, of the body's own keys."""
    for header in _EVENT_HEADERS:
        if said := one_line(inbound.headers.get(header, "")[:200], 60).lower():
            return said
    return next((event for key, event in _TELLING_KEYS.items() if key in body), "")


def delivery_of(inbound: Inbound) -> str | None:
    """The sender's own id; a redelivery has it again."""
    return next((said for header in _DELIVERY_HEADERS if (said := one_line(inbound.headers.get(header, "")[:400], 200))), None)


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def string(value: object, limit: int = 150) -> str:
    """A text on one line; nothing where it is none."""
    return one_line(value[: limit * 8], limit) if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """A whole number, also where it came as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
