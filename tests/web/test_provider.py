"""Signing in with an OpenID provider: as it should go, and every way in which providers and others can be wrong."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient

import gateway.upstream.openid.flow as flow_module
from gateway.api.sign_in import COOKIE
from gateway.config.environment import Environment, EnvironmentFault
from gateway.config.provider import provider_settings
from gateway.web.provider_view import COOKIE as FLOW
from tests.api.issuing import BANK, by_hmac, by_rsa, jwk, part, pem
from tests.conftest import Clock
from tests.web.house import OURS, House, opened, text, words
from tests.web.openid_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, provider

Client = TestClient[Any, Any]
Opens = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeProvider]:
    async with provider(clock) as fake:
        yield fake


@pytest.fixture
def opens(tmp_path: Path, clock: Clock, fake: FakeProvider) -> Opens:
    def with_settings(**settings: Any) -> AbstractAsyncContextManager[House]:
        shape = {"oidc_issuer": fake.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, "oidc_name": "Acme login"}
        return opened(tmp_path, clock, **{**shape, **settings})

    return with_settings


@pytest.fixture
async def house(opens: Opens) -> AsyncIterator[House]:
    async with opens() as house:
        yield house


async def begins(client: Client, target: str = "") -> str:
    """The address at the provider that the browser is sent to."""
    answer = await client.get("/sign-in/provider", params={"next": target} if target else {}, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return str(answer.headers["Location"])


async def through(client: Client, fake: FakeProvider) -> Any:
    """The answer to a browser that was at the provider."""
    return await client.get(await fake.visit(await begins(client)), allow_redirects=False)


async def refused(client: Client, fake: FakeProvider, status: int = 403) -> str:
    """What is said to somebody who is not let in; the other ways are still offered."""
    answer = await through(client, fake)
    page = await text(answer, status)
    assert COOKIE not in answer.cookies
    assert answer.cookies[FLOW]["max-age"] == "0"
    assert "tocsin sign-in-link" in page
    await text(await client.get("/"), 401)
    return words(page)


async def test_somebody_known_is_signed_in_and_gets_to_the_page_they_wanted(house: House, fake: FakeProvider) -> None:
    client = house.visitor()
    page = await text(await client.get("/mail?of=me"), 401)
    assert 'href="/sign-in/provider?next=/mail%3Fof%3Dme"' in page
    assert "Sign in with Acme login" in page
    answer = await client.get(await fake.visit(await begins(client, "/mail?of=me")), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/mail?of=me")
    assert answer.cookies[COOKIE]["httponly"]
    assert "ana@acme.test" in await text(await client.get("/sessions"))


async def test_nothing_that_must_stay_secret_is_told_to_the_browser_in_clear(house: House, fake: FakeProvider) -> None:
    client = house.visitor()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(await begins(client)).query).items()}
    assert {"state", "nonce", "code_challenge"} < set(asked)
    kept = client.session.cookie_jar.filter_cookies(client.make_url("/"))[FLOW].value
    assert not any(value in kept for value in asked.values())
    again = {name: values[0] for name, values in parse_qs(urlsplit(await begins(client)).query).items()}
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_nobody_is_led_elsewhere(house: House, fake: FakeProvider, target: str) -> None:
    client = house.visitor()
    answer = await client.get(await fake.visit(await begins(client, target)), allow_redirects=False)
    assert answer.headers["Location"] == "/"


async def test_a_client_without_a_secret_and_one_that_posts_it_are_let_in(opens: Opens, fake: FakeProvider, clock: Clock) -> None:
    fake.about = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    async with opens() as house:
        assert (await through(house.visitor(), fake)).status == 303
    fake.about = {"token_endpoint_auth_methods_supported": ["none"], "public": True}
    async with opens(oidc_client_secret=None) as house:
        assert (await through(house.visitor(), fake)).status == 303


CLAIMS: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "of an issuer that looks alike": {"iss": "http://127.0.0.1/"},
    "for another client": {"aud": "shop"},
    "for us and others, by others": {"aud": [CLIENT_ID, "shop"], "azp": "shop"},
    "for us and others, by nobody": {"aud": [CLIENT_ID, "shop"]},
    "given to another client": {"azp": "shop"},
    "with another nonce": {"nonce": "of another flow"},
    "without a nonce": {"nonce": None},
    "expired": {"exp": 1},
    "that never ends": {"exp": None},
    "that ends in words": {"exp": "soon"},
    "of the future": {"iat": 2**40},
    "not good yet": {"nbf": 2**40},
    "of nobody": {"sub": None},
    "without an issuer": {"iss": None},
    "without an audience": {"aud": None},
    "with another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
async def test_a_token_that_is_not_right_lets_nobody_in(house: House, fake: FakeProvider, claims: dict[str, Any]) -> None:
    fake.claims = claims
    assert "ID token" in await refused(house.visitor(), fake)


async def test_a_token_for_us_and_others_by_us_is_right(house: House, fake: FakeProvider) -> None:
    fake.claims = {"aud": [CLIENT_ID, "shop"], "azp": CLIENT_ID}
    assert (await through(house.visitor(), fake)).status == 303


@pytest.mark.parametrize(
    "how", ["unsigned", "by our secret", "by the public key", "by another key", "crit", "cut", "none", "words", "huge"]
)
async def test_a_forged_token_lets_nobody_in(house: House, fake: FakeProvider, how: str) -> None:
    client = house.visitor()
    address = await begins(client)
    said = fake.said(parse_qs(urlsplit(address).query)["nonce"][0])
    good = by_rsa(said)
    fake.token = {
        "unsigned": f"{part({'alg': 'none'})}.{part(said)}.",
        "by our secret": by_hmac(said, key=CLIENT_SECRET.encode(), kid="key-0"),
        "by the public key": by_hmac(said, key=pem(), kid="key-0"),
        "by another key": by_rsa(said, number=1, kid="key-0"),
        "crit": by_rsa(said, crit=["x"], x=1),
        "cut": good[:-20],
        "none": "",
        "words": "not.a.token",
        "huge": by_rsa({**said, "x": "y" * 300_000}),
    }[how] or "."
    fake.about = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    answer = await client.get(await fake.visit(address), allow_redirects=False)
    await text(answer, 403)
    assert COOKIE not in answer.cookies


async def test_keys_that_change_are_found_and_an_unknown_one_is_not_looked_for_all_the_time(
    house: House, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await through(house.visitor(), fake)).status == 303
    monkeypatch.setattr(flow_module, "RETRY_AFTER", 0.0)
    fake.key, fake.shown = 1, [jwk(1), jwk(0)]
    assert (await through(house.visitor(), fake)).status == 303
    assert fake.asked.count("/keys") == 2
    monkeypatch.setattr(flow_module, "RETRY_AFTER", 10.0)
    fake.key = 2
    for _ in range(5):
        assert "does not show" in await refused(house.visitor(), fake)
    assert fake.asked.count("/keys") == 2


async def test_another_kind_of_key_is_known_too(house: House, fake: FakeProvider) -> None:
    from joserfc import jwt
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"kid": "curve"}, private=True)
    fake.shown = [key.as_dict(private=False), {"kty": "oct", "kid": "curve", "k": "AAAA"}, {"kty": "RSA", "n": "x"}, "nonsense", jwk(-1)]
    fake.about = {"id_token_signing_alg_values_supported": ["ES256"]}
    client = house.visitor()
    address = await begins(client)
    said = fake.said(parse_qs(urlsplit(address).query)["nonce"][0])
    fake.token = jwt.encode({"alg": "ES256", "kid": "curve"}, said, key, algorithms=["ES256"])
    assert (await client.get(await fake.visit(address), allow_redirects=False)).status == 303


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(house: House, fake: FakeProvider) -> None:
    client = house.visitor()
    back = await fake.visit(await begins(client))
    kept = client.session.cookie_jar.filter_cookies(client.make_url("/"))[FLOW].value
    await text(await house.visitor().get(back, allow_redirects=False), 403)
    assert (await client.get(back, allow_redirects=False)).status == 303
    await text(await client.get(back, allow_redirects=False), 403)
    copied = await house.visitor().get(back, cookies={FLOW: kept}, allow_redirects=False)
    assert "invalid_grant" in await text(copied, 403)


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAABnonsense"])
async def test_a_flow_that_was_not_begun_here_is_none(house: House, fake: FakeProvider, cookie: str) -> None:
    """Login CSRF: whoever is sent back with an attacker's code is not signed in as the attacker."""
    attackers = await fake.visit(await begins(house.visitor()))
    victim = house.visitor()
    answer = await victim.get(attackers, cookies={FLOW: cookie} if cookie else {}, allow_redirects=False)
    assert "begun in another browser" in await text(answer, 403)
    await begins(victim)
    answer = await victim.get(attackers, allow_redirects=False)
    assert "another attempt" in await text(answer, 403)
    assert COOKIE not in answer.cookies


