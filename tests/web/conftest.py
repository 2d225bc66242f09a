"""A house for every test of the page."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.conftest import Clock
from tests.web.house import House, opened


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    async with opened(tmp_path, clock) as house:
        yield house


@pytest.fixture
async def ana(house: House) -> AsyncIterator[TestClient[Any, Any]]:
    """An admin of acme."""
    client = await house.signed_in("ana")
    yield client
    await client.session.close()


@pytest.fixture
async def ben(house: House) -> AsyncIterator[TestClient[Any, Any]]:
    """A member of acme."""
    client = await house.signed_in("ben")
    yield client
    await client.session.close()
