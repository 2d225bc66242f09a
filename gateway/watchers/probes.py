"""Watches services: each is asked when it is due, and people are told when it goes down, comes up, or has a certificate that ends soon."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.certificate import News, news_of
from gateway.metrics import CHECKED
from gateway.storage import checks
from gateway.storage.checks import Check
from gateway.storage.database import Database
from gateway.upstream.probing import Found, Prober, Question
from gateway.vault import Vault
from gateway.watchers.rounds import Look, Rounds
from gateway.workers.lease import Time
from mappers.contract import parse_time

AT_ONCE: Final = 20
WITHIN: Final = timedelta(minutes=1)


class ProbeWatcher(Rounds):
    """Twenty at once, each over a connection of its own."""

    name = "probes"
    kind = checks.PROBE

    def __init__(
        self, database: Database, vault: Vault, clock: Callable[[], datetime], on_noticed: Callable[[], None], time: Time | None = None
    ) -> None:
        """`on_noticed` is called when there is something to enter in the journal."""
        super().__init__(database, clock, on_noticed, at_once=AT_ONCE, within=WITHIN, time=time)
        self._vault, self._prober = vault, Prober()

    async def look(self, check: Check) -> Look:
        """Asks, and says what the answer means."""
        sealed = self._vault.open(check.sealed)
        if sealed is None:
            return Look(trouble="its address was sealed with another TOCSIN_SECRET_KEY: run `tocsin apply`")
        found = await self._prober.ask(_question(check.settings, json.loads(sealed)))
        CHECKED.labels(self.kind, "failed" if found.trouble else "well").inc()
        return self._told(check, found)

    async def finish(self) -> None:
        """Ends the connections."""
        await super().finish()
        await self._prober.close()

    def _told(self, check: Check, found: Found) -> Look:
        told, before = parse_time(check.seen.get("certificate_told")), timedelta(seconds=check.settings["certificate_seconds"])
        ends_at = found.certificate_ends_at
        news = news_of(ends_at, told=told, now=self.clock(), before=before) if before or told else None
        seen: dict[str, Any] = {
            "status": found.status,
            "milliseconds": round(found.seconds * 1000) if found.seconds is not None else None,
        }
        if ends_at is not None:
            seen["certificate_ends_at"] = ends_at.isoformat()
        documents: tuple[tuple[str, dict[str, Any]], ...] = ()
        if news is not None and ends_at is not None:
            seen["certificate_told"] = ends_at.isoformat() if news is News.EXPIRING else None
            documents = ((f"{check.id}/{news}/{ends_at.isoformat()}", {"state": news.value, "ends_at": ends_at.isoformat()}),)
        return Look(found.trouble, seen, documents)


def _question(settings: dict[str, Any], secret: dict[str, Any]) -> Question:
    return Question(
        url=secret["url"],
        method=settings["method"],
        headers=secret["headers"],
        within=settings["timeout_seconds"],
        status=settings["status"],
        contains=settings["contains"],
        redirects=settings["redirects"],
    )
