"""Who is believed: known answers, every malformation a refusal, nothing ever raised."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.contract import Headers
from mappers.contract.signature import Proof, Refusal, Scheme, Secret, authenticate, digest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BODY = b'{"eventType": "job.run.errored"}'


def proof(scheme: Scheme, *secrets: str, expires_at: datetime | None = None, **shape: str) -> Proof:
    made = tuple(
        Secret(key=secret.encode(), expires_at=expires_at) if scheme.signs_body else Secret(digest=digest(secret), expires_at=expires_at)
        for secret in secrets
    )
    return Proof(scheme, made, **shape)


def check(one: Proof, headers: dict[str, str], *, token: str | None = None, body: bytes | None = BODY) -> Refusal | None:
    return authenticate([one], Headers(headers.items()), token, body, NOW)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.req("R3", "R21")
@pytest.mark.parametrize(
    ("one", "headers", "token"),
    [
        (proof(Scheme.BEARER, "old", "new"), {"authorization": "bearer new"}, None),
        (proof(Scheme.HEADER, "value", header="X-Api-Key"), {"x-api-key": "value"}, None),
        (proof(Scheme.BASIC, "user:pass word"), {"Authorization": basic("user:pass word")}, None),
        (proof(Scheme.TOKEN, "in-the-path"), {}, "in-the-path"),
        (proof(Scheme.DBT, "dbt"), {"Authorization": hmac.digest(b"dbt", BODY, "sha256").hex().upper()}, None),
        (proof(Scheme.GITHUB, "gh"), {"X-Hub-Signature-256": "sha256=" + hmac.digest(b"gh", BODY, "sha256").hex()}, None),
        (
            proof(Scheme.HMAC, "own", header="X-Sig", prefix="v1=", encoding="base64", algorithm="sha512"),
            {"x-sig": "v1=" + base64.b64encode(hmac.digest(b"own", BODY, "sha512")).decode()},
            None,
        ),
    ],
    ids=lambda value: value.scheme if isinstance(value, Proof) else "",
)
def test_the_right_credential_is_believed(one: Proof, headers: dict[str, str], token: str | None) -> None:
    assert check(one, headers, token=token) is None


def test_github_known_answer() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert check(proof(Scheme.GITHUB, "It's a Secret to Everybody"), {"X-Hub-Signature-256": signature}, body=b"Hello, World!") is None


def test_standard_webhooks_known_answer() -> None:
    """The vector of the specification's own libraries: a fixed secret, id, timestamp and body."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = Headers(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }.items()
    )
    one = Proof(Scheme.STANDARD_WEBHOOKS, (Secret(key=secret),))
    assert authenticate([one], headers, None, body, datetime.fromtimestamp(1614265330, UTC)) is None
    assert authenticate([one], headers, None, body, datetime.fromtimestamp(1614265330 + 301, UTC)) is Refusal.STALE


@pytest.mark.req("R3")
@pytest.mark.parametrize(
    ("one", "headers", "reason"),
    [
        (Proof(Scheme.BEARER, ()), {"authorization": "Bearer x"}, Refusal.NO_SECRET),
        (proof(Scheme.BEARER, "x"), {}, Refusal.MISSING),
        (proof(Scheme.BEARER, "x"), {"authorization": "Basic eA=="}, Refusal.MALFORMED),
        (proof(Scheme.BEARER, "x"), {"authorization": "Bearer "}, Refusal.MALFORMED),
        (proof(Scheme.BEARER, "x"), {"authorization": "Bearer y"}, Refusal.WRONG),
        (proof(Scheme.BEARER, "x", expires_at=NOW - timedelta(seconds=1)), {"authorization": "Bearer x"}, Refusal.EXPIRED),
        (proof(Scheme.BASIC, "a:b"), {"authorization": "Basic !!!"}, Refusal.MALFORMED),
        (proof(Scheme.DBT, "k"), {"authorization": "not hex"}, Refusal.MALFORMED),
        (proof(Scheme.DBT, "k"), {"authorization": "00"}, Refusal.WRONG),
        (proof(Scheme.GITHUB, "k"), {"x-hub-signature-256": "sha1=00"}, Refusal.MALFORMED),
        (
            proof(Scheme.STANDARD_WEBHOOKS, "k"),
            {"webhook-id": "a", "webhook-timestamp": "nocomma", "webhook-signature": "v1,a,b"},
            Refusal.MALFORMED,
        ),
        (
            proof(Scheme.STANDARD_WEBHOOKS, "k"),
            {"webhook-id": "a", "webhook-timestamp": "9" * 12, "webhook-signature": "v1,AAAA"},
            Refusal.WRONG,
        ),
    ],
)
def test_anything_else_is_refused_with_its_reason(one: Proof, headers: dict[str, str], reason: Refusal) -> None:
    assert check(one, headers) is reason


def test_an_empty_list_of_proofs_refuses_everything() -> None:
    assert authenticate([], Headers(), None, b"", NOW) is Refusal.NO_SECRET


@pytest.mark.req("R3")
@given(
    scheme=st.sampled_from(list(Scheme)),
    value=st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    other=st.text(max_size=20),
    body=st.binary(max_size=60),
)
def test_no_header_makes_it_raise_or_believe(scheme: Scheme, value: str, other: str, body: bytes) -> None:
    headers = dict.fromkeys(("authorization", "x-sig", "x-hub-signature-256", "webhook-id", "webhook-signature"), value) | {
        "webhook-timestamp": other
    }
    one = proof(scheme, "a secret nobody guesses", header="x-sig")
    assert isinstance(authenticate([one], Headers(headers.items()), value, body, NOW), Refusal)
