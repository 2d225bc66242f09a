"""The keys of an issuer that has an address: fetched seldom, never waited for long, kept through an outage."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.api import jwks
from gateway.api.jwks import FRESH_FOR, MAX_BYTES, RETRY_AFTER, FetchedKeys, KeysUnavailable, fetch, pick, read_keys, usable
from tests.api.issuing import by_rsa, claims, issuer, jwk, key_pair, key_set
from tests.builders import House

INBOX = "/api/notifications/v1"


class Shelf:
    """An issuer's server, and the time there."""

    def __init__(self) -> None:
        self.text: str | Exception = key_set(jwk())
        self.asked = 0
        self.now = 1000.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self, _: str) -> bytes:
        self.asked += 1
        await self.gate.wait()
        if isinstance(self.text, Exception):
            raise self.text
        return self.text.encode()

    @property
    def keys(self) -> FetchedKeys:
        return FetchedKeys(self.get, lambda: self.now)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_keys_are_fetched_once_and_again_behind_the_back_of_those_who_use_them(shelf: Shelf) -> None:
    keys = shelf.keys
    for _ in range(3):
        assert await keys.find("u", "key-0") is not None
    assert shelf.asked == 1
    shelf.now += FRESH_FOR
    shelf.gate.clear()
    assert await asyncio.wait_for(keys.find("u", "key-0"), 1) is not None, "what is known is used meanwhile"
    await asyncio.sleep(0)
    assert shelf.asked == 2
    shelf.text = key_set(jwk(1))
    shelf.gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert await keys.find("u", "key-0") is None
    assert await keys.find("u", "key-1") is not None


async def test_an_unknown_key_is_looked_for_once_in_half_a_minute_however_many_ask(shelf: Shelf) -> None:
    keys = shelf.keys
    await keys.find("u", "key-0")
    shelf.now += RETRY_AFTER
    shelf.text = key_set(jwk(), jwk(1))
    found = await asyncio.gather(*(keys.find("u", name) for name in ("key-1", "key-1", "nothing", "key-0")))
    assert [one is not None for one in found] == [True, True, False, True]
    assert shelf.asked == 2
    for _ in range(5):
        assert await keys.find("u", "nothing") is None
    assert shelf.asked == 2
    shelf.now += RETRY_AFTER
    assert await keys.find("u", "nothing") is None
    assert shelf.asked == 3


@pytest.mark.parametrize("trouble", [OSError("down"), TimeoutError(), "<html>", "[]", '{"keys": 7}', "", "[" * 50_000])
async def test_an_outage_keeps_the_keys_that_are_known(shelf: Shelf, trouble: Any) -> None:
    keys = shelf.keys
    await keys.find("u", "key-0")
    shelf.text = trouble
    for _ in range(3):
        shelf.now += FRESH_FOR
        assert await keys.find("u", "key-0") is not None
        await asyncio.sleep(0.01)
    assert shelf.asked == 4


async def test_where_none_are_known_it_is_said_and_tried_again_later(shelf: Shelf) -> None:
    keys, shelf.text = shelf.keys, OSError("down")
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await keys.find("u", "key-0")
    assert shelf.asked == 1
    shelf.text, shelf.now = key_set(jwk()), shelf.now + RETRY_AFTER
    assert await keys.find("u", "key-0") is not None


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "PATIENCE", 0.05)
    shelf.gate.clear()
    with pytest.raises(KeysUnavailable):
        await asyncio.wait_for(shelf.keys.find("u", "key-0"), 5)


async def test_who_hangs_up_while_keys_are_fetched_takes_them_from_nobody(shelf: Shelf) -> None:
    keys = shelf.keys
    shelf.gate.clear()
    first, second = (asyncio.create_task(keys.find("u", "key-0")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await second is not None
    assert shelf.asked == 1


def test_only_keys_that_are_for_signing_with_rs256_are_taken() -> None:
    n = jwk()["n"]
    for odd in (
        {**jwk(), "kty": "EC"}, {**jwk(), "kty": "oct", "k": "AAAA"}, {**jwk(), "use": "enc"}, {**jwk(), "alg": "RS512"}, jwk(-1),
        {**jwk(), "key_ops": ["encrypt"]}, {**jwk(), "key_ops": 7}, {**jwk(), "n": ""}, {**jwk(), "n": 7}, {**jwk(), "n": None},
        {**jwk(), "e": "AA"}, {**jwk(), "e": "Ag"}, {**jwk(), "n": "é"}, {"kty": "RSA"}, {**jwk(), "n": n * 8}, 7, None, "x", [],
    ):  # fmt: skip
        assert read_keys(key_set(odd, jwk(1)) if isinstance(odd, dict) else json.dumps({"keys": [odd, jwk(1)]}))[0].id == "key-1", odd
        assert len(read_keys(json.dumps({"keys": [odd, jwk(1)]}))) == 1, odd
    assert read_keys(key_set()) == ()
    assert len(read_keys(key_set(*(jwk(0, kid=str(number)) for number in range(60))))) == 50


def test_a_private_key_in_a_set_is_taken_for_its_public_part_alone() -> None:
    private = key_pair().private_numbers()
    (key,) = read_keys(key_set({**jwk(), "d": str(private.d), "kid": 7}))
    assert (key.id, hasattr(key.public, "sign")) == (None, False)


def test_a_key_is_picked_by_its_id_and_never_one_of_several() -> None:
    one, two = read_keys(key_set(jwk(), jwk(1)))
    assert pick((one, two), "key-1") is two.public
    assert pick((one, two), None) is None
    assert pick((one,), None) is one.public
    assert pick((one,), "key-1") is None
    assert pick((one, one), "key-0") is None
    assert pick((), None) is None
    assert [usable(keys) for keys in ((), (one,), (one, two), (one, one))] == [False, True, True, False]


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.match_info["what"]:
            case "keys":
                return web.Response(text=key_set(jwk()), content_type="application/octet-stream")
            case "elsewhere":
                raise web.HTTPFound("/keys")
            case "gone":
                raise web.HTTPGone
            case "zipped":
                response = web.Response(text=" " * 10_000_000)
                response.enable_compression()
                return response
        return web.Response(text=key_set(jwk()) + " " * MAX_BYTES)

    app = web.Application()
    app.router.add_get("/{what}", answer)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def test_what_is_fetched_is_bounded_and_nobody_is_led_elsewhere(server: TestServer) -> None:
    assert read_keys(await fetch(str(server.make_url("/keys"))))[0].id == "key-0"
    for what in ("elsewhere", "gone", "large", "zipped"):
        with pytest.raises(ValueError, match=r"answered|larger"):
            await fetch(str(server.make_url(f"/{what}")))


@pytest.mark.req("R36")
async def test_an_issuer_with_an_address_signs_people_in_and_one_that_is_down_is_503(house: House, asker: Any, server: TestServer) -> None:
    issuer(house, jwks=str(server.make_url("/keys")))
    issuer(house, "https://down.example", jwks=str(server.make_url("/gone")))
    nobody = asker(None)
    await nobody.get(INBOX, headers={"Authorization": f"Bearer {by_rsa(claims())}"})
    await nobody.get(INBOX, status=401, headers={"Authorization": f"Bearer {by_rsa(claims(), number=1)}"})
    down = by_rsa(claims(iss="https://down.example"))
    await nobody.get(INBOX, status=503, headers={"Authorization": f"Bearer {down}"})
