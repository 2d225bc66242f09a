"""The code flow with PKCE: where people are sent, and what is made of what they come back with.

https://datatracker.ietf.org/doc/html/rfc9700 says what goes wrong with it.
"""

import asyncio
import hmac
import logging
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from gateway.config.provider import ProviderSettings, is_secure
from gateway.upstream.asking import Refused, Unavailable
from gateway.upstream.openid import id_token
from gateway.upstream.openid.id_token import Claims
from gateway.upstream.web import Answer, Web
from mappers.contract.text import one_line

if TYPE_CHECKING:
    from joserfc.jwk import Key

FRESH_FOR: Final = 600.0
"""Seconds after which what the provider says of itself, and its keys, are fetched again. While it is down, what is known goes on."""
RETRY_AFTER: Final = 10.0
"""Seconds between two fetches of the same, whatever is asked for."""
PATIENCE: Final = 5.0
"""Seconds for one question to the provider."""
AT_MOST: Final = 256 * 1024
SCOPE: Final = "openid email profile"
_log = logging.getLogger("tocsin.openid")


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser keeps that began, sealed, and nobody else knows."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A flow, and the provider's address that it goes on at."""

    flow: Flow
    url: str


class Fetched:
    """One document of the provider's, fetched when it is needed, by one at a time."""

    def __init__(self, fetch: Callable[[], Any], monotonic: Callable[[], float]) -> None:
        self._fetch, self._monotonic = fetch, monotonic
        self._turn = asyncio.Lock()
        self._value: Any = None
        self._got_at = self._tried_at = float("-inf")

    async def value(self, *, anew: bool = False) -> Any:
        """As it is known; `anew`: fetched again even where it is fresh, but not too often. Raises `Unavailable` or `Refused`."""
        async with self._turn:
            now = self._monotonic()
            is_fresh = self._value is not None and now - self._got_at < FRESH_FOR and not anew
            if is_fresh or (self._value is not None and now - self._tried_at < RETRY_AFTER):
                return self._value
            if now - self._tried_at < RETRY_AFTER:
                raise Unavailable("The provider could not be asked a moment ago.")
            try:
                self._value = await self._fetch()
                self._got_at = self._monotonic()
            except (Refused, Unavailable) as error:
                _log.warning("the sign-in provider: %s", error)
                if self._value is None:
                    raise
            finally:
                self._tried_at = self._monotonic()
            return self._value


