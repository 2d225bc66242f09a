"""The sources the door knows, remembered for a moment so that a request need not ask the database."""

import asyncio
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.logs import know
from gateway.proofs import opened, opened_secrets
from gateway.storage import credentials, sources
from gateway.storage.credentials import DoorToken
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.vault import Vault
from mappers.contract import SourceKind, SourceSettings
from mappers.contract.signature import Proof, Scheme, Secret, digest

FRESH_FOR: Final = 0.5
"""Seconds until what is remembered is read again, while it is still used."""
REMEMBERED_FOR: Final = 1.0
"""Seconds; a rotated secret or a disabled source counts after this long at the latest."""
PATIENCE: Final = 1.8
"""Seconds until a request is told that storage is in trouble."""
USED_STEP: Final = 60.0
"""Seconds until it is noted again that a token was used."""
MOST_REMEMBERED: Final = 10_000
MAX_BODY: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A source, ready to check requests against."""

    source: sources.Source
    kind: SourceKind
    proofs: tuple[Proof, ...]
    settings: SourceSettings
    strips: frozenset[str]
    """Lower-case names of headers that hold credentials and are never stored."""
    signed_only: bool
    """Whether nothing but a signature over the body proves its sender."""
    tokens: Mapping[bytes, int] = field(default_factory=dict)
    """digest → credential of the tokens of people who may send here."""

    @property
    def name(self) -> str:
        """`team/slug`, as operators chose them."""
        return f"{self.source.team}/{self.source.slug}"

    @property
    def max_body(self) -> int:
        """The largest body accepted, in bytes."""
        return min(self.settings.max_body, MAX_BODY)

    def split_path(self, tail: str) -> tuple[str | None, str]:
        """(path token, the rest) of what follows the source's address. Without a token scheme nothing is a token."""
        if not any(proof.scheme is Scheme.TOKEN for proof in self.proofs):
            return None, tail
        first, _, rest = tail.lstrip("/").partition("/")
        return first or None, f"/{rest}" if rest else ""


ALWAYS_STRIPPED: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-notification-key", "content-encoding"}
)
"""Credentials, and the encoding that a stored body no longer has."""


class Doorbook:
    """Finds sources by their slugs."""

    def __init__(self, database: Database, kinds: Mapping[str, SourceKind], vault: Vault) -> None:
        self._database, self._kinds, self._vault = database, kinds, vault
        self._entries: dict[tuple[str, str], tuple[float, Entry | None]] = {}
        self._readings: dict[tuple[str, str], asyncio.Task[Entry | None]] = {}
        self._noted: dict[int, float] = {}
        self._notings: set[asyncio.Task[None]] = set()

    def knows(self, team: str, slug: str) -> bool:
        """Whether it was looked for before, however long ago: what nobody ever asked for may be somebody's guess."""
        return (team, slug) in self._entries

    async def find(self, team: str, slug: str) -> Entry | None:
        """The source under these slugs, None where there is none enabled. Raises `StorageUnavailable`, within two seconds."""
        remembered, now = self._entries.get((team, slug)), time.monotonic()
        if remembered and now - remembered[0] < FRESH_FOR:
            return remembered[1]
        reading = self._readings.get((team, slug))
        if reading is None:
            reading = self._readings[team, slug] = asyncio.create_task(self._read(team, slug))
            reading.add_done_callback(functools.partial(self._end_reading, team, slug))
        if remembered and now - remembered[0] < REMEMBERED_FOR:
            return remembered[1]
        try:
            return await asyncio.wait_for(asyncio.shield(reading), PATIENCE)
        except TimeoutError:
            raise StorageUnavailable("storage did not answer in time") from None

    async def find_anew(self, team: str, slug: str) -> Entry | None:
        """The source as it is stored at this moment, whatever is remembered. Raises `StorageUnavailable`."""
        return await self._read(team, slug)

    async def _read(self, team: str, slug: str) -> Entry | None:
        source, tokens = await self._database.look_up(_looked_up, team, slug)
        entry = self._entry(source, tokens) if source else None
        if len(self._entries) >= MOST_REMEMBERED:
            self._entries.clear()
        self._entries[team, slug] = (time.monotonic(), entry)
        return entry

    def _end_reading(self, team: str, slug: str, reading: "asyncio.Task[Entry | None]") -> None:
        del self._readings[team, slug]
        if not reading.cancelled():
            reading.exception()  # whoever waited was told; with nobody waiting there is nobody to tell

    def note_use(self, entry: Entry, headers: Mapping[str, str], now: datetime) -> None:
        """Remembers, about once a minute, that a person's token was used here; nobody waits for that."""
        if not entry.tokens:
            return
        used = entry.tokens.get(digest(headers.get("Authorization", "").partition(" ")[2].strip(" ")))
        if used is None or time.monotonic() - self._noted.get(used, -USED_STEP) < USED_STEP:
            return
        self._noted[used] = time.monotonic()
        noting = asyncio.create_task(self._database.write(credentials.mark_used, credential_id=used, now=now))
        self._notings.add(noting)
        noting.add_done_callback(self._end_noting)

    def _end_noting(self, noting: "asyncio.Task[None]") -> None:
        self._notings.discard(noting)
        if not noting.cancelled():
            noting.exception()  # when a token was last used is not worth a complaint

    def _entry(self, source: sources.Source, tokens: Sequence[DoorToken]) -> Entry | None:
        kind = self._kinds.get(source.kind)
        if kind is None:
            return None
        proofs = opened(source.auth, self._vault)
        know(opened_secrets(source.auth, source.settings, kind, self._vault))
        if Scheme.BEARER not in kind.auth:
            tokens = ()
        if tokens:
            proofs += (Proof(Scheme.BEARER, tuple(Secret(digest=one.digest, expires_at=one.expires_at) for one in tokens)),)
        try:
            settings = kind.read_settings(source.settings)
        except ValueError:
            settings = kind.settings()
        named = {proof.header.lower() for proof in proofs if proof.header}
        signed_only = bool(proofs) and all(proof.scheme.signs_body for proof in proofs)
        return Entry(source, kind, proofs, settings, ALWAYS_STRIPPED | named, signed_only, {one.digest: one.id for one in tokens})


def _looked_up(connection: Transaction, team: str, slug: str) -> tuple[sources.Source | None, tuple[DoorToken, ...]]:
    source = sources.find(connection, team, slug)
    return source, credentials.door_tokens(connection, team_id=source.team_id) if source else ()
