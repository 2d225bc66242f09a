"""Who is believed, what each refusal is called, and that nothing a stranger sends is ever believed or raised upon."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.config.document import Auth
from gateway.proofs import opened, stored
from gateway.vault import Vault
from mappers.contract import Headers
from mappers.contract.signature import (
    PRESETS,
    Proof,
    Refusal,
    Scheme,
    Secret,
    Shape,
    Standing,
    authenticate,
    authenticate_body,
    authenticate_head,
    check,
    digest,
    signing_key,
)
from tests.intake import senders
from tests.intake.senders import KEY, basic, hex_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
BODY = b'{"eventType": "job.run.errored"}'
VAULT = Vault("0123456789abcdef0123456789abcdef")
PROOFS = {slug: opened(stored(Auth.model_validate(auth), VAULT), VAULT)[0] for slug, auth in senders.AUTH.items()}
STATIC = {PROOFS[slug].scheme: PROOFS[slug] for slug in senders.STATIC}
TIMED = {PROOFS[slug].scheme: PROOFS[slug] for slug in senders.TIMED}
UNTIMED = {PROOFS[slug].scheme: PROOFS[slug] for slug in senders.SIGNED if slug not in senders.TIMED}
SIGNED = [*UNTIMED.values(), *TIMED.values()]
EVERY = list(PROOFS.values())


def name(one: object) -> str | None:
    return next((slug for slug, known in PROOFS.items() if known == one), None) if isinstance(one, Proof) else None


def right(one: Proof, body: bytes = BODY, at: str = SECONDS, key: str = KEY) -> dict[str, str]:
    """The headers that a sender who knows the key sends."""
    slug = name(one)
    assert slug is not None
    return senders.right(slug, body, at, key)


def asked(
    proofs: Proof | Sequence[Proof], headers: Mapping[str, str], *, body: bytes = BODY, token: str | None = None, now: datetime = NOW
) -> Refusal | None:
    """What the door comes to."""
    every = (proofs,) if isinstance(proofs, Proof) else proofs
    return authenticate(every, CIMultiDict(headers), token, body, now)


def test_every_scheme_is_tried_here() -> None:
    assert {one.scheme for one in EVERY} == set(Scheme) - {Scheme.SNS}, "SNS needs more than the request: see test_sns.py"
    assert set(PRESETS) == {scheme for scheme in Scheme if scheme.signs_body} - {Scheme.HMAC, Scheme.SNS}


# ---- who is believed ----------------------------------------------------------------------------------------


@pytest.mark.req("R3", "R21")
@pytest.mark.parametrize("one", EVERY, ids=name)
def test_the_right_credential_is_believed_and_decided_as_early_as_it_can_be(one: Proof) -> None:
    token = KEY if one.scheme is Scheme.TOKEN else None
    headers = right(one)
    for spelt in (headers, {key.lower(): value for key, value in headers.items()}, {key.upper(): value for key, value in headers.items()}):
        assert asked(one, spelt, token=token) is None
        assert authenticate([one], Headers(spelt.items()), token, BODY, NOW) is None
    standing = authenticate_head([one], CIMultiDict(headers), token, NOW)
    assert standing is (Standing.NEEDS_BODY if one.scheme.signs_body else Standing.BELIEVED)


@pytest.mark.req("R21")
@pytest.mark.parametrize("one", EVERY, ids=name)
def test_several_secrets_are_valid_at_once_until_each_ends(one: Proof) -> None:
    (current,) = one.secrets
    other = Secret(digest=digest("another one"), key=b"another one")
    token = KEY if one.scheme is Scheme.TOKEN else None
    for expires_at, told in ((NOW + timedelta(seconds=1), None), (NOW, Refusal.EXPIRED), (None, None)):
        rotating = replace(one, secrets=(other, replace(current, expires_at=expires_at)))
        assert asked(rotating, right(one), token=token) is told


@pytest.mark.req("R3")
@pytest.mark.parametrize("one", EVERY, ids=name)
def test_what_is_missing_wrong_or_has_no_secret_is_refused_by_name(one: Proof) -> None:
    token = KEY if one.scheme is Scheme.TOKEN else None
    assert asked(one, {}) is Refusal.MISSING
    assert asked(one, dict.fromkeys(right(one), "")) is Refusal.MISSING
    other = Secret(digest=digest("another one"), key=b"another one")
    assert asked(replace(one, secrets=(other,)), right(one), token=token) is Refusal.WRONG
    for unusable in ((), (Secret(),)):
        assert asked(replace(one, secrets=unusable), right(one, key=""), token="") is Refusal.NO_SECRET
    assert asked((), right(one), token=token) is Refusal.NO_SECRET


def test_an_empty_key_signs_nothing() -> None:
    """A forger knows the empty key, so a secret that was left empty must not be one."""
    empty = Proof(Scheme.GITHUB, (Secret(key=b""), Secret(key=b"other")))
    assert asked(empty, {"X-Hub-Signature-256": f"sha256={hmac.digest(b'', BODY, 'sha256').hex()}"}) is Refusal.WRONG
    assert asked(Proof(Scheme.BASIC, (Secret(digest=digest("")),)), {"Authorization": "Basic "}) is Refusal.MALFORMED


def test_alternatives_are_tried_in_turn_and_the_most_telling_reason_is_given() -> None:
    both = (STATIC[Scheme.BEARER], UNTIMED[Scheme.GITHUB], TIMED[Scheme.SLACK])
    assert asked(both, right(both[0])) is None
    assert asked(both, right(both[1])) is None
    assert asked(both, right(both[2])) is None
    assert asked(both, {"Authorization": "Bearer wrong"}) is Refusal.WRONG
    assert asked(both, {"Authorization": "Bearer wrong", **right(both[1])}) is None, "a signature beside a wrong bearer"
    assert asked(both, right(both[1], key="wrong")) is Refusal.WRONG
    assert authenticate_body(both, CIMultiDict(right(both[0])), BODY, NOW) is Refusal.MISSING, "a static credential signs nothing"
    assert authenticate_body(both[:1], CIMultiDict(right(both[0])), BODY, NOW) is Refusal.NO_SECRET


@pytest.mark.parametrize("one", SIGNED, ids=name)
def test_malformed_headers_are_refused_before_the_body_is_read(one: Proof) -> None:
    fine = right(one)
    for header in fine:
        if header.endswith("id") or header == "X-Id":
            continue
        for value in ("", "x", "é", "\udcff", "\ud800", "v1,", "t=,v1=", "sha256=", " ", "\x00", "=", "a" * 100_000):
            refusal = authenticate_head([one], CIMultiDict({**fine, header: value}), None, NOW)
            assert refusal in (Refusal.MALFORMED, Refusal.MISSING), (header, value[:20])
    without = {header: value for header, value in list(fine.items())[1:]}
    assert isinstance(authenticate_head([one], CIMultiDict(without), None, NOW), Refusal)


@pytest.mark.parametrize("one", [*SIGNED, STATIC[Scheme.BEARER], STATIC[Scheme.HEADER], STATIC[Scheme.BASIC]], ids=name)
def test_a_header_that_is_sent_twice_is_refused(one: Proof) -> None:
    fine = right(one)
    for header in fine:
        twice = CIMultiDict(fine)
        twice.add(header.swapcase(), fine[header])
        assert authenticate_head([one], twice, None, NOW) is Refusal.MALFORMED


# ---- timestamps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", TIMED.values(), ids=name)
@pytest.mark.parametrize("offset", [-301, 301, -300, 300, 0])
def test_the_tolerance_is_five_minutes_either_way(one: Proof, offset: int) -> None:
    at = str(int(NOW.timestamp()) + offset)
    assert asked(one, right(one, at=at)) is (Refusal.STALE if abs(offset) > 300 else None)
    assert asked(replace(one, tolerance=timedelta(seconds=301)), right(one, at=at)) is None


@pytest.mark.parametrize("one", TIMED.values(), ids=name)
def test_a_timestamp_is_looked_at_only_once_the_signature_is_right(one: Proof) -> None:
    old = right(one, at="1")
    assert asked(one, old) is Refusal.STALE
    assert asked(one, right(one, at="1", key="wrong")) is Refusal.WRONG
    changed = {name: SECONDS if value == "1" else value.replace("t=1,", f"t={SECONDS},") for name, value in old.items()}
    assert asked(one, changed) is Refusal.WRONG, "a fresh time on an old signature"


@pytest.mark.parametrize("one", TIMED.values(), ids=name)
@pytest.mark.parametrize(
    "at", ["-1", "+1", "1.5", "1e9", "١٢٣", "²", "1" * 13, "9" * 5000, "nan", "0x10", " 1", "1_0", "2026-03-02T09:00:00Z"]
)
def test_an_absurd_timestamp_is_malformed_however_well_it_is_signed(one: Proof, at: str) -> None:
    assert asked(one, right(one, at=at)) is Refusal.MALFORMED


def test_the_longest_timestamp_is_only_stale() -> None:
    one = TIMED[Scheme.SLACK]
    assert asked(one, right(one, at="9" * 12)) is Refusal.STALE


# ---- what each scheme is particular about -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "told"),
    [
        ("bearer a-key-of-ours", None),
        ("BEARER   a-key-of-ours ", None),
        ("Bearer", Refusal.MALFORMED),
        ("Bearer ", Refusal.MALFORMED),
        ("Basic YTpi", Refusal.MALFORMED),
        ("a-key-of-ours", Refusal.MALFORMED),
        ("Bearer a-key-of-ourz", Refusal.WRONG),
        ("Bearer \udcff", Refusal.WRONG),
    ],
)
def test_bearer(authorization: str, told: Refusal | None) -> None:
    assert asked(STATIC[Scheme.BEARER], {"Authorization": authorization}) is told


@pytest.mark.parametrize(
    ("authorization", "told"),
    [
        (basic("ana:pass:wörd"), None),
        (basic("ana:pass"), Refusal.WRONG),
        (basic("ana"), Refusal.MALFORMED),
        ("Basic !!!", Refusal.MALFORMED),
        ("Basic YW5hOg", Refusal.MALFORMED),
        (basic("ana:pass:wörd").replace("Basic YW5h", "Basic YW!5h"), Refusal.MALFORMED),
        ("Basic " + base64.b64encode("ana:pass:wörd".encode("latin-1")).decode(), Refusal.MALFORMED),
        ("Basic \udcff", Refusal.MALFORMED),
    ],
)
def test_basic_is_user_and_password_in_utf_8(authorization: str, told: Refusal | None) -> None:
    assert asked(STATIC[Scheme.BASIC], {"Authorization": authorization}) is told


@pytest.mark.parametrize("scheme", UNTIMED, ids=str)
def test_hex_is_read_in_either_case_and_nothing_is_skipped(scheme: Scheme) -> None:
    ((header, value),) = right(UNTIMED[scheme]).items()
    start = "sha256=" if scheme is Scheme.GITHUB else ""
    digits = value.removeprefix(start)
    assert asked(UNTIMED[scheme], {header: start + digits.upper()}) is None
    assert asked(UNTIMED[scheme], {header: start + digits.lower()}) is None
    for odd in (digits[:-2], digits + "00", digits[:-1], f"{digits[:2]} {digits[2:]}", f" {digits}", f"0x{digits}"):
        assert asked(UNTIMED[scheme], {header: start + odd}) is Refusal.MALFORMED, odd


def test_stripe_takes_any_right_v1_and_no_other_version() -> None:
    one = TIMED[Scheme.STRIPE]
    right_one, wrong_one = hex_of(SECONDS.encode() + b"." + BODY), "00" * 32
    for value, told in (
        (f"t={SECONDS},v1={wrong_one},v1={right_one}", None),
        (f"v1={right_one},t={SECONDS}", None),
        (f"t={SECONDS},v1=odd,v1={right_one},unknown", None),
        (f"t={SECONDS},v0={right_one}", Refusal.MALFORMED),
        (f"t={SECONDS},v1={wrong_one}", Refusal.WRONG),
        (f"v1={right_one}", Refusal.MALFORMED),
        (f"t={SECONDS},t={SECONDS},v1={right_one}", Refusal.MALFORMED),
        (f"t={SECONDS}", Refusal.MALFORMED),
    ):
        assert asked(one, {"Stripe-Signature": value}) is told, value


def test_standard_webhooks_takes_any_right_v1_under_either_name_but_not_half_of_each() -> None:
    one = TIMED[Scheme.STANDARD_WEBHOOKS]
    fine = right(one)
    svix = {name.replace("webhook", "svix"): value for name, value in fine.items()}
    signature, wrong_one = fine["webhook-signature"], "v1," + base64.b64encode(bytes(32)).decode()
    assert asked(one, svix) is None
    assert asked(one, {**fine, "webhook-signature": f"v1a,AAAA {wrong_one} {signature}"}) is None
    assert asked(one, {**fine, "webhook-signature": f"v2,{signature[3:]}"}) is Refusal.MALFORMED
    assert asked(one, {**fine, "webhook-signature": signature.removesuffix("=")}) is Refusal.MALFORMED
    assert asked(one, {**svix, "webhook-signature": wrong_one}) is None, "what cannot be checked does not spoil what can"
    mixed = {"webhook-id": "msg_1", "svix-timestamp": SECONDS, "webhook-signature": signature}
    assert asked(one, mixed) is Refusal.MISSING


def test_base64_is_read_only_as_it_is_written() -> None:
    """The last letter before the `=` holds two bits that say nothing; another letter there is another text."""
    one = TIMED[Scheme.STANDARD_WEBHOOKS]
    fine = right(one)
    *start, last, end = fine["webhook-signature"]
    assert end == "="
    place = _BASE64.index(last)
    for other in _BASE64[place + 1 : place + 4]:
        assert base64.b64decode("".join([*start[3:], other, end])) == base64.b64decode("".join([*start[3:], last, end]))
        assert asked(one, {**fine, "webhook-signature": "".join([*start, other, end])}) is Refusal.MALFORMED


_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_an_id_cannot_take_in_the_time() -> None:
    """Signed is `msg_1.{then}.x.{now}.y`: an id of `msg_1.{then}.x` would make `y` a body of its own, and fresh."""
    one = TIMED[Scheme.STANDARD_WEBHOOKS]
    then = str(int(NOW.timestamp()) - 86_400)
    caught = right(one, b"x." + SECONDS.encode() + b".y", at=then)
    forged = {**caught, "webhook-id": f"msg_1.{then}.x", "webhook-timestamp": SECONDS}
    assert asked(one, forged, body=b"y") is Refusal.MALFORMED
    assert asked(one, {**caught, "webhook-id": "é"}, body=b"y") is Refusal.MALFORMED


def test_grafanas_two_forms_do_not_stand_in_for_each_other() -> None:
    bare, with_time = UNTIMED[Scheme.GRAFANA], TIMED[Scheme.GRAFANA]
    assert asked(with_time, right(bare)) is Refusal.MISSING
    assert asked(bare, right(with_time)) is Refusal.WRONG


def test_a_proof_without_the_shape_it_needs_proves_nothing() -> None:
    assert asked(replace(PROOFS["hmac"], shape=None), {"X-Sig": hex_of(BODY)}) is Refusal.NO_SECRET
    assert asked(replace(PROOFS["header"], shape=None), {"": KEY}) is Refusal.NO_SECRET


@pytest.mark.parametrize("secret", ["c2VjcmV0LW9mLTI0LWJ5dGVzLi4u", "whsec_c2VjcmV0LW9mLTI0LWJ5dGVzLi4u"])
def test_a_standard_webhooks_secret_is_base64_with_or_without_its_prefix(secret: str) -> None:
    assert signing_key(Scheme.STANDARD_WEBHOOKS, secret) == b"secret-of-24-bytes..."
    assert signing_key(Scheme.STRIPE, secret) == secret.encode(), "Stripe's are taken as they are"


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (Shape("X", message="{time}.{body}"), "there is no field {time}"),
        (Shape("X", message="{body"), "a brace stands alone"),
        (Shape("X", message="{}{body}"), "there is no field {}"),
        (Shape("X", message="{{body}}"), "a brace stands alone"),
        (Shape("X", message="constant"), "{body} must stand in it exactly once"),
        (Shape("X", message="{body}{body}"), "{body} must stand in it exactly once"),
        (Shape("X", message="{timestamp}.{body}"), "{timestamp} is signed, but timestamp_header does not say"),
        (Shape("X", message="{id}.{body}"), "{id} is signed, but id_header does not say"),
        (Shape("X", timestamp_header="T"), "timestamp_header: the message does not sign {timestamp}"),
        (Shape("X", id_header="I"), "id_header: the message does not sign {id}"),
        (Shape("X", message="{id}{id}{body}", id_header="I"), "{id} stands in it more than once"),
    ],
)
def test_a_shape_that_could_never_be_signed_is_an_error_that_says_why(shape: Shape, told: str) -> None:
    with pytest.raises(ValueError, match=r"^(message|timestamp_header|id_header): ") as raised:
        check(shape)
    assert told in str(raised.value)


def test_every_preset_is_a_shape_that_can_be_signed() -> None:
    for shapes in PRESETS.values():
        for shape in shapes:
            check(shape)


# ---- any request at all -------------------------------------------------------------------------------------

NAMES = sorted(
    {"authorization", "x-api-key", "x-sig", "x-time", "x-id", "x-grafana-time"}
    | {header.lower() for shapes in PRESETS.values() for one in shapes for header in (one.header, one.timestamp_header, one.id_header)}
    - {""}
)
VALUES = (
    st.text(max_size=30)
    | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.sampled_from([SECONDS, "msg_1", "0" * 64, "sha256=" + "0" * 64, "v0=" + "0" * 64, f"t={SECONDS},v1=" + "0" * 64])
    | st.binary(min_size=32, max_size=32).map(lambda raw: "v1," + base64.b64encode(raw).decode())
    | st.binary(min_size=64, max_size=64).map(lambda raw: "v1=" + base64.b64encode(raw).decode())
    | st.binary(max_size=12).map(lambda raw: "Basic " + base64.b64encode(raw).decode())
    | st.text(max_size=12).map(lambda text: "Bearer " + text)
    | st.text(alphabet=st.characters(categories=["Cs", "Nd", "Cc"]), max_size=20)
)


@pytest.mark.req("R3")
@settings(max_examples=400, deadline=None)
@given(
    headers=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=12),
    token=st.none() | st.text(max_size=20),
    body=st.binary(max_size=60),
)
@example(headers=[("x-hub-signature-256", "sha256=" + hmac.digest(b"", b"", "sha256").hex())], token="", body=b"")
def test_no_request_of_a_stranger_is_believed_or_makes_it_raise(headers: list[tuple[str, str]], token: str | None, body: bytes) -> None:
    sent = CIMultiDict(headers)
    for one in EVERY:
        assert isinstance(authenticate([one], sent, token, body, NOW), Refusal)
        assert isinstance(authenticate([one], Headers(headers), token, body, NOW), Refusal)
        if not one.scheme.signs_body:
            assert isinstance(authenticate_head([one], sent, token, NOW), Refusal)
    assert isinstance(authenticate(EVERY, sent, token, body, NOW), Refusal)


@settings(max_examples=500, deadline=None)
@given(one=st.sampled_from(SIGNED), body=st.binary(max_size=200), bit=st.integers(min_value=0))
def test_whatever_bit_of_a_signed_request_flips_it_is_refused(one: Proof, body: bytes, bit: int) -> None:
    fine = right(one, body)
    assert asked(one, fine, body=body) is None
    if body:
        place = bit % (len(body) * 8)
        flipped = bytearray(body)
        flipped[place // 8] ^= 1 << place % 8
        assert asked(one, fine, body=bytes(flipped)) is Refusal.WRONG
    for header, value in fine.items():
        place = bit % (len(value) * 8)
        raw = bytearray(value.encode("ascii"))
        raw[place // 8] ^= 1 << place % 8
        changed = raw.decode("utf-8", "surrogateescape")
        told = asked(one, {**fine, header: changed}, body=body)
        if isinstance(told, Refusal):
            continue
        assert _says_the_same(one, value, changed), (header, value, changed)


def _says_the_same(one: Proof, value: str, changed: str) -> bool:
    """What may change: the case of hex digits, and in Stripe's header what is no v1 and no time."""
    ignored = value.rpartition(",v0=")[0] if one.scheme is Scheme.STRIPE else value
    is_hex = one.scheme not in (Scheme.STANDARD_WEBHOOKS, Scheme.HMAC)
    return (is_hex and changed.lower() == value.lower()) or (one.scheme is Scheme.STRIPE and changed.startswith(ignored))


@settings(max_examples=100, deadline=None)
@given(one=st.sampled_from(EVERY), body=st.binary(max_size=200), casing=st.randoms(use_true_random=False))
def test_a_right_request_is_believed_however_its_header_names_are_cased(one: Proof, body: bytes, casing: Random) -> None:
    spelt = {
        "".join(casing.choice((letter.lower(), letter.upper())) for letter in header): value for header, value in right(one, body).items()
    }
    assert asked(one, spelt, body=body, token=KEY) is None
