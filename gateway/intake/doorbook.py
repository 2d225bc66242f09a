"""The sources the door knows, remembered for a moment so that a request need not ask the database."""

import asyncio
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.proofs import opened
from gateway.storage import sources
from gateway.storage.database import Database, StorageUnavailable
from gateway.vault import Vault
from mappers.contract import SourceKind, SourceSettings
from mappers.contract.signature import Proof, Scheme

FRESH_FOR: Final = 0.5
"""Seconds until what is remembered is read again, while it is still used."""
REMEMBERED_FOR: Final = 1.0
"""Seconds; a rotated secret or a disabled source counts after this long at the latest."""
PATIENCE: Final = 1.8
"""Seconds until a request is told that storage is in trouble."""
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

    async def _read(self, team: str, slug: str) -> Entry | None:
        source = await self._database.look_up(sources.find, team, slug)
        entry = self._entry(source) if source else None
        if len(self._entries) >= MOST_REMEMBERED:
            self._entries.clear()
        self._entries[team, slug] = (time.monotonic(), entry)
        return entry

    def _end_reading(self, team: str, slug: str, reading: "asyncio.Task[Entry | None]") -> None:
        del self._readings[team, slug]
        if not reading.cancelled():
            reading.exception()  # whoever waited was told; with nobody waiting there is nobody to tell

    def _entry(self, source: sources.Source) -> Entry | None:
        kind = self._kinds.get(source.kind)
        if kind is None:
            return None
        proofs = opened(source.auth, self._vault)
        try:
            settings = kind.read_settings(source.settings)
        except ValueError:
            settings = kind.settings()
        named = {proof.header.lower() for proof in proofs if proof.header}
        signed_only = bool(proofs) and all(proof.scheme.signs_body for proof in proofs)
        return Entry(source, kind, proofs, settings, ALWAYS_STRIPPED | named, signed_only)