class Provider:
    """One provider."""

    def __init__(self, settings: ProviderSettings, web: Web | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Asks nothing before somebody signs in."""
        self.settings, self._web = settings, web or Web()
        self._about, self._keys = Fetched(self._fetch_about, monotonic), Fetched(self._fetch_keys, monotonic)

    async def begin(self, redirect_uri: str) -> Begun:
        """A new flow. Raises `Unavailable` or `Refused` where the provider does not say where it goes on."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        about = await self._about.value()
        flow = Flow(*(secrets.token_urlsafe(32) for _ in range(3)))
        url = prepare_grant_uri(
            about["authorization_endpoint"], self.settings.client_id, "code", redirect_uri=redirect_uri, scope=SCOPE, state=flow.state,
            nonce=flow.nonce, code_challenge=create_s256_code_challenge(flow.verifier), code_challenge_method="S256",
        )  # fmt: skip
        return Begun(flow, url)

    async def finish(self, said: Mapping[str, str], flow: Flow, redirect_uri: str, now: float) -> Claims:
        """Whom the provider names; `said` is the query that the browser came back with. Raises `Unavailable` or `Refused`."""
        if not hmac.compare_digest(said.get("state", "").encode("utf-8", "replace"), flow.state.encode()):
            raise Refused("This belongs to another attempt to sign in.")
        about = await self._about.value()
        self._check_sender(said, about)
        if "error" in said:
            raise Refused(f"The provider let nobody in: {one_line(said['error'], 60)}")
        if not said.get("code"):
            raise Refused("The provider sent no code.")
        tokens = await self._redeem(said["code"], flow, redirect_uri, about)
        token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise Refused("The provider sent no ID token.")
        access_token = access_token if isinstance(access_token, str) else None
        found = id_token.verified(
            token, await self._key(id_token.key_id(token)), issuer=self.settings.issuer, client_id=self.settings.client_id,
            nonce=flow.nonce, access_token=access_token, allowed=about["algorithms"], now=now,
        )  # fmt: skip
        named = id_token.claims(found)
        if not named.email and access_token and about["userinfo_endpoint"]:
            named = id_token.claims({**found, **await self._userinfo(about["userinfo_endpoint"], access_token, named.subject)})
        return named

    async def close(self) -> None:
        """Ends its connections."""
        await self._web.close()

    def _check_sender(self, said: Mapping[str, str], about: Mapping[str, Any]) -> None:
        """Another provider's answer is none to our question. https://www.rfc-editor.org/rfc/rfc9207#section-2.4"""
        sender = said.get("iss")
        if sender is None and about["names_itself"]:
            raise Refused("The answer does not say which provider it is from.")
        if sender is not None and sender != self.settings.issuer:
            raise Refused("The answer is from another provider.")

    async def _redeem(self, code: str, flow: Flow, redirect_uri: str, about: Mapping[str, Any]) -> Mapping[str, Any]:
        settings, headers = self.settings, {}
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": flow.verifier}
        if settings.client_secret and about["takes_basic"]:  # https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": settings.client_id, **({"client_secret": settings.client_secret} if settings.client_secret else {})}
        answer = await self._ask("POST", about["token_endpoint"], headers=headers, form=form)
        document = _document(answer)
        if answer.status != 200:
            raise Refused(f"The provider did not take its code back: {one_line(str(document.get('error', answer.status)), 60)}")
        return document

    async def _key(self, named: str | None) -> "Key":
        """The key with this id; one that is not known yet is looked for anew, for keys change."""
        for anew in (False, True):
            key = id_token.pick(await self._keys.value(anew=anew), named)
            if key is not None:
                return key
        raise Refused("The provider's ID token is signed with a key that the provider does not show.")

    async def _userinfo(self, address: str, access_token: str, subject: str) -> Mapping[str, Any]:
        answer = await self._ask("GET", address, headers={"Authorization": f"Bearer {access_token}"})
        document = _document(answer)
        if answer.status != 200 or document.get("sub") != subject:  # of somebody else: a token that was swapped
            raise Refused("The provider does not say who that is.")
        return {name: document.get(name) for name in ("email", "email_verified", "name")}

    async def _fetch_about(self) -> Mapping[str, Any]:
        answer = await self._ask("GET", f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        said = _document(answer)
        if answer.status != 200 or said.get("issuer") != self.settings.issuer:
            raise Refused(f"What is at {self.settings.issuer} does not say that it is this provider: look at TOCSIN_OIDC_ISSUER.")
        found = {name: said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")}
        for name, address in found.items():
            if not (isinstance(address, str) and is_secure(address)) and (address is not None or name != "userinfo_endpoint"):
                raise Refused(f"The provider's {name} is no https address.")
        methods, algorithms = said.get("token_endpoint_auth_methods_supported"), said.get("id_token_signing_alg_values_supported")
        return {
            **found,
            "takes_basic": not isinstance(methods, list) or "client_secret_basic" in methods,
            "algorithms": algorithms if isinstance(algorithms, list) else ["RS256"],
            "names_itself": said.get("authorization_response_iss_parameter_supported") is True,
        }

    async def _fetch_keys(self) -> "list[Key]":
        answer = await self._ask("GET", (await self._about.value())["jwks_uri"])
        if answer.status != 200:
            raise Unavailable(f"The provider's keys: it answered {answer.status}.")
        return await asyncio.to_thread(id_token.read_keys, _document(answer))

    async def _ask(self, method: str, url: str, **how: Any) -> Answer:
        try:
            answer = await self._web.ask(method, url, at_most=AT_MOST, within=PATIENCE, **how)
        except TimeoutError:
            raise Unavailable(f"The provider did not answer within {PATIENCE:.0f} s.") from None
        except OSError as error:
            _log.warning("the sign-in provider cannot be reached: %s", error)  # what it is called within is nobody's business outside
            raise Unavailable("The provider cannot be reached.") from None
        if answer.status >= 500 or answer.status in (408, 425, 429):
            raise Unavailable(f"The provider answered {answer.status}.")
        return answer


def _document(answer: Answer) -> Mapping[str, Any]:
    if answer.cut:
        raise Refused("The provider says more than it should.")
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused("The provider's answer cannot be read.")
    return document
