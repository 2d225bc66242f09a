"""A provider as OpenID Connect describes one, on loopback: strict where it should be, and as wrong as a test wants."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.api.issuing import by_rsa, jwk, part
from tests.conftest import Clock

CLIENT_ID, CLIENT_SECRET = "tocsin", "a secret: with / and %"
REDIRECT_URI = "http://127.0.0.1:8080/sign-in/provider/back"


@dataclass
class FakeProvider:
    """One of them."""

    clock: Clock
    key: int = 0
    """Which key pair it signs with."""
    shown: list[dict[str, Any]] = field(default_factory=lambda: [jwk(0)])
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "248", "email": "ana@acme.test", "email_verified": True, "name": "Ana"})
    claims: dict[str, Any] = field(default_factory=dict)
    """Over what an ID token would say; None takes a claim out."""
    about: dict[str, Any] = field(default_factory=dict)
    """Over what it says of itself; None takes it out."""
    answers: dict[str, Any] = field(default_factory=dict)
    """path → a response instead of its own, or seconds before that."""
    token: str | None = None
    """An ID token instead of its own."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    issuer: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def routes(self) -> web.Application:
        app = web.Application(middlewares=[self._mischief])
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/userinfo", self._userinfo)
        return app

    @property
    def _mischief(self) -> Any:
        @web.middleware
        async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
            self.asked.append(request.path)
            instead = self.answers.get(request.path)
            if isinstance(instead, float):
                await asyncio.sleep(instead)
            elif instead is not None:
                return web.Response(**instead)
            answer: web.StreamResponse = await handler(request)
            return answer

        return middleware

    async def _about(self, _: web.Request) -> web.Response:
        said = {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys", "userinfo_endpoint": f"{self.issuer}/userinfo", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"], **self.about,
        }  # fmt: skip
        return web.json_response({name: value for name, value in said.items() if value is not None})

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": self.shown})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == REDIRECT_URI, "only what was registered"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 43
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]}
        if self.about.get("authorization_response_iss_parameter_supported"):
            back["iss"] = self.issuer
        return web.Response(status=302, headers={"Location": f"{REDIRECT_URI}?{urlencode(back)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        if "Authorization" in request.headers:
            pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
            client = tuple(unquote_plus(one) for one in pair.split(":", 1))
        else:
            client = (form.get("client_id"), form.get("client_secret", CLIENT_SECRET if self.about.get("public") else ""))
        if client != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.codes.pop(str(form.get("code")), None)  # once
        challenge = part(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"] or challenge != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": "access", "token_type": "Bearer", "id_token": self.token or self.signed(asked["nonce"])})

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer access"
        return web.json_response({"sub": "248", **self.userinfo})

    def signed(self, nonce: str, **header: Any) -> str:
        """An ID token."""
        return by_rsa(self.said(nonce), number=self.key, **header)

    def said(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock().timestamp())
        at_hash = base64.urlsafe_b64encode(hashlib.sha256(b"access").digest()[:16]).decode().rstrip("=")
        said = {"iss": self.issuer, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce, "at_hash": at_hash}
        return {name: value for name, value in {**said, **self.person, **self.claims}.items() if value is not None}

    async def visit(self, address: str) -> str:
        """Somebody signs in there; gives the path with which their browser comes back."""
        async with ClientSession() as session, session.get(address, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"

    def document(self, **fields: Any) -> dict[str, Any]:
        """A response for `answers`."""
        return {"text": json.dumps(fields), "content_type": "application/json"}


@asynccontextmanager
async def provider(clock: Clock) -> AsyncIterator[FakeProvider]:
    fake = FakeProvider(clock)
    server = TestServer(fake.routes())
    await server.start_server()
    fake.issuer = str(server.make_url("")).rstrip("/")
    try:
        yield fake
    finally:
        await server.close()
