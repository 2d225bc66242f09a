"""People whom an application signs in by a JWT: who they are, what they may, and everything that must not be believed."""

import asyncio
import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.api import assertion
from gateway.api.assertion import Claims, Refusal
from gateway.storage import issuers, tables
from tests.api.issuing import (
    AUDIENCE,
    BANK,
    SECRET,
    SHOP,
    VAULT,
    by_hmac,
    by_rsa,
    claims,
    issuer,
    jwk,
    key_pair,
    key_set,
    part,
    pem,
)
from tests.builders import House, failure
from tests.conftest import NOW, Clock

INBOX = "/api/notifications/v1"
SECONDS = int(NOW.timestamp())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def shop(house: House) -> House:
    """A team whose shop signs its users in."""
    issuer(house)
    return house


def issued(house: House) -> list[dict[str, Any]]:
    return house.rows(tables.users, tables.users.c.email.like("%.invalid"))


@pytest.mark.req("R36")
async def test_the_first_sight_of_somebody_makes_them_a_member_of_that_one_team(shop: House, asker: Any) -> None:
    nobody = asker(None)
    token = by_hmac(claims(name="  Uma\n \u202eU. ", email="boss@acme.test"))
    assert (await nobody.get(INBOX, headers=bearer(token)))["items"] == []
    (uma,) = issued(shop)
    assert (uma["name"], uma["mailable"], uma["email"] == "boss@acme.test") == ("Uma U.", False, False)
    assert (await nobody.get("/api/teams", headers=bearer(token)))["items"][0]["role"] == "member"
    shop.say(failure(run="r"))
    assert len((await nobody.get(INBOX, headers=bearer(token)))["items"]) == 1
    await nobody.get(f"{INBOX}?team=other", status=404, headers=bearer(token))
    assert (await nobody.put("/api/notifications/preferences", {"enabled": False}, headers=bearer(token)))["enabled"] is False
    await nobody.get(INBOX, headers=bearer(by_hmac(claims("u-2"))))
    assert [row["name"] for row in issued(shop)] == ["Uma U.", "u-2"]
    assert shop.mails(uma["id"]) == []


async def test_nobody_is_matched_by_their_address(shop: House, ana: Any, asker: Any) -> None:
    for subject in ("ana@acme.test", "1"):
        await asker(None).get(INBOX, headers=bearer(by_hmac(claims(subject, email="ana@acme.test", name="Ana"))))
    assert len(issued(shop)) == 2
    shop.say(failure(run="r"))
    await ana.post("/api/notifications/read-all")
    assert (await asker(None).get("/api/notifications/unread-count", headers=bearer(by_hmac(claims("ana@acme.test")))))["total"] == 1


async def test_many_first_requests_at_once_make_one_person(shop: House, client: Any) -> None:
    for subject in ("a", "b"):
        token = by_hmac(claims(subject))
        answers = await asyncio.gather(*(client.get(INBOX, headers=bearer(token)) for _ in range(8)))
        assert {answer.status for answer in answers} == {200}
    assert len(issued(shop)) == 2
    assert len(shop.rows(tables.identities)) == len(shop.rows(tables.memberships)) == 2


async def test_the_same_subject_of_another_issuer_is_somebody_else(shop: House, asker: Any) -> None:
    other = shop.team("other")
    issuer(shop, BANK, team_id=other, jwks=key_set(jwk()))
    await asker(None).get(INBOX, headers=bearer(by_hmac(claims())))
    teams = (await asker(None).get("/api/teams", headers=bearer(by_rsa(claims(iss=BANK)))))["items"]
    assert [one["slug"] for one in teams] == ["other"]
    assert len(issued(shop)) == 2


@pytest.mark.req("R37")
async def test_the_role_and_permissions_are_the_issuers(house: House, asker: Any) -> None:
    issuer(house, role="viewer", permissions=("orders.view",))
    token = bearer(by_hmac(claims()))
    (team,) = (await asker(None).get("/api/teams", headers=token))["items"]
    assert (team["role"], team["permissions"]) == ("viewer", ["orders.view"])
    house.say(failure(run="r", permissions=["orders.view"]))
    assert len((await asker(None).get(INBOX, headers=token))["items"]) == 1