async def test_somebody_may_take_ten_minutes_and_no_more(house: House, fake: FakeProvider) -> None:
    slow, slower = house.visitor(), house.visitor()
    backs = [await fake.visit(await begins(client)) for client in (slow, slower)]
    house.clock.advance(minutes=10, seconds=-1)
    assert (await slow.get(backs[0], allow_redirects=False)).status == 303
    house.clock.advance(seconds=1)
    await text(await slower.get(backs[1], cookies=_kept(slower), allow_redirects=False), 403)


def _kept(client: Client) -> dict[str, str]:
    return {one.key: one.value for one in client.session.cookie_jar if one.key == FLOW}


async def test_the_answer_of_another_provider_is_none(house: House, fake: FakeProvider) -> None:
    """Mix-up: https://www.rfc-editor.org/rfc/rfc9207"""
    fake.about = {"authorization_response_iss_parameter_supported": True}
    assert (await through(house.visitor(), fake)).status == 303
    client = house.visitor()
    back = await fake.visit(await begins(client))
    silent, foreign = back.partition("&iss=")[0], back.replace("&iss=", "&iss=https://evil.example/")
    for changed, said in ((silent, "does not say"), (foreign, "another provider")):
        other = house.visitor()
        page = await text(await other.get(changed, cookies=_kept(client), allow_redirects=False), 403)
        assert said in page
    assert len(fake.codes) == 1, "no code was told to anybody"


