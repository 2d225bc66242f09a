"""Watches databases: what became of their tables and columns since people last knew them, told once for all that changed."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from gateway.domain.schema_diff import changes
from gateway.domain.tables import Chosen, Snapshot, TooMany
from gateway.metrics import CHECKED
from gateway.storage import checks
from gateway.storage.checks import Check, Kept
from gateway.storage.database import Database
from gateway.upstream import databases
from gateway.upstream.asking import Unavailable
from gateway.vault import Vault
from gateway.watchers.rounds import Look, Rounds
from gateway.workers.lease import Time
from mappers.contract.columns import Change
from mappers.tocsin.schemas import MOST_CHANGES

AT_ONCE: Final = 3
WITHIN: Final = timedelta(minutes=3)
SURE_AFTER: Final = timedelta(minutes=1)
"""What breaks readers is told once it was seen twice, so far apart: builds take tables away and bring them back."""
MOST_UNSURE: Final = 3
"""Looks in a row that each saw something else; then it is told all the same."""
T = TypeVar("T")


class SchemaWatcher(Rounds):
    """Three databases at once, each in a thread of its own, which is left behind should it never come back."""

    name = "schemas"
    kind = checks.DATABASE

    def __init__(
        self, database: Database, vault: Vault, clock: Callable[[], datetime], on_noticed: Callable[[], None], time: Time | None = None,
        take: Callable[[str, Chosen], Snapshot] = databases.snapshot,
    ) -> None:  # fmt: skip
        """`on_noticed` is called when there is something to enter in the journal. `take` reads a database's tables."""
        super().__init__(database, clock, on_noticed, at_once=AT_ONCE, within=WITHIN, time=time)
        self._vault, self._take = vault, take
        self._left_behind: dict[int, threading.Thread] = {}

    async def look(self, check: Check) -> Look:
        """Reads the tables and compares them with those that people know."""
        look = await self._look(check)
        CHECKED.labels(self.kind, "failed" if look.trouble else "well").inc()
        return look

    async def _look(self, check: Check) -> Look:
        sealed = self._vault.open(check.sealed)
        if sealed is None:
            return Look(trouble="its address was sealed with another TOCSIN_SECRET_KEY: run `tocsin apply`")
        if check.id in self._left_behind and self._left_behind[check.id].is_alive():
            return Look(trouble="the last look at it has not come back yet")
        chosen = Chosen(check.settings["include"], check.settings["exclude"])
        try:
            now = await self._in_a_thread(check.id, lambda: self._take(sealed.decode(), chosen))
        except TimeoutError:
            return Look(trouble=f"it did not answer within {WITHIN.total_seconds():.0f} s")
        except (Unavailable, TooMany) as trouble:
            return Look(trouble=str(trouble))
        kept = await self._database.read(checks.snapshot, check.id)
        return await asyncio.to_thread(self._compared, check, kept, now)

    def _compared(self, check: Check, kept: Kept | None, now: Snapshot) -> Look:
        """Nothing is told of the first look: there is nothing to compare it with."""
        at, digest = self.clock(), now.digest
        sized = {"tables": len(now.tables), "columns": now.columns, "pending": None, "unsure": 0, "known_at": at.isoformat()}
        if kept is not None and kept.digest == digest:
            return Look(seen=sized)
        before = _unpacked(kept)
        found = changes(before, now) if before is not None else []
        unsure = int(check.seen.get("unsure") or 0) + 1
        if any(change.breaks for change in found) and check.seen.get("pending") != digest and unsure <= MOST_UNSURE:
            return Look(seen={"pending": digest, "unsure": unsure}, again_in=SURE_AFTER)

        def kept_from_now_on(transaction: Any) -> None:
            checks.keep_snapshot(transaction, check.id, Kept(digest, packed, at))

        packed = now.packed()
        if kept is None or not found:
            return Look(seen=sized, also=kept_from_now_on)
        key = f"{kept.digest[:40]}/{digest[:40]}/{kept.taken_at.isoformat()}"
        document = {
            "state": "changed",
            "before_at": check.seen.get("known_at") or kept.taken_at.isoformat(),
            "changes": [_told(change) for change in found[:MOST_CHANGES]],
            "more": max(len(found) - MOST_CHANGES, 0),
            "key": key,
        }
        return Look(seen={**sized, "changed_at": at.isoformat()}, news=((f"{check.id}/{key}", document),), also=kept_from_now_on)

    async def _in_a_thread(self, check_id: int, work: Callable[[], T]) -> T:
        """What it gives. The thread is not waited for at the end of the process: a driver that hangs cannot be told to stop."""
        loop = asyncio.get_running_loop()
        given: asyncio.Future[T] = loop.create_future()

        def tell(how: Callable[[Any], None], what: object) -> None:
            if not given.done():
                how(what)

        def run() -> None:
            try:
                how, what = given.set_result, work()
            except BaseException as error:
                how, what = given.set_exception, error  # type: ignore[assignment]
            try:
                loop.call_soon_threadsafe(tell, how, what)
            except RuntimeError:  # the loop has ended meanwhile
                return

        self._left_behind[check_id] = thread = threading.Thread(target=run, name=f"schema watch {check_id}", daemon=True)
        thread.start()
        return await asyncio.wait_for(given, WITHIN.total_seconds())


def _unpacked(kept: Kept | None) -> Snapshot | None:
    try:
        return Snapshot.unpacked(kept.packed) if kept else None
    except ValueError:  # of a version that wrote them otherwise: it is a first look again
        return None


def _told(change: Change) -> dict[str, Any]:
    return {name: value for name, value in asdict(change).items() if value not in ("", None, False) or name == "nullable"}