async def test_whoever_is_signed_in_so_is_never_an_admin_and_makes_no_tokens(shop: House, boss: Any, asker: Any) -> None:
    nobody, token = asker(None), bearer(by_hmac(claims()))
    await nobody.get(INBOX, headers=token)
    (uma,) = issued(shop)
    refused = await boss.put("/api/teams/acme/members", {"email": uma["email"], "role": "admin"}, status=409)
    assert "cannot be an admin" in refused["detail"]
    with shop.database.writing() as transaction:
        transaction.execute(tables.memberships.update().values(role="admin"))
    for path in ("/api/sources", "/api/users", "/api/audit"):
        await nobody.get(path, status=403, headers=token)
    assert "makes no tokens" in (await nobody.post("/api/tokens", {"name": "x"}, status=403, headers=token))["detail"]
    with shop.database.reading() as transaction:
        found = issuers.known(transaction, issuer=SHOP, subject="u-1")
    assert found is not None
    assert found[1] is not None
    assert (found[1].roles, found[1].admin_of) == ({shop.team_id: "member"}, frozenset())


@pytest.mark.req("R36")
async def test_whoever_is_signed_in_so_belongs_to_no_other_team(shop: House, zoe: Any, boss: Any, asker: Any) -> None:
    nobody, token = asker(None), bearer(by_hmac(claims()))
    await nobody.get(INBOX, headers=token)
    (uma,) = issued(shop)
    await zoe.put("/api/teams/other/members", {"email": uma["email"]}, status=409)
    (other,) = shop.rows(tables.teams, tables.teams.c.slug == "other")
    with shop.database.writing() as transaction:
        transaction.execute(tables.memberships.insert().values(team_id=other["id"], user_id=uma["id"], role="member"))
    await nobody.get(f"{INBOX}?team=other", status=404, headers=token)
    await boss.put("/api/teams/acme/members", {"email": uma["email"], "role": "viewer"})
    assert (await nobody.get("/api/teams", headers=token))["items"][0]["role"] == "viewer"
    await boss.delete(f"/api/teams/acme/members/{uma['id']}")
    assert (await nobody.get("/api/teams", headers=token))["items"] == [], "who was sent away is not taken in again"


async def test_a_disabled_issuer_is_not_believed(shop: House, asker: Any) -> None:
    token = bearer(by_hmac(claims()))
    await asker(None).get(INBOX, headers=token)
    (known,) = shop.rows(tables.issuers)
    with shop.database.writing() as transaction:
        issuers.disable(transaction, issuer_id=known["id"], now=NOW)
    await asker(None).get(INBOX, status=401, headers=token)
    issuer(shop)
    await asker(None).get(INBOX, headers=token)


async def test_a_token_of_the_gateway_may_look_like_a_jwt(shop: House, ana: Any, asker: Any) -> None:
    token = by_hmac(claims(iss="nobody"))
    with shop.database.writing() as transaction:
        transaction.execute(tables.credentials.update().values(digest=hashlib.sha256(token.encode()).digest()))
    await asker(None).get("/api/tokens", headers=bearer(token))


async def test_the_page_knows_no_jwt(shop: House, client: Any) -> None:
    assert (await client.get("/", headers=bearer(by_hmac(claims())))).status == 401
    assert issued(shop) == []


async def test_a_secret_sealed_with_another_key_proves_nothing(house: House, asker: Any) -> None:
    issuer(house, secret=type(VAULT)("another key of at least 32 letters").seal(SECRET.encode()))
    await asker(None).get(INBOX, status=401, headers=bearer(by_hmac(claims())))


