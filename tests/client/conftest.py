"""A fake gateway, and both clients asked in one way."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.client import AsyncTocsin, Tocsin, retry
from tests.api.conftest import client, described, house  # noqa: F401 (fixtures: the gateway without workers)
from tests.client.fake import FakeGateway, serving

TOKEN = "tocsin_a-very-secret-token"
Ask = Callable[..., Any]


@pytest.fixture
def fake() -> Iterator[FakeGateway]:
    with serving() as gateway:
        yield gateway


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Calls a method of each client in turn, without pauses between tries: `ask("resolve", "Disk full", timeout=1)`."""
    monkeypatch.setattr(retry, "_BACKOFF", lambda state: 0.0)

    def sync(name: str, *args: Any, **given: Any) -> Any:
        settings = {key: given.pop(key) for key in ("url", "team", "timeout") if key in given}
        with Tocsin(**{"url": fake.url, "token": TOKEN, **settings}) as tocsin:
            answer = getattr(tocsin, name)(*args, **given)
            return list(answer) if name.startswith("iterate") else answer

    def awaited(name: str, *args: Any, **given: Any) -> Any:
        settings = {key: given.pop(key) for key in ("url", "team", "timeout") if key in given}

        async def run() -> Any:
            async with AsyncTocsin(**{"url": fake.url, "token": TOKEN, **settings}) as tocsin:
                answer = getattr(tocsin, name)(*args, **given)
                return [one async for one in answer] if name.startswith("iterate") else await answer

        return asyncio.run(run())

    return sync if request.param == "sync" else awaited
