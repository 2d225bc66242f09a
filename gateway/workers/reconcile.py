"""The worker that asks senders for runs whose webhooks never came: most of them send once, whatever we answer."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway import proofs
from gateway.domain.backoff import wait_before_retry
from gateway.metrics import RECONCILED
from gateway.storage import reconciliations, runs
from gateway.storage.database import Database, Transaction
from gateway.storage.reconciliations import Claimed
from gateway.upstream.asking import Asked, EndedRun, NotYet, Refused, Unavailable, Upstream
from gateway.upstream.web import Webs
from gateway.vault import Vault
from gateway.workers.journaled import enter
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.loop import Worker
from mappers.contract import SourceKind, SourceSettings

EVERY: Final = timedelta(minutes=1)
BEHIND: Final = timedelta(seconds=20)
"""How long a webhook is given to come by itself."""
OVERLAP: Final = timedelta(minutes=5)
"""How far each asking looks back behind the last: senders write a run's end down late, and their clocks differ from ours."""
SAME_END: Final = timedelta(minutes=1)
"""How much earlier a webhook may put the end of a run than the API does."""
FURTHEST: Final = timedelta(days=7)
"""How far back it is asked after a long outage of ours."""
_LOOK_EVERY: Final = timedelta(seconds=30)
_log = logging.getLogger("tocsin.reconcile")


@dataclass(frozen=True, slots=True)
class Went:
    """How asking a source went."""

    was_asked: bool
    trouble: str | None = None
    cut_off: bool = False


class ReconcileWorker(Worker):
    """At start, every minute, and after our own downtime: what ended since it was last asked and is not known enters by the journal."""

    name = "reconcile"

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, SourceKind],
        upstreams: Mapping[str, Upstream],
        vault: Vault,
        clock: Callable[[], datetime],
        on_entered: Callable[[], None],
        time: Time | None = None,
        webs: Webs | None = None,
    ) -> None:
        """`on_entered` is called after a run entered. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._database, self._kinds, self._vault = database, kinds, vault
        self._upstreams = {kind: upstream for kind, upstream in upstreams.items() if upstream.ended_runs and kind in kinds}
        self._time: Time = time or (lambda _: clock())
        self._on_entered = on_entered
        self._webs = webs or Webs()
        self._next_look = clock()
        self._has_begun = False
        self._under_way: asyncio.Task[Went] | None = None

    async def step(self) -> int:
        """One source."""
        now, lease = self.clock(), new_lease()
        if not self._has_begun:
            await self._database.write(reconciliations.ask_soon, now)
            self._has_begun = True
        if now >= self._next_look:
            await self._database.write(reconciliations.enroll, list(self._upstreams), now)
            self._next_look = now + _LOOK_EVERY

        def claim(transaction: Transaction) -> Claimed | None:
            return reconciliations.claim(transaction, now=self._time(transaction), lease=lease, lease_for=LEASE)

        due = await self._database.read(reconciliations.next_due)
        one = await self._database.write(claim) if due is not None and due <= now else None
        if one is None:
            return 0
        async with held(self._database, reconciliations.extend, lease, self._time):
            self._under_way = asyncio.create_task(self._reconcile(one, lease))
            if self.stopping:
                self.stop()
            (result,) = await asyncio.gather(self._under_way, return_exceptions=True)
        if isinstance(result, Exception):
            raise result  # storage; due again when the lease ends
        went = result if isinstance(result, Went) else Went(was_asked=False, cut_off=True)
        if went.trouble and not one.failures:
            _log.warning("source %s cannot be asked for missed runs: %s", one.source_id, went.trouble)
        wait = wait_before_retry(one.failures + 1, random.random()) if went.trouble else EVERY  # noqa: S311 - spreads load, guards nothing
        now = self.clock()
        await self._database.write(
            reconciliations.finish, one.source_id, lease=lease, trouble=went.trouble, asked_at=now if went.was_asked else None,
            due_at=now if went.cut_off else now + wait,
        )  # fmt: skip
        return 1

    async def next_due(self) -> datetime | None:
        """When the next source is due, or new ones are looked for."""
        due = await self._database.read(reconciliations.next_due)
        return min(due or self._next_look, self._next_look)

    def stop(self) -> None:
        """Does not wait for strangers: what entered already is remembered."""
        super().stop()
        if self._under_way is not None:
            self._under_way.cancel()

    async def finish(self) -> None:
        """Ends the connections."""
        await self._webs.close()

    async def _reconcile(self, one: Claimed, lease: str) -> Went:
        """Enters what is missing."""
        upstream = self._upstreams.get(one.kind)
        if upstream is None:
            return Went(was_asked=False)
        settings = proofs.opened_settings(one.settings, self._kinds[one.kind], self._vault)
        now = self.clock()
        if not upstream.is_reachable(settings):  # nothing is owed to it should that change: it was never asked
            await self._database.write(reconciliations.advance, one.source_id, lease=lease, upto=now)
            return Went(was_asked=False)
        try:
            await self._enter_missing(one, lease, settings, upstream, now)
        except (NotYet, Refused, Unavailable) as trouble:
            return Went(was_asked=True, trouble=(str(trouble) or type(trouble).__name__)[:1000])
        return Went(was_asked=True)

    async def _enter_missing(self, one: Claimed, lease: str, settings: SourceSettings, upstream: Upstream, now: datetime) -> None:
        since, until = max(one.upto - OVERLAP, now - FURTHEST), now - BEHIND
        assert upstream.ended_runs is not None
        asked = Asked(self._webs.of(managed=one.managed), settings, {})
        async with aclosing(upstream.ended_runs(asked, since, until)) as pages:  # type: ignore[type-var]
            async for page in pages:
                missing = await self._missing(one.source_id, page)
                for run in missing:
                    await self._enter(one, run)
                if missing:
                    self._on_entered()
                if page and page[-1].ended_at > one.upto:
                    await self._database.write(reconciliations.advance, one.source_id, lease=lease, upto=min(page[-1].ended_at, until))
        await self._database.write(reconciliations.advance, one.source_id, lease=lease, upto=max(until, one.upto))

    async def _missing(self, source_id: int, page: Sequence[EndedRun]) -> list[EndedRun]:
        if not page:
            return []
        known = await self._database.read(runs.known_ends, source_id=source_id, runs_of=[run.run for run in page])
        return [run for run in page if not any(_is_end(run, *end) for end in known)]

    async def _enter(self, one: Claimed, run: EndedRun) -> None:
        receipt = await enter(
            self._database, source_id=one.source_id, path=f"/{one.kind}/ended_run", query="",
            request_key=f"ended/{run.run}/{run.phase}/{run.ended_at.isoformat()}", content_type="application/json", body=run.body,
            now=self.clock(),
        )  # fmt: skip
        if not receipt.duplicate:
            RECONCILED.labels(one.kind).inc()


def _is_end(run: EndedRun, known: str, phase: str, ended_at: datetime) -> bool:
    """Whether a known end is this one, and not that of an earlier attempt."""
    return run.run == known and run.phase == phase and ended_at >= run.ended_at - SAME_END
