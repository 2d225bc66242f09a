"""What went wrong, on the page: labelled with who says it, hostile text and all."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import readings
from gateway.storage.database import Transaction
from tests.web.house import OURS, House, draft, text

pytestmark = pytest.mark.req("R85", "R87")
Client = TestClient[Any, Any]


async def is_read(house: House, **more: Any) -> None:
    from datetime import timedelta

    said = {
        "headline": "raw.orders is <b>gone</b>", "cause": "It was dropped", "kind": "missing_relation",
        "evidence": [{"line": 3, "quote": "<script>alert(1)</script> does not exist"}], "next_steps": ["Ask <i>who</i> dropped it"],
        "confidence": "high", "missing": None, "origin": "model", "model": "test-model<x>", **more,
    }  # fmt: skip

    def write(transaction: Transaction) -> None:
        for one in readings.claim(transaction, now=house.clock(), lease="x", lease_for=timedelta(minutes=1), limit=10):
            readings.write(transaction, one.notification_id, lease="x", summary=said, why_not=None, ended_at=house.clock())

    await house.database.write(write)


async def test_a_models_word_is_labelled_and_escaped(house: House, ana: Client) -> None:
    await house.happens(draft("orders", excerpt="a log"))
    assert "Summary by AI" not in await text(await ana.get("/notifications/1"))
    await is_read(house)
    page = await text(await ana.get("/notifications/1"))
    assert "Summary by AI" in page
    assert "it may be wrong" in page
    assert "&lt;script&gt;alert(1)" in page
    for hostile in ("<script>alert", "<b>gone", "<i>who", "test-model<x>"):
        assert hostile not in page


async def test_what_rules_say_is_labelled_so_and_left_out_where_they_know_nothing(house: House, ana: Client) -> None:
    await house.happens(draft("orders", excerpt="a log"))
    await is_read(house, origin="rules", model=None)
    page = await text(await ana.get("/notifications/1"))
    assert "Read by rules, without any model" in page
    await house.happens(draft("other", excerpt="a log"))
    await is_read(house, origin="rules", model=None, cause=None)
    assert "Read by rules" not in await text(await ana.get("/notifications/2"))


async def test_saying_whether_it_was_of_use(house: House, ana: Client) -> None:
    await house.happens(draft("orders", excerpt="a log"))
    await is_read(house)
    answer = await ana.post("/notifications/1/summary-vote", data={"useful": "no"}, headers=OURS, allow_redirects=False)
    assert answer.status == 303
    assert "You said: of no use" in await text(await ana.get("/notifications/1"))
    await text(await ana.post("/notifications/1/summary-vote", data={"useful": "maybe"}, headers=OURS), 422)
