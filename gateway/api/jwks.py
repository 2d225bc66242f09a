"""The public keys of an issuer: read from a key set, and fetched where it has an address. https://www.rfc-editor.org/rfc/rfc7517"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

FRESH_FOR: Final = 600.0
"""Seconds until keys are fetched again, while they are still used."""
RETRY_AFTER: Final = 30.0
"""Seconds between two fetches, whatever is asked for."""
PATIENCE: Final = 5.0
"""Seconds that a fetch may take."""
MAX_BYTES: Final = 64 * 1024
MOST_KEYS: Final = 50
_BITS: Final = range(2048, 8193)
_log = logging.getLogger("tocsin.api")


class KeysUnavailable(Exception):
    """The keys of an issuer could not be fetched, and none are known from before."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public RSA key that signatures may be made with."""

    id: str | None
    public: "RSAPublicKey"


Keys = tuple[Key, ...]


@lru_cache(maxsize=64)
def read_keys(text: str | bytes) -> Keys:
    """The keys of a set that RS256 can be checked with; others are passed over. Raises ValueError for what is no key set."""
    try:
        listed = json.loads(text)["keys"]
    except (LookupError, TypeError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise ValueError('is no JSON key set, as in {"keys": [{"kty": "RSA", "kid": "1", "n": "…", "e": "AQAB"}]}')  # noqa: TRY004
    return tuple(key for one in listed[:MOST_KEYS] if (key := _key(one)))


def pick(keys: Keys, key_id: str | None) -> "RSAPublicKey | None":
    """The key a token names; where it names none, the only one there is."""
    fitting = [key for key in keys if key_id is None or key.id == key_id]
    return fitting[0].public if len(fitting) == 1 else None


def _key(one: Any) -> Key | None:
    if not isinstance(one, dict) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig" or one.get("alg", "RS256") != "RS256":
        return None
    operations = one.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    from jwt.algorithms import RSAAlgorithm

    try:
        public = RSAAlgorithm.from_jwk({"kty": "RSA", "n": one["n"], "e": one["e"]})  # a private part, if there is one, is not wanted
    except Exception:  # whatever a stranger's numbers make of it: this is no key
        return None
    return Key(one["kid"] if isinstance(one.get("kid"), str) else None, public) if public.key_size in _BITS else None  # type: ignore[arg-type]


@dataclass(slots=True)
class _Fetched:
    keys: Keys | None = None
    got_at: float = 0.0
    tried_at: float = float("-inf")
    fetching: "asyncio.Task[None] | None" = None


async def fetch(url: str) -> bytes:
    """What is at this address: no redirects, no more than 64 KiB. Raises for anything else."""
    import aiohttp

    from gateway.domain.outgoing import OPERATORS  # an issuer stands in tocsin.toml
    from gateway.upstream.guard import connector

    async with (
        aiohttp.ClientSession(connector=connector(OPERATORS), timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
        session.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        raw = b""
        while (part := await answer.content.read(MAX_BYTES + 1 - len(raw))) and len(raw) <= MAX_BYTES:
            raw += part
        if len(raw) > MAX_BYTES:
            raise ValueError(f"is larger than {MAX_BYTES} bytes")
        return raw


@dataclass(slots=True)
class FetchedKeys:
    """Keys by the address of their set. An outage there ends nothing: the last keys known go on being used."""

    get: Callable[[str], Awaitable[bytes]] = fetch
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[str, _Fetched] = field(default_factory=dict)

    async def find(self, url: str, key_id: str | None) -> "RSAPublicKey | None":
        """The key with this id at this address. Raises `KeysUnavailable` where no keys were ever fetched."""
        known = self._known.setdefault(url, _Fetched())
        found = pick(known.keys, key_id) if known.keys is not None else None
        if found is None:
            await self._fetched(url, known)
            if known.keys is None:
                raise KeysUnavailable(url)
            return pick(known.keys, key_id)
        if self.monotonic() - known.got_at >= FRESH_FOR:
            self._begin(url, known)
        return found

    async def _fetched(self, url: str, known: _Fetched) -> None:
        fetching = self._begin(url, known)
        if fetching is not None:
            await asyncio.shield(fetching)  # others wait for it too, whatever becomes of this request

    def _begin(self, url: str, known: _Fetched) -> "asyncio.Task[None] | None":
        """The fetch under way, or a new one where the last is long enough ago."""
        if known.fetching is None and self.monotonic() - known.tried_at >= RETRY_AFTER:
            known.tried_at = self.monotonic()
            known.fetching = asyncio.create_task(self._fetch(url, known))
        return known.fetching

    async def _fetch(self, url: str, known: _Fetched) -> None:
        try:
            known.keys = read_keys(await asyncio.wait_for(self.get(url), PATIENCE))
            known.got_at = self.monotonic()
        except Exception as error:  # a stranger's server: nothing it does may end anything here
            _log.warning("the keys at %s could not be read: %s", url, error or type(error).__name__)
        finally:
            known.fetching = None


def usable(keys: Sequence[Key]) -> bool:
    """Whether a token could be checked with these: each has an id of its own, or there is one alone."""
    return len(keys) == 1 or (bool(keys) and len({key.id for key in keys} - {None}) == len(keys))
