"""Known answers: what the vendors publish, and where one publishes none, an HMAC spelled out from its definition."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.config.document import Auth
from gateway.proofs import opened, stored
from gateway.vault import Vault
from mappers.contract.signature import PRESETS, Refusal, Standing, authenticate_body, authenticate_head

VAULT = Vault("0123456789abcdef0123456789abcdef")
ANY_TIME = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def told(auth: dict[str, Any], headers: dict[str, str], body: bytes, now: datetime = ANY_TIME) -> Refusal | None:
    """What the engine says of a request, from the configuration as it is written: stored, sealed and opened on the way."""
    proofs = opened(stored(Auth.model_validate(auth), VAULT), VAULT)
    assert authenticate_head(proofs, CIMultiDict(headers), None, now) is Standing.NEEDS_BODY
    return authenticate_body(proofs, CIMultiDict(headers), body, now)


def spelled_out(key: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    """HMAC as https://www.rfc-editor.org/rfc/rfc2104#section-2 defines it, without the library that is under test."""
    block = hashlib.new(algorithm).block_size
    padded = (hashlib.new(algorithm, key).digest() if len(key) > block else key).ljust(block, b"\0")
    inner = hashlib.new(algorithm, bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.new(algorithm, bytes(byte ^ 0x5C for byte in padded) + inner).digest()


@pytest.mark.parametrize(
    ("algorithm", "start"),
    [
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ("sha512", "164b7a7bfcf819e2e395fbe73b56e0a387bd6422"),
    ],
)
def test_what_is_spelled_out_here_is_hmac(algorithm: str, start: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc4231#section-4.3"""
    assert spelled_out(b"Jefe", b"what do ya want for nothing?", algorithm).hex().startswith(start)


# ---- published ----------------------------------------------------------------------------------------------


@pytest.mark.req("R3")
def test_github() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    auth = {"github": ["It's a Secret to Everybody"]}
    signature = {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert told(auth, signature, b"Hello, World!") is None
    assert told(auth, signature, b"Hello, World?") is Refusal.WRONG


@pytest.mark.req("R3")
def test_slack() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack (the worked example)"""
    auth = {"slack": ["8f742231b10e8888abcd99yyyzzz85a5"]}
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
        b"commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
        b"803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert told(auth, headers, body, at(1531420618)) is None
    assert told(auth, headers, body, at(1531420618 + 301)) is Refusal.STALE
    assert told(auth, headers, body + b" ", at(1531420618)) is Refusal.WRONG


STANDARD = {
    # the vector of the specification's own libraries: https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
    "webhook": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", b'{"test": 2432232314}',
    ),
    # https://docs.svix.com/receiving/verifying-payloads/how-manual
    "svix": (
        "whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", "1731705121",
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=", b'{"event_type":"ping","data":{"success":true}}',
    ),
}  # fmt: skip


@pytest.mark.req("R3")
@pytest.mark.parametrize("names", STANDARD)
def test_standard_webhooks_and_svix(names: str) -> None:
    secret, identifier, timestamp, signature, body = STANDARD[names]
    headers = {f"{names}-id": identifier, f"{names}-timestamp": timestamp, f"{names}-signature": signature}
    for written in (secret, secret.removeprefix("whsec_")):
        assert told({"standard_webhooks": [written]}, headers, body, at(int(timestamp))) is None
    auth = {"standard_webhooks": [secret]}
    both = {**headers, f"{names}-signature": f"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,ignored {signature}"}
    assert told(auth, both, body, at(int(timestamp))) is None
    assert told(auth, headers, body, at(int(timestamp) + 301)) is Refusal.STALE
    assert told({"standard_webhooks": {"secrets": [secret], "tolerance": "10m"}}, headers, body, at(int(timestamp) + 301)) is None
    assert told(auth, headers, body + b" ", at(int(timestamp))) is Refusal.WRONG


# ---- not published: the construction on the vendor's page, spelled out --------------------------------------

SECRET = "an invented secret"
KEY = SECRET.encode()
PAYLOAD = b'{"eventType":"job.run.errored","caf\xc3\xa9":1}'


@pytest.mark.req("R9")
def test_dbt() -> None:
    """https://docs.getdbt.com/docs/deploy/webhooks#validate-a-webhook shows the code and no vector."""
    assert told({"dbt": [SECRET]}, {"Authorization": spelled_out(KEY, PAYLOAD).hex()}, PAYLOAD) is None


def test_fivetran() -> None:
    """https://fivetran.com/docs/rest-api/api-reference/webhooks gives no vector; its example compares in capitals."""
    signature = spelled_out(KEY, PAYLOAD).hex()
    for written in (signature, signature.upper()):
        assert told({"fivetran": [SECRET]}, {"X-Fivetran-Signature-256": written}, PAYLOAD) is None


def test_grafana() -> None:
    """No vector on the page that PRESETS cites: `HMAC(timestamp + ":" + body)` with a timestamp header, else of the body."""
    assert told({"grafana": [SECRET]}, {"X-Grafana-Alerting-Signature": spelled_out(KEY, PAYLOAD).hex()}, PAYLOAD) is None
    own = {"secrets": [SECRET], "header": "X-Own-Signature", "timestamp_header": "X-Own-Time"}
    timed = {"X-Own-Signature": spelled_out(KEY, b"1772442000:" + PAYLOAD).hex(), "X-Own-Time": "1772442000"}
    assert told({"grafana": own}, timed, PAYLOAD, at(1772442000)) is None
    assert told({"grafana": own}, timed, PAYLOAD, at(1772442000 - 301)) is Refusal.STALE
    default_name = {"secrets": [SECRET], "timestamp_header": "X-Own-Time"}
    timed["X-Grafana-Alerting-Signature"] = timed.pop("X-Own-Signature")
    assert told({"grafana": default_name}, timed, PAYLOAD, at(1772442000)) is None


def test_stripe() -> None:
    """https://docs.stripe.com/webhooks#verify-manually shows a header without its secret, and no vector."""
    body = b'{\n  "id": "evt_test_webhook",\n  "object": "event"\n}'
    signature = spelled_out(b"whsec_test_secret", b"1772442000." + body).hex()
    header = {"Stripe-Signature": f"t=1772442000,v1={'0' * 64},v1={signature},v0={'6' * 64}"}
    assert told({"stripe": ["whsec_test_secret"]}, header, body, at(1772442000)) is None
    assert told({"stripe": ["whsec_test_secret"]}, header, body, at(1772442000) + timedelta(minutes=6)) is Refusal.STALE


def test_generic() -> None:
    own = {
        "secrets": [SECRET], "header": "X-Signature", "prefix": "v1=", "encoding": "base64", "algorithm": "sha512",
        "message": "{id}:{timestamp}:{body}:end", "timestamp_header": "X-Time", "id_header": "X-Id", "tolerance": "1h",
    }  # fmt: skip
    raw = spelled_out(KEY, b"7:1772442000:" + PAYLOAD + b":end", "sha512")
    headers = {"X-Signature": "v1=" + base64.b64encode(raw).decode(), "X-Time": "1772442000", "X-Id": "7"}
    assert told({"hmac": own}, headers, PAYLOAD, at(1772442000 + 3600)) is None
    assert told({"hmac": own}, headers, PAYLOAD, at(1772442000 + 3601)) is Refusal.STALE
    plain = {"secrets": [SECRET], "header": "X-Signature"}
    assert told({"hmac": plain}, {"X-Signature": spelled_out(KEY, PAYLOAD).hex()}, PAYLOAD) is None


def test_every_preset_has_its_known_answer() -> None:
    assert {f"test_{scheme}" for scheme in PRESETS} - set(globals()) == {"test_standard_webhooks"}
    assert {f"{name}-signature" for name in STANDARD} == {shape.header for shape in PRESETS["standard_webhooks"]}  # type: ignore[index]
