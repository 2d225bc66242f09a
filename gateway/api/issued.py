"""People whom another application signs in: by a JWT of an issuer that the configuration names."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.api import assertion
from gateway.api.assertion import Claims, Refusal
from gateway.api.jwks import FetchedKeys, KeysUnavailable, pick, read_keys
from gateway.api.problem import Problem
from gateway.storage import issuers
from gateway.storage.database import Database
from gateway.storage.issuers import Issuer
from gateway.storage.people import Person
from gateway.vault import Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

NOBODYS: Final = "users.invalid"
"""Where addresses lead nowhere. https://www.rfc-editor.org/rfc/rfc6761#section-6.4"""


class IssuedSignIn:
    """Finds the person behind a JWT, and makes whoever is named for the first time."""

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime], keys: FetchedKeys | None = None) -> None:
        self._database, self._vault, self._clock, self._keys = database, vault, clock, keys or FetchedKeys()

    async def person(self, token: str) -> Person | None:
        """Whom the token names; None for what is no JWT. Raises a 401 with the reason for one that is not believed."""
        if not assertion.looks_like_one(token):
            return None
        said = assertion.read(token)
        if said is None:
            raise _refused(Refusal.UNKNOWN)
        found = await self._database.read(issuers.known, issuer=said.issuer, subject=said.subject)
        if found is None or found[0].algorithm != said.algorithm:
            raise _refused(Refusal.UNKNOWN)
        issuer, person = found
        claims = await self._verified(token, issuer, said.key_id)
        if isinstance(claims, Refusal):
            raise _refused(claims)
        if person is None:
            person = await self._met(issuer, claims)
        return replace(person, expires_at=claims.expires_at)

    async def _verified(self, token: str, issuer: Issuer, key_id: str | None) -> Claims | Refusal:
        key = await self._key(issuer, key_id)
        if key is None:
            return Refusal.UNKNOWN
        return assertion.verify(
            token, key=key, algorithm=issuer.algorithm, issuer=issuer.issuer, audience=issuer.audience, now=self._clock()
        )

    async def _key(self, issuer: Issuer, key_id: str | None) -> "bytes | RSAPublicKey | None":
        """The issuer's own key; a token names at most which of them."""
        if issuer.algorithm == "HS256":
            return self._vault.open(issuer.secret) if issuer.secret else None
        if issuer.jwks is None:
            return None
        if issuer.jwks.startswith("{"):
            return pick(read_keys(issuer.jwks), key_id)
        try:
            return await self._keys.find(issuer.jwks, key_id)
        except KeysUnavailable:
            raise Problem(503, "The keys of this JWT's issuer cannot be fetched. Try again.", headers={"Retry-After": "30"}) from None

    async def _met(self, issuer: Issuer, claims: Claims) -> Person:
        email = f"{secrets.token_hex(16)}@{NOBODYS}"
        await self._database.write(issuers.meet, issuer=issuer, subject=claims.subject, name=claims.name, email=email, now=self._clock())
        found = await self._database.read(issuers.known, issuer=issuer.issuer, subject=claims.subject)
        if not found or not found[1]:
            raise _refused(Refusal.UNKNOWN)  # the issuer was disabled meanwhile
        return found[1]


def _refused(refusal: Refusal) -> Problem:
    return Problem(401, refusal.value, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
