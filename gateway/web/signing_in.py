"""Signing in by a one-time link: asking for one by mail, and using it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.api.problem import Problem
from gateway.api.sign_in import SignIn
from gateway.channels.email.address import Address
from gateway.domain.sign_in_link import GOOD_FOR
from gateway.intake.limits import Limiter
from gateway.intake.remote import Networks, remote_address
from gateway.listener import counted_as
from gateway.metrics import SIGN_INS
from gateway.storage import credentials, sign_in_requests
from gateway.storage.database import Database
from gateway.web.render import page
from gateway.web.visit import local, see_other
from mappers.contract import duration
from mappers.contract.signature import digest

PATH: Final = "/sign-in"
OF_AN_ADDRESS: Final = 5
"""Links that are asked for with one address, at once and then within `GOOD_FOR`."""
OF_A_REQUESTER: Final = 20
"""The same from one place on the net: many sit behind one."""
_LONGEST_TOKEN: Final = 200
_LONGEST_ADDRESS: Final = 320


@dataclass(frozen=True, slots=True)
class Ways:
    """How people can sign in here."""

    mail: bool
    """Links can be mailed."""
    provider: str = ""
    """What the provider is called where there is one; empty: there is none."""


@dataclass(frozen=True, slots=True)
class SigningIn:
    """The pages that somebody sees who is not signed in."""

    database: Database
    sign_in: SignIn
    clock: Callable[[], datetime]
    ways: Ways
    trusted_proxies: Networks
    ring: Callable[[], None]
    """Tells the workers that there is a mail to send."""
    _addresses: Limiter[str] = field(default_factory=Limiter)
    _requesters: Limiter[str] = field(default_factory=Limiter)

    def page(
        self, state: str, target: str = "/", *, status: int = 200, email: str = "", said: str = "", headers: dict[str, str] | None = None
    ) -> web.Response:
        """The sign-in page; `target` is where one gets from here, `said` what went wrong."""
        values = {
            "state": state, "target": target, "email": email, "said": said, "ways": self.ways, "good_for": duration(GOOD_FOR),
        }  # fmt: skip
        return page("sign-in.html", values, status=status, headers=headers)

    def signed_out(self, request: web.Request) -> web.Response:
        """Instead of a page for those who are signed in, which they get to from here. Of a change it is said that nothing happened."""
        if request.method not in ("GET", "HEAD"):
            return self.page("refused", status=401, headers={"WWW-Authenticate": "Bearer"})
        return self.page("signed-out", local(request.path_qs), status=401, headers={"WWW-Authenticate": "Bearer"})

    async def show(self, request: web.Request) -> web.Response:
        """The ways to sign in; whoever is signed in goes on."""
        target = local(request.query.get("next", "/"))
        return (
            see_other(target)
            if await self.sign_in.visitor(request)
            else self.page("signed-out", target, email=request.query.get("email", "")[:_LONGEST_ADDRESS])
        )

    async def ask(self, request: web.Request) -> web.Response:
        """Notes that a link is to be mailed. Who that is, if anybody, is looked up where nobody waits for it."""
        if not self.sign_in.same_site(request):
            raise Problem(403, "Ask for a link on this gateway's own page.")
        if not self.ways.mail:
            raise Problem(404, "Links are not mailed here. Where the gateway runs, `tocsin sign-in-link` prints one.")
        form = await request.post()
        target, given = local(str(form.get("next", "/"))), str(form.get("email", "")).strip()[: _LONGEST_ADDRESS + 1]
        if not _is_address(given):
            return self.page("signed-out", target, status=422, email=given[:80], said="That is no mail address, as in ana@acme.test.")
        if wait := self._wait(request, given):
            said = "Links were asked for too often. Use the newest mail, or try again later."
            return self.page("signed-out", target, status=429, email=given, said=said, headers={"Retry-After": str(wait)})
        if not await self.database.write(
            sign_in_requests.ask, email=given, target=target, salt=secrets.token_urlsafe(16), now=self.clock()
        ):
            said = "More people ask for a link than can be answered. Try again in a minute."
            return self.page("signed-out", target, status=503, email=given, said=said, headers={"Retry-After": "60"})
        SIGN_INS.labels("link", "asked").inc()
        self.ring()
        return self.page("asked", target, email=given)

    async def offer(self, request: web.Request) -> web.Response:
        """A button. A GET uses nothing up: mail scanners and previews follow links too."""
        email = await self.database.read(credentials.offered, digest=digest(_token(request)), now=self.clock())
        if email is None:
            return self._used(request)
        return self.page("offer", email=email)

    async def enter(self, request: web.Request) -> web.Response:
        """Uses the link up and begins a session."""
        if not self.sign_in.same_site(request):
            raise Problem(403, "Open the sign-in link itself and use its button.")
        response = see_other(_target(request))
        now, link = self.clock(), digest(_token(request))
        if await self.sign_in.begin(request, response, lambda transaction: credentials.take_sign_in(transaction, digest=link, now=now)):
            SIGN_INS.labels("link", "done").inc()
            return response
        return self._used(request)

    def _used(self, request: web.Request) -> web.Response:
        SIGN_INS.labels("link", "refused").inc()
        return self.page("used", _target(request), status=410)

    def _wait(self, request: web.Request, email: str) -> int:
        """Seconds until a link may be asked for again; 0: now. An address counts whether somebody has it or not."""
        now, span = self.clock().timestamp(), GOOD_FOR.total_seconds()
        requester = counted_as(remote_address(request.remote, request.headers.getall("X-Forwarded-For", ()), self.trusted_proxies))
        wait = self._requesters.take(requester, now, rate=OF_A_REQUESTER / span, burst=OF_A_REQUESTER)
        return wait or self._addresses.take(email.lower(), now, rate=OF_AN_ADDRESS / span, burst=OF_AN_ADDRESS)


def _is_address(text: str) -> bool:
    try:
        return len(text) <= _LONGEST_ADDRESS and "<" not in text and bool(Address.parse(text))
    except ValueError:
        return False


def _token(request: web.Request) -> str:
    return request.match_info["token"][:_LONGEST_TOKEN]


def _target(request: web.Request) -> str:
    return local(request.query.get("next", "/"))
