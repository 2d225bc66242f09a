"""Senders who know the key: a source of every scheme, and the headers that such a sender sends."""

import base64
import hmac
from collections.abc import Mapping
from typing import Any, Final

KEY: Final = "a-key-of-ours"
USER: Final = "ana:pass:wörd"
BASE64_KEY: Final = "whsec_" + base64.b64encode(KEY.encode()).decode()

AUTH: Final[Mapping[str, dict[str, Any]]] = {
    "bearer": {"bearer": [KEY]},
    "header": {"header": {"name": "X-Api-Key", "secrets": [KEY]}},
    "basic": {"basic": [USER]},
    "token": {"token": [KEY]},
    "dbt": {"dbt": [KEY]},
    "github": {"github": [KEY]},
    "grafana": {"grafana": [KEY]},
    "fivetran": {"fivetran": [KEY]},
    "slack": {"slack": [KEY]},
    "stripe": {"stripe": [KEY]},
    "standard-webhooks": {"standard_webhooks": [BASE64_KEY]},
    "hmac": {
        "hmac": {
            "secrets": [KEY], "header": "X-Sig", "prefix": "v1=", "encoding": "base64", "algorithm": "sha512",
            "message": "{id}|{timestamp}|{body}", "timestamp_header": "X-Time", "id_header": "X-Id",
        }
    },
    "grafana-timed": {"grafana": {"secrets": [KEY], "timestamp_header": "X-Grafana-Time"}},
}  # fmt: skip
"""By the slug of the source; each scheme at least once."""

TIMED: Final = ("slack", "stripe", "standard-webhooks", "hmac", "grafana-timed")
STATIC: Final = ("bearer", "header", "basic", "token")
SIGNED: Final = tuple(slug for slug in AUTH if slug not in STATIC)


def right(slug: str, body: bytes, at: str, key: str = KEY) -> dict[str, str]:
    """What a sender of this source sends with this body at this time (in seconds since 1970, or whatever it takes for one)."""
    seconds = at.encode("utf-8", "surrogatepass")
    made: dict[str, dict[str, str]] = {
        "bearer": {"Authorization": f"Bearer {key}"},
        "header": {"X-Api-Key": key},
        "basic": {"Authorization": basic(USER)},
        "token": {},
        "dbt": {"Authorization": hex_of(body, key)},
        "github": {"X-Hub-Signature-256": f"sha256={hex_of(body, key)}"},
        "grafana": {"X-Grafana-Alerting-Signature": hex_of(body, key)},
        "fivetran": {"X-Fivetran-Signature-256": hex_of(body, key).upper()},
        "slack": {"X-Slack-Signature": "v0=" + hex_of(b"v0:" + seconds + b":" + body, key), "X-Slack-Request-Timestamp": at},
        "stripe": {"Stripe-Signature": f"t={at},v1={hex_of(seconds + b'.' + body, key)},v0=00"},
        "standard-webhooks": {
            "webhook-id": "msg_1", "webhook-timestamp": at,
            "webhook-signature": "v1," + base64_of(b"msg_1." + seconds + b"." + body, key),
        },
        "hmac": {"X-Sig": "v1=" + base64_of(b"msg_1|" + seconds + b"|" + body, key, "sha512"), "X-Time": at, "X-Id": "msg_1"},
        "grafana-timed": {"X-Grafana-Alerting-Signature": hex_of(seconds + b":" + body, key), "X-Grafana-Time": at},
    }  # fmt: skip
    return made[slug]


def basic(pair: str) -> str:
    """`Authorization` of this user:password."""
    return "Basic " + base64.b64encode(pair.encode()).decode()


def hex_of(message: bytes, key: str = KEY) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.digest(key.encode(), message, "sha256").hex()


def base64_of(message: bytes, key: str = KEY, algorithm: str = "sha256") -> str:
    """HMAC in base64."""
    return base64.b64encode(hmac.digest(key.encode(), message, algorithm)).decode()
