"""Signing in with an OpenID provider: to it, and back. Its troubles end here; the other ways to sign in go on."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from gateway.api.sign_in import SignIn, host_only
from gateway.channels.email.address import Address
from gateway.metrics import SIGN_INS
from gateway.storage import audit, people
from gateway.storage.database import Transaction
from gateway.upstream.asking import Refused, Unavailable
from gateway.upstream.openid import Claims, Flow, Provider
from gateway.vault import Vault
from gateway.web.signing_in import PATH, SigningIn
from gateway.web.visit import local, see_other

COOKIE: Final = "tocsin_provider"
BEGIN: Final = f"{PATH}/provider"
BACK: Final = f"{PATH}/provider/back"
WITHIN: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""
_log = logging.getLogger("tocsin.openid")


@dataclass(frozen=True, slots=True)
class ProviderView:
    """The way to the provider and back."""

    provider: Provider
    sign_in: SignIn
    signing_in: SigningIn
    vault: Vault
    clock: Callable[[], datetime]
    public_url: str

    async def begin(self, request: web.Request) -> web.Response:
        """To the provider. What must come back with the answer stays in this browser, sealed."""
        target = local(request.query.get("next", "/"))
        try:
            begun = await self.provider.begin(self._back)
        except (Refused, Unavailable) as error:
            return self._trouble(error, target)
        kept = [begun.flow.state, begun.flow.nonce, begun.flow.verifier, target, (self.clock() + WITHIN).timestamp()]
        response = see_other(begun.url)
        response.set_cookie(
            self._cookie, self.vault.seal(json.dumps(kept).encode()), max_age=int(WITHIN.total_seconds()), httponly=True, samesite="Lax",
            secure=self._secure, path="/",
        )  # fmt: skip
        return response

    async def back(self, request: web.Request) -> web.Response:
        """From the provider. Whoever it names is signed in, if they are known here and their address is verified."""
        flow, target = self._kept(request)
        response = see_other(target)
        try:
            await self._enter(request, response, flow)
            SIGN_INS.labels("provider", "done").inc()
        except (Refused, Unavailable) as error:
            response = self._trouble(error, target)
        response.del_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response

    async def _enter(self, request: web.Request, response: web.Response, flow: Flow | None) -> None:
        if flow is None:
            raise Refused("It took too long, was done already, or was begun in another browser.")
        claims = await self.provider.finish(request.query, flow, self._back, self.clock().timestamp())
        self._check(claims)
        if not await self.sign_in.begin(request, response, lambda transaction: self._who(transaction, claims)):
            raise Refused(f"{claims.email} is not known here. Ask an admin of your team to add this address.")

    def _check(self, claims: Claims) -> None:
        try:
            domain = Address.parse(claims.email).domain.lower()
        except ValueError:
            raise Refused("The provider names no mail address, and people are known here by theirs.") from None
        if not claims.is_verified:
            raise Refused(f"The provider has not verified that {claims.email} is yours.")
        if self.provider.settings.domains and domain not in self.provider.settings.domains:
            raise Refused(f"{claims.email} is of no domain that may sign in here this way.")

    def _who(self, transaction: Transaction, claims: Claims) -> int | None:
        """The person, made where whoever is new may come in."""
        if known := people.find_recipient(transaction, claims.email):
            return int(known.id)
        settings = self.provider.settings
        team_id = people.team_ids(transaction).get(settings.team) if settings.team else None
        if team_id is None:
            if settings.team:
                _log.error("TOCSIN_OIDC_TEAM names %s, and there is no such team", settings.team)
            return None
        now = self.clock()
        user_id = people.put_user(transaction, email=claims.email, name=claims.name or claims.email.partition("@")[0], now=now)
        people.put_membership(transaction, team_id=team_id, user_id=user_id, role=settings.role, permissions=())
        whom = audit.who(transaction, user_id)
        audit.note(
            transaction, by=audit.PROVIDER, team_id=team_id, action="member.added", target=whom, now=now, details={"role": settings.role}
        )
        return user_id

    def _kept(self, request: web.Request) -> tuple[Flow | None, str]:
        raw = self.vault.open(request.cookies.get(self._cookie, ""))
        if raw is None:
            return None, "/"
        state, nonce, verifier, target, until = json.loads(raw)
        return (Flow(state, nonce, verifier) if until > self.clock().timestamp() else None), target

    def _trouble(self, error: Refused | Unavailable, target: str) -> web.Response:
        is_down = isinstance(error, Unavailable)
        SIGN_INS.labels("provider", "unavailable" if is_down else "refused").inc()
        if is_down:
            return self.signing_in.page("provider", target, status=503, said=f"{error} Use another way, or try again later.")
        return self.signing_in.page("provider", target, status=403, said=str(error))

    @property
    def _back(self) -> str:
        return f"{self.public_url}{BACK}"

    @property
    def _secure(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def _cookie(self) -> str:
        return host_only(COOKIE, self.public_url)