async def test_what_the_provider_says_against_it_is_text(house: House, fake: FakeProvider) -> None:
    client = house.visitor()
    state = parse_qs(urlsplit(await begins(client)).query)["state"][0]
    page = await text(await client.get("/sign-in/provider/back", params={"state": state, "error": "<script>alert(1)</script>"}), 403)
    assert "<script>" not in page
    assert "The provider let nobody in: &lt;script&gt;" in page


PEOPLE: dict[str, tuple[dict[str, Any], str]] = {
    "not verified": ({"email_verified": False}, "has not verified"),
    "not said to be verified": ({"email_verified": None}, "has not verified"),
    "verified in odd words": ({"email_verified": "yes"}, "has not verified"),
    "without an address": ({"email": None}, "names no mail address"),
    "with a list for an address": ({"email": ["ana@acme.test"]}, "names no mail address"),
    "with what is no address": ({"email": "ana@acme.test\nBcc: x"}, "names no mail address"),
    "not known": ({"email": "eve@acme.test"}, "is not known here"),
    "of an application": ({"email": "f00@users.invalid"}, "is not known here"),
}


@pytest.mark.parametrize(("person", "said"), PEOPLE.values(), ids=PEOPLE)
async def test_whoever_is_not_known_by_a_verified_address_is_not_let_in(
    house: House, fake: FakeProvider, person: dict[str, Any], said: str
) -> None:
    from gateway.storage import people

    fake.person |= person
    assert said in await refused(house.visitor(), fake)
    with house.database.reading() as transaction:
        assert people.find_user(transaction, "eve@acme.test") is None


async def test_an_address_that_only_userinfo_tells_is_taken_if_it_is_of_the_same_person(house: House, fake: FakeProvider) -> None:
    fake.person = {"sub": "248"}
    fake.userinfo = {"email": "ANA@acme.test", "email_verified": True}
    assert (await through(house.visitor(), fake)).status == 303
    fake.userinfo |= {"sub": "249"}
    assert "does not say who that is" in await refused(house.visitor(), fake)


async def test_whoever_is_new_comes_into_a_team_where_that_is_wanted(opens: Opens, fake: FakeProvider) -> None:
    fake.person |= {"email": "eve@acme.test", "name": "Eve\n<b>"}
    async with opens(oidc_team="acme", oidc_role="viewer", oidc_domains="acme.test, Other.test") as house:
        eve = house.visitor()
        await text(await eve.get(await fake.visit(await begins(eve))))
        (team,) = (await (await eve.get("/api/teams")).json())["items"]
        assert (team["slug"], team["role"]) == ("acme", "viewer")
        ana = await house.signed_in("ana")
        written = (await (await ana.get("/api/audit")).json())["items"][0]
        assert (written["actor"], written["action"]) == ("the sign-in provider", "member.added")
        fake.person |= {"email": "ana@acme.test"}
        assert (await through(house.visitor(), fake)).status == 303
        for email in ("eve@evil.example", "eve@sub.acme.test", "eve@acme.test.evil.example"):
            fake.person |= {"email": email}
            assert "of no domain" in await refused(house.visitor(), fake)


async def test_a_team_that_is_not_there_takes_nobody_in(opens: Opens, fake: FakeProvider, caplog: pytest.LogCaptureFixture) -> None:
    fake.person |= {"email": "eve@acme.test"}
    async with opens(oidc_team="none", oidc_domains="acme.test") as house:
        assert "is not known here" in await refused(house.visitor(), fake)
    assert "TOCSIN_OIDC_TEAM names none" in caplog.text