HOUR = 3600
BELIEVED: dict[str, Any] = {
    "audience among several": claims(aud=["other", AUDIENCE]),
    "issued a little ahead": claims(iat=SECONDS + 30, nbf=SECONDS + 30),
    "a whole day": claims(iat=SECONDS, exp=SECONDS + 24 * HOUR),
    "fractions": claims(iat=SECONDS - 0.5, exp=SECONDS + 0.5),
    "a long subject": claims("s" * 300),
    "a subject in letters of the world": claims("uživatel/7 \U0001f600"),
    "a name that is none": claims(name=["x"]),
}
REFUSED: dict[str, Any] = {
    "expired": claims(exp=SECONDS),
    "expired long ago": claims(exp=-1),
    "no expiry": claims(exp=None),
    "expiry as text": claims(exp=str(SECONDS + 600)),
    "expiry as truth": claims(exp=True),
    "expiry without end": claims(exp=float("inf")),
    "expiry that is no number": claims(exp=float("nan")),
    "expiry beyond all numbers": claims(exp=10**400),
    "good for too long": claims(exp=SECONDS + 24 * HOUR + 31),
    "made long before": claims(iat=SECONDS - 24 * HOUR, exp=SECONDS + HOUR),
    "not yet": claims(nbf=SECONDS + 31),
    "issued in the future": claims(iat=SECONDS + 31),
    "issued at a word": claims(iat="now"),
    "not before a list": claims(nbf=[]),
    "another audience": claims(aud="other"),
    "no audience": claims(aud=None),
    "no audience among several": claims(aud=[["tocsin"], {"tocsin": 1}, None]),
    "audience within": claims(aud="tocsin-other"),
    "another issuer": claims(iss="https://evil.example"),
    "issuer within": claims(iss=SHOP + "/"),
    "issuer in capitals": claims(iss=SHOP.upper()),
    "issuer as a list": claims(iss=[SHOP]),
    "no issuer": claims(iss=None),
    "no subject": claims(sub=None),
    "an empty subject": claims(""),
    "a number as subject": claims(sub=7),
    "a subject too long": claims("s" * 301),
    "a subject with NUL": claims("a\x00b"),
    "a subject of half a character": claims("\ud800"),
    "a subject on two lines": claims("a\nb"),
    "an issuer of half a character": claims(iss="\udfff"),
    "an issuer with NUL": claims(iss="\x00"),
    "a list": [claims()],
    "a text": "claims",
    "nothing": None,
}


@pytest.mark.req("R36")
async def test_what_is_said_is_believed_only_where_all_of_it_is_right(shop: House, client: Any) -> None:
    for name, said in BELIEVED.items():
        assert (await client.get(INBOX, headers=bearer(by_hmac(said)))).status == 200, name
    people = len(issued(shop))
    for name, said in REFUSED.items():
        answer = await client.get(INBOX, headers=bearer(by_hmac(said)))
        assert (answer.status, answer.content_type) == (401, "application/problem+json"), name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), name
    assert len(issued(shop)) == people


async def test_a_token_ends_at_its_time_by_our_clock(shop: House, clock: Clock, asker: Any) -> None:
    token = bearer(by_hmac(claims(exp=SECONDS + 60)))
    await asker(None).get(INBOX, headers=token)
    clock.advance(seconds=60)
    assert "expired" in (await asker(None).get(INBOX, status=401, headers=token))["detail"]


async def test_a_right_signature_is_told_what_is_wrong_and_a_wrong_one_nothing(shop: House, asker: Any) -> None:
    for said, told in (
        (claims(exp=SECONDS - 1), Refusal.EXPIRED), (claims(exp=None), Refusal.NO_EXPIRY), (claims(aud="x"), Refusal.AUDIENCE),
        (claims(exp=SECONDS + 90 * HOUR), Refusal.TOO_LONG), (claims(nbf=SECONDS + 90), Refusal.NOT_YET),
        (claims(iss="x"), Refusal.UNKNOWN),
    ):  # fmt: skip
        assert (await asker(None).get(INBOX, status=401, headers=bearer(by_hmac(said))))["detail"] == told.value
        wrong = bearer(by_hmac(said, key=b"another key of the same length, 32+ bytes"))
        assert (await asker(None).get(INBOX, status=401, headers=wrong))["detail"] == Refusal.UNKNOWN.value


