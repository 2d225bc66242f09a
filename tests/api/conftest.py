"""A gateway without workers, and people who ask it; every answer is held against the OpenAPI document."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from gateway.api import openapi
from gateway.app import OPERATIONS, Web
from gateway.config.environment import Environment
from gateway.storage.database import Database
from gateway.vault import Vault
from tests.builders import KINDS, House
from tests.conftest import Clock

PUBLIC = "https://tocsin.example"
TEMPLATES = [(operation.method, operation.path.split("/"), operation.path) for operation in OPERATIONS]


class Asker:
    """One person with a token, or without."""

    def __init__(self, client: TestClient[Any, Any], document: dict[str, Any], token: str | None) -> None:
        self.client, self.document = client, document
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, *, status: int | None = None, headers: dict[str, str] | None = None, **given: Any) -> Any:
        """The answer's JSON. Fails where the status is not `status` (default: any 2xx) or the document does not allow the answer."""
        answer = await self.client.request(method, path, headers={**self.headers, **(headers or {})}, **given)
        text = await answer.text()
        assert answer.status == status if status else answer.ok, f"{answer.status}: {text}"
        assert answer.content_type == ("application/json" if answer.ok else "application/problem+json")
        body = await answer.json(content_type=None)
        self._validate(method, path.partition("?")[0], str(answer.status), answer.content_type, body)
        return body

    def _validate(self, method: str, path: str, status: str, content_type: str, body: Any) -> None:
        template = next(
            whole
            for verb, parts, whole in TEMPLATES
            if verb == method
            and len(parts) == len(path.split("/"))
            and all(part.startswith("{") or part == given for part, given in zip(parts, path.split("/"), strict=True))
        )
        schema = self.document["paths"][template][method.lower()]["responses"][status]["content"][content_type]["schema"]
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(body)

    async def get(self, path: str, **given: Any) -> Any:
        return await self.ask("GET", path, **given)

    async def put(self, path: str, body: Any, **given: Any) -> Any:
        return await self.ask("PUT", path, json=body, **given)

    async def post(self, path: str, body: Any = None, **given: Any) -> Any:
        return await self.ask("POST", path, **({"json": body} if body is not None else {}), **given)

    async def delete(self, path: str, **given: Any) -> Any:
        return await self.ask("DELETE", path, **given)


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The OpenAPI document, made once: that is slower than most of these tests."""
    return openapi.document(OPERATIONS, "test", "tocsin_session")


@pytest.fixture
async def client(
    database: Database,
    clock: Clock,
    tmp_path: Path,
    described: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]],
) -> TestClient[Any, Any]:
    monkeypatch.setattr(openapi, "document", lambda *_: described)
    environment = Environment(public_url=PUBLIC, config=tmp_path / "none.toml")
    return await aiohttp_client(Web(environment, database, KINDS, Vault("k" * 32), clock).app)


@pytest.fixture
async def document(client: TestClient[Any, Any]) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    served: dict[str, Any] = await (await client.get("/api/openapi.json")).json()
    return served


@pytest.fixture
def asker(client: TestClient[Any, Any], document: dict[str, Any]) -> Callable[[str | None], Asker]:
    """People by their name; None: nobody is signed in."""
    return lambda name: Asker(client, document, f"{name}-token" if name else None)


@pytest.fixture
def ana(house: House, asker: Callable[[str | None], Asker]) -> Asker:
    """A member of acme."""
    house.user("ana")
    return asker("ana")


@pytest.fixture
def ben(house: House, asker: Callable[[str | None], Asker]) -> Asker:
    """Another member of acme."""
    house.user("ben")
    return asker("ben")


@pytest.fixture
def zoe(house: House, asker: Callable[[str | None], Asker]) -> Asker:
    """An admin of another team."""
    house.user("zoe", team_id=house.team("other"), role="admin")
    return asker("zoe")


@pytest.fixture
def boss(house: House, asker: Callable[[str | None], Asker]) -> Asker:
    """An admin of acme."""
    house.user("boss", role="admin")
    return asker("boss")