ABOUT: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "an issuer with a slash more": {"issuer": "http://127.0.0.1/"},
    "no address to go on at": {"authorization_endpoint": None},
    "an address that is no https": {"token_endpoint": "http://evil.example/token"},
    "a script for an address": {"authorization_endpoint": "javascript:alert(1)"},
    "keys that are no https": {"jwks_uri": "http://10.0.0.1/keys"},
    "a list for an address": {"jwks_uri": ["https://evil.example"]},
    "people told of without https": {"userinfo_endpoint": "http://evil.example/"},
}


@pytest.mark.parametrize("about", ABOUT.values(), ids=ABOUT)
async def test_a_provider_that_says_odd_things_of_itself_is_gone_to_by_nobody(
    house: House, fake: FakeProvider, about: dict[str, Any]
) -> None:
    fake.about = about
    client = house.visitor()
    answer = await client.get("/sign-in/provider", allow_redirects=False)
    assert "That did not sign you in" in await text(answer, 403)
    assert FLOW not in answer.cookies
    assert (await client.post(await house.link("ana"), headers=OURS, allow_redirects=False)).status == 303, "by link it goes on"


HOSTILE: dict[str, dict[str, Any]] = {
    "down": {"status": 503},
    "busy": {"status": 429},
    "elsewhere": {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
    "no JSON": {"text": "<html>"},
    "a list": {"text": "[]"},
    "nested": {"text": "[" * 100_000},
    "endless": {"body": b"{" + b" " * 2_000_000},
    "not UTF-8": {"body": b"\xff\xfe{}"},
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_answers_end_in_a_page_that_offers_another_way(
    house: House, fake: FakeProvider, path: str, answer: dict[str, Any]
) -> None:
    fake.answers[path] = answer
    client = house.visitor()
    got = await client.get("/sign-in/provider", allow_redirects=False)
    if got.status == 303:
        got = await client.get(await fake.visit(got.headers["Location"]), allow_redirects=False)
    assert got.status in (403, 503)
    assert "tocsin sign-in-link" in await got.text()
    assert COOKIE not in got.cookies


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
async def test_a_slow_provider_is_not_waited_for_and_holds_up_nobody(
    house: House, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(flow_module, "PATIENCE", 0.1)
    fake.answers[path] = 30.0
    client = house.visitor()
    answer = await client.get("/sign-in/provider", allow_redirects=False)
    if answer.status == 303:
        answer = await client.get(await fake.visit(answer.headers["Location"]), allow_redirects=False)
    assert "did not answer within" in await text(answer, 503)


async def test_a_provider_that_went_down_is_known_still_and_one_that_was_never_up_is_not_asked_by_each(
    house: House, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.visitor()
    fake.answers = {"/.well-known/openid-configuration": {"status": 500}}
    for _ in range(4):
        await text(await client.get("/sign-in/provider", allow_redirects=False), 503)
    assert fake.asked == ["/.well-known/openid-configuration"]
    monkeypatch.setattr(flow_module, "RETRY_AFTER", 0.0)
    fake.answers = {}
    assert (await through(house.visitor(), fake)).status == 303
    monkeypatch.setattr(flow_module, "FRESH_FOR", 0.0)
    fake.answers = {path: {"status": 500} for path in ("/.well-known/openid-configuration", "/keys")}
    assert (await through(house.visitor(), fake)).status == 303


FAULTS: dict[str, dict[str, Any]] = {
    "TOCSIN_OIDC_ISSUER: must begin with https": {"oidc_issuer": "http://login.acme.test", "oidc_client_id": "x"},
    "TOCSIN_OIDC_ISSUER: .* neither": {"oidc_issuer": "https://login.acme.test/?a=b", "oidc_client_id": "x"},
    "TOCSIN_OIDC_CLIENT_ID": {"oidc_issuer": "https://login.acme.test"},
    "TOCSIN_OIDC_ISSUER is not set": {"oidc_client_id": "x"},
    "TOCSIN_OIDC_TEAM needs TOCSIN_OIDC_DOMAINS": {"oidc_issuer": BANK, "oidc_client_id": "x", "oidc_team": "acme"},
}


@pytest.mark.parametrize(("said", "settings"), FAULTS.items(), ids=FAULTS)
def test_a_provider_that_could_not_be_used_or_lets_strangers_in_is_an_error_at_start(said: str, settings: dict[str, Any]) -> None:
    with pytest.raises(EnvironmentFault, match=said):
        provider_settings(Environment(**settings))
    assert provider_settings(Environment()) is None


def test_starting_does_not_wait_for_the_library() -> None:
    import subprocess
    import sys

    code = "import sys, json, gateway.app; print(json.dumps([one for one in ('authlib', 'joserfc') if one in sys.modules]))"
    assert json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) == []
