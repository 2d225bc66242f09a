"""Who may what: every operation asks for the role that it declares."""

import re
from typing import Any

import pytest

from gateway.app import OPERATIONS
from gateway.storage.people import ROLES
from tests.builders import House


@pytest.mark.req("R36", "R37")
@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_every_operation_is_refused_to_whoever_is_less_than_its_floor(house: House, asker: Any, role: str) -> None:
    house.user("pat", role=role)
    pat = asker("pat")
    for operation in OPERATIONS:
        path = re.sub(r"\{\w+\}", "999", operation.path.replace("{slug}", "acme"))
        answer = await pat.client.request(operation.method, path, headers=pat.headers)
        below = ROLES.index(role) < ROLES.index(operation.floor)
        assert (answer.status == 403) is below, (operation.method, operation.path, answer.status)
