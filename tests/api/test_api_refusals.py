"""Who may ask, and what is refused: each refusal names the place and what is allowed there."""

import base64
import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway.app import OPERATIONS
from gateway.storage import credentials
from gateway.storage.database import StorageUnavailable
from mappers.contract.signature import digest
from tests.builders import House, failure
from tests.conftest import Clock

ROOT = "/api/notifications"


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_the_openapi_document_is_valid_and_names_every_operation(document: dict[str, Any]) -> None:
    validate(document)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}


async def test_nobody_gets_anything_without_signing_in(asker: Any) -> None:
    nobody = asker(None)
    for operation in OPERATIONS:
        problem = await nobody.ask(operation.method, re.sub(r"\{\w+\}", "1", operation.path), status=401)
        assert problem["status"] == 401


async def test_wrong_foreign_expired_and_revoked_credentials_are_401(house: House, clock: Clock, asker: Any, ana: Any) -> None:
    with house.database.writing() as transaction:
        for kind, name in (("session", "session"), ("sign-in", "sign-in"), ("token", "expired")):
            credentials.put(
                transaction, user_id=1, kind=kind, digest=digest(f"{name}-token"), name=name, now=clock.now, expires_at=clock.now
            )
    for name in ("nobody", "session", "sign-in", "expired"):
        await asker(name).get(f"{ROOT}/v1", status=401)
    for scheme in ("Basic", "Token", "bearer2", ""):
        await asker(None).get(f"{ROOT}/v1", status=401, headers={"Authorization": f"{scheme} ana-token"})
    await ana.get(f"{ROOT}/v1", headers={"Authorization": "bearer  ana-token "})