def forged() -> dict[str, str]:
    """Tokens that say everything right, and are not signed as their issuers were agreed to sign."""
    shop, bank = claims(), claims(iss=BANK)
    right, header, body, sign = by_hmac(shop), *by_hmac(shop).split(".")
    public = {"jwk": jwk(1), "jku": "https://evil.example/jwks", "x5u": "https://evil.example/cert", "x5c": ["AA=="]}
    none = {
        f"none as {alg!r}": f"{part({'alg': alg})}.{part(one)}.{end}"
        for alg in ("none", "None", "NONE", "", None, 0, ["HS256"])
        for one in (shop, bank)
        for end in ("", sign)
    }
    return {
        **none,
        "no alg": f"{part({'typ': 'JWT'})}.{part(shop)}.{sign}",
        "another secret": by_hmac(shop, key=b"x" * 40),
        "an empty secret": by_hmac(shop, key=b""),
        "another hash": by_hmac(shop, name="sha512", alg="HS512"),
        "another hash under the right name": by_hmac(shop, name="sha512"),
        "the public key as a secret": by_hmac(bank, key=pem()),
        "the public key as a secret, as RS256": by_hmac(bank, key=pem(), alg="RS256", kid="key-0"),
        "the key set as a secret": by_hmac(bank, key=key_set(jwk()).encode()),
        "the modulus as a secret": by_hmac(bank, key=jwk()["n"].encode()),
        "the shop's secret for the bank": by_hmac(bank),
        "the bank's key for the shop": by_rsa(shop),
        "the bank's key for the shop, as HS256": by_rsa(shop, alg="HS256"),
        "another key pair": by_rsa(bank, number=1),
        "another key pair under the right id": by_rsa(bank, number=1, kid="key-0"),
        "another key pair that comes along": by_rsa(bank, number=1, kid="key-0", **public),
        "RS512 by name": by_rsa(bank, alg="RS512"),
        "PS256 by name": by_rsa(bank, alg="PS256"),
        "a key id of a path": by_rsa(bank, kid="../../../../dev/null"),
        "a key id of SQL": by_rsa(bank, kid="' OR 1=1 --"),
        "a key id with NUL": by_rsa(bank, kid="key-0\x00"),
        "a key id as a number": by_rsa(bank, kid=0),
        "a key id as a list": by_rsa(bank, kid=["key-0"]),
        "crit": by_hmac(shop, crit=["exp"], exp=1),
        "b64": by_hmac(shop, b64=False, crit=["b64"]),
        "b64 alone": by_hmac(shop, b64=True),
        "an empty crit": by_hmac(shop, crit=[]),
        "another body": f"{header}.{part(claims('admin'))}.{sign}",
        "another header": f"{part({'alg': 'HS256', 'typ': 'jwt'})}.{body}.{sign}",
        "no signature": f"{header}.{body}.",
        "half a signature": right[:-10],
        "no body": f"{header}..{sign}",
        "four parts": f"{right}.{sign}",
        "five parts": f"{right}.{sign}.{sign}",
        "two parts": f"{header}.{body}",
        "padded": f"{header}=.{body}.{sign}",
        "plain base64": f"{header}.{body}.{sign}".replace("-", "+").replace("_", "/") + "+/",
        "bad base64": f"{header}.{body[:-1]}*.{sign}",
        "a body that is no JSON": by_hmac(b"{"),
        "a body of bytes": by_hmac(b"\xff\xfe\x00"),
        "a body too deep": by_hmac(b'{"a":' * 900 + b"1" + b"}" * 900),
        "a number too long": by_hmac(b'{"exp":' + b"9" * 5000 + b"}"),
        "a header too deep": f"{part(b'[' * 3000)}.{body}.{sign}",
        "a token too long": by_hmac(claims(more="x" * 5900)),
        "nothing but dots": "..",
        "spaces": f"{header}. {body}.{sign}",
    }  # fmt: skip


@pytest.mark.req("R36")
async def test_a_forged_token_is_401_whatever_it_says(shop: House, client: Any, caplog: pytest.LogCaptureFixture) -> None:
    issuer(shop, BANK, team_id=shop.team("other"), jwks=key_set(jwk()))
    assert (await client.get(INBOX, headers=bearer(by_rsa(claims(iss=BANK))))).status == 200
    for name, token in forged().items():
        assert (await client.get(INBOX, headers=bearer(token))).status == 401, name
    assert len(issued(shop)) == 1
    assert caplog.records == []


async def test_a_token_larger_than_a_header_may_be_is_refused_too(shop: House, client: Any) -> None:
    for size in (8_000, 100_000):
        assert (await client.get(INBOX, headers=bearer(by_hmac(claims(more="x" * size))))).status in (400, 401)