async def test_a_change_by_cookie_from_another_site_is_403_and_from_our_own_is_done(
    house: House, clock: Clock, ana: Any, asker: Any
) -> None:
    with house.database.writing() as transaction:
        credentials.put(transaction, user_id=1, kind="session", digest=digest("cookie"), name="", now=clock.now, expires_at=None)
    cookie = {"Cookie": "__Host-tocsin_session=cookie"}
    browser = asker(None)
    await browser.post(f"{ROOT}/read-all", status=403, headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    await browser.post(f"{ROOT}/read-all", status=403, headers={**cookie, "Origin": "https://evil.example"})
    await browser.post(f"{ROOT}/read-all", status=403, headers=cookie)
    await browser.post(f"{ROOT}/read-all", headers={**cookie, "Sec-Fetch-Site": "same-origin"})
    await browser.post(f"{ROOT}/read-all", headers={**cookie, "Origin": "https://tocsin.example"})
    await browser.get(f"{ROOT}/v1", headers={**cookie, "Sec-Fetch-Site": "cross-site"})


REFUSED_QUERIES = {
    f"{ROOT}/v1?limit=0": ["query.limit"],
    f"{ROOT}/v1?limit=101": ["query.limit"],
    f"{ROOT}/v1?limit=x": ["query.limit"],
    f"{ROOT}/v1?limits=5": ["query.limits"],
    f"{ROOT}/v1?cursor=!": ["query.cursor"],
    f"{ROOT}/v1?cursor=" + cursor([1, 2]): ["query.cursor"],
    f"{ROOT}/v1?cursor=" + cursor(["2026-03-02T09:00:00Z"]): ["query.cursor"],
    f"{ROOT}/v1?cursor=" + cursor(["0001-01-01T00:00:00+14:00", 1]): ["query.cursor"],
    f"{ROOT}/v1?cursor=" + cursor({"a": 1, "b": 2}): ["query.cursor"],
    f"{ROOT}/v1?cursor=" + base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("="): ["query.cursor"],
    f"{ROOT}/v1?cursor=%C3%A4": ["query.cursor"],
    f"{ROOT}/filtered?level=bad": ["query.level.0"],
    f"{ROOT}/filtered?category=job_failure&category=nonsense": ["query.category.1"],
    f"{ROOT}/filtered?read_status=maybe&status=closed": ["query.read_status", "query.status"],
    f"{ROOT}/filtered?since=yesterday": ["query.since"],
    f"{ROOT}/filtered?urgent_only=perhaps": ["query.urgent_only"],
    f"{ROOT}/filtered?q=" + "x" * 201: ["query.q"],
    f"{ROOT}/filtered?q=a%00b": ["query.q"],
    f"{ROOT}/filtered?owner=%00": ["query.owner"],
    f"{ROOT}/filtered?source=%00": ["query.source"],
    f"{ROOT}/filtered?pipeline=%00&tag=%00": ["query.pipeline", "query.tag"],
    f"{ROOT}/urgent-bar?limit=5": ["query.limit"],
    f"{ROOT}/categories?team=acme": ["query.team"],
    f"{ROOT}/1?x=1": ["query.x"],
    "/api/tokens?limit=5": ["query.limit"],
}


async def test_a_refused_query_is_422_and_names_each_place(ana: Any) -> None:
    for path, places in REFUSED_QUERIES.items():
        problem = await ana.get(path, status=422)
        assert sorted(error["place"] for error in problem["errors"]) == places, path
        assert all(error["message"] for error in problem["errors"])


async def test_a_refused_value_says_what_is_allowed(ana: Any) -> None:
    (error,) = (await ana.get(f"{ROOT}/filtered?level=bad", status=422))["errors"]
    assert all(level in error["message"] for level in ("info", "success", "warning", "error"))
    (error,) = (await ana.get(f"{ROOT}/filtered?category=bad", status=422))["errors"]
    assert all(category in error["message"] for category in ("incident", "schema_change", "system"))
    (error,) = (await ana.get(f"{ROOT}/v1?limit=101", status=422))["errors"]
    assert "100" in error["message"]
    (error,) = (await ana.get(f"{ROOT}/v1?limits=1", status=422))["errors"]
    assert error["message"] == "there is no such field"


REFUSED_MARKS: list[tuple[Any, list[str]]] = [
    ({}, ["body.ids"]),
    ({"ids": []}, ["body.ids"]),
    ({"ids": [0]}, ["body.ids.0"]),
    ({"ids": [1, "x"]}, ["body.ids.1"]),
    ({"ids": [2**60]}, ["body.ids.0"]),
    ({"ids": list(range(1, 502))}, ["body.ids"]),
    ({"ids": [1], "seen": True}, ["body.seen"]),
    ({"ids": [1], "read": "perhaps"}, ["body.read"]),
    ([1], ["body"]),
    ("text", ["body"]),
]


async def test_refused_marks_are_422_and_name_each_place(ana: Any) -> None:
    for body, places in REFUSED_MARKS:
        problem = await ana.put(f"{ROOT}/v1", body, status=422)
        assert [error["place"] for error in problem["errors"]] == places, body


async def test_a_body_that_is_no_json_is_422(ana: Any) -> None:
    for raw in (b"", b"{", b"\xff", b"[" * 100_000, b'{"ids": [1e999]}', b'{"ids": [NaN]}'):
        problem = await ana.ask("PUT", f"{ROOT}/v1", status=422, data=raw)
        assert problem["errors"][0]["place"].startswith("body"), raw[:20]


@pytest.mark.req("R19")
async def test_a_body_that_is_too_large_is_413(ana: Any) -> None:
    await ana.ask("PUT", f"{ROOT}/v1", status=413, data=b" " * (256 * 1024 + 1))


async def test_a_number_no_database_can_hold_is_no_error_of_ours(ana: Any) -> None:
    for number in (10**30, -(10**30)):
        await ana.get(f"{ROOT}/v1?cursor=" + cursor(["2026-03-02T09:00:00Z", number]))
    await ana.get(f"{ROOT}/{'9' * 30}", status=404)
    await ana.get(f"{ROOT}/{'9' * 18}", status=404)
    await ana.put(f"{ROOT}/v1", {"ids": [2**53]})


async def test_times_at_the_edges_of_the_calendar_are_no_error_of_ours(house: House, ana: Any) -> None:
    house.say(failure(run="r"))
    for moment in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        assert len((await ana.get(f"{ROOT}/filtered", params={"since": moment}))["items"]) == 1
    for moment in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"):
        assert len((await ana.get(f"{ROOT}/filtered", params={"until": moment}))["items"]) == 1


async def test_answers_are_not_stored_by_anybody_on_the_way(client: Any, ana: Any) -> None:
    answer = await client.get(f"{ROOT}/v1", headers=ana.headers)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_database_in_trouble_is_503_with_retry_after(house: House, client: Any, ana: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("gone")

    monkeypatch.setattr(house.database, "read", fail)
    await ana.get(f"{ROOT}/v1", status=503)
    answer = await client.get(f"{ROOT}/v1", headers=ana.headers)
    assert answer.headers["Retry-After"] == "2"