async def test_of_several_keys_the_token_names_one(house: House, client: Any) -> None:
    issuer(house, jwks=key_set(jwk(), jwk(1)))
    for number in (0, 1):
        assert (await client.get(INBOX, headers=bearer(by_rsa(claims(), number=number)))).status == 200
    for token in (by_rsa(claims(), kid="key-1"), by_rsa(claims(), kid=None), by_rsa(claims(), kid="")):
        assert (await client.get(INBOX, headers=bearer(token))).status == 401
    issuer(house, jwks=key_set(jwk()))
    assert (await client.get(INBOX, headers=bearer(by_rsa(claims(), kid=None)))).status == 200, "the only one need not be named"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([SHOP, AUDIENCE, "HS256", "u-1", SECONDS + 60]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
headers = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "zip", "enc", "cty"]) | st.text(max_size=5), anything)
bodies = st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "name", "jti"]) | st.text(max_size=5), anything)
letters = st.text("abcXYZ019-_.=+/ \x00é\U0001f600", max_size=60) | st.text(max_size=40)


def judged(token: str) -> Claims | Refusal | None:
    """What becomes of a token that says it is from the shop."""
    assertion.looks_like_one(token)
    said = assertion.read(token)
    verdict = assertion.verify(token, key=SECRET.encode(), algorithm="HS256", issuer=SHOP, audience=AUDIENCE, now=NOW)
    assert said is not None or not isinstance(verdict, Claims)
    return verdict


@given(letters)
def test_no_text_is_ever_more_than_refused(token: str) -> None:
    assert judged(token) is Refusal.UNKNOWN


@given(headers, bodies)
def test_no_header_and_no_body_that_is_signed_is_ever_more_than_refused(header: dict[str, Any], said: dict[str, Any]) -> None:
    verdict = judged(by_hmac({**claims(), **said}, header=header))
    if isinstance(verdict, Claims):
        assert NOW < verdict.expires_at <= NOW + timedelta(days=1, seconds=30)
        assert 0 < len(verdict.subject) <= 300
        assert 0 < len(verdict.name) <= 200
        verdict.name.encode()
        assert header.get("alg", "HS256") == "HS256"
        assert not {"crit", "b64"} & header.keys()


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_bytes_in_its_parts_are_ever_more_than_refused(header: bytes, body: bytes) -> None:
    assert judged(f"{part(header)}.{part(body)}.{part(b'x' * 32)}") is Refusal.UNKNOWN


RIGHT = by_hmac(claims())


@given(st.integers(0, len(RIGHT) - 1), st.integers(1, 255))
def test_no_right_token_with_another_bit_is_believed(place: int, change: int) -> None:
    letter = chr(ord(RIGHT[place]) ^ change)
    token = RIGHT[:place] + letter + RIGHT[place + 1 :]
    verdict = judged(token)
    assert verdict is Refusal.UNKNOWN or _means_the_same(token)


def _means_the_same(token: str) -> bool:
    """The last letter of a part holds bits that stand for nothing."""
    head, _, end = token.rpartition(".")
    return head == RIGHT.rpartition(".")[0] and base64.urlsafe_b64decode(end + "=") == base64.urlsafe_b64decode(
        RIGHT.rpartition(".")[2] + "="
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=st.one_of(
        st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), min_size=1, max_size=80),
        st.builds(by_hmac, bodies),
        st.builds(lambda one, two: by_hmac({**claims(), **one}, **two), bodies, headers),
    )
)
async def test_whatever_is_sent_is_answered_with_401_or_an_inbox(shop: House, client: Any, token: str) -> None:
    answer = await client.get(INBOX, headers={"Authorization": f"Bearer {token}"})
    assert answer.status in (200, 400, 401)
    if answer.status == 200:
        assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iss"] == SHOP


def test_a_key_of_another_kind_than_the_algorithm_proves_nothing() -> None:
    said = claims()
    public: Any = key_pair().public_key()
    for token in (by_hmac(said, key=pem()), by_rsa(said)):
        for key, algorithm in ((public, "HS256"), (pem(), "RS256"), (b"", "HS256"), (pem(), "HS256")):
            verdict = assertion.verify(token, key=key, algorithm=algorithm, issuer=SHOP, audience=AUDIENCE, now=NOW)
            assert verdict is Refusal.UNKNOWN


def test_the_token_of_the_guide_is_believed() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "embed-sign-in.md").read_text(encoding="utf-8")
    module: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], module)
    token = module["inbox_token"](7, "Uma", SECRET)
    agreed: dict[str, Any] = {"algorithm": "HS256", "issuer": "https://shop.acme.test", "audience": "tocsin"}
    said = assertion.verify(token, key=SECRET.encode(), **agreed, now=datetime.now(UTC))
    assert isinstance(said, Claims)
    assert (said.subject, said.name) == ("7", "Uma")
