"""The worker that fetches what mappers ask for from their senders' APIs."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from gateway import proofs
from gateway.domain.backoff import wait_before_retry
from gateway.engine import follow_up
from gateway.metrics import FOLLOWED_UP
from gateway.storage import follow_ups
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.follow_ups import DONE, FAILED, Claimed
from gateway.upstream.asking import Asked, Document, NotYet, Refused, Unavailable, Upstream
from gateway.upstream.web import Webs
from gateway.vault import Vault
from gateway.workers.journaled import enter
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.loop import Worker
from mappers.contract import SourceKind

BATCH: Final = 8
"""Questions that are asked at once."""
WITHIN: Final = 120.0
"""Seconds for one question, however many requests it takes."""
_SOONEST: Final = timedelta(seconds=1)
_LATEST: Final = timedelta(minutes=5)
_log = logging.getLogger("tocsin.follow_up")


class FollowUpWorker(Worker):
    """Asks, enters what comes back by the journal, and asks again what is not there yet, until it is of no use any more."""

    name = "follow_up"

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
        """`on_entered` is called after a document entered or mail was let go. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._database, self._kinds, self._upstreams, self._vault = database, kinds, upstreams, vault
        self._time: Time = time or (lambda _: clock())
        self._on_entered = on_entered
        self._webs = webs or Webs()
        self._left_alone: dict[int, datetime] = {}
        """Sources whose API is in trouble: nothing is asked of them until then."""
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(self) -> int:
        """Up to eight questions at once; those of a source in trouble wait for it to recover, and hold up no others."""
        lease, now = new_lease(), self.clock()
        self._left_alone = {source_id: until for source_id, until in self._left_alone.items() if until > now}

        def claim(transaction: Transaction) -> list[Claimed]:
            at = self._time(transaction)
            return follow_ups.claim(transaction, now=at, lease=lease, lease_for=LEASE, limit=BATCH, but=self._left_alone)

        due = await self._database.read(follow_ups.next_due, but=self._left_alone)
        batch = await self._database.write(claim) if due is not None and due <= self.clock() else []
        if not batch:
            return 0
        async with held(self._database, follow_ups.extend, lease, self._time):
            self._under_way = {asyncio.create_task(self._follow(one, lease)) for one in batch}
            if self.stopping:
                self.stop()
            results = await asyncio.gather(*self._under_way, return_exceptions=True)
        for result in results:
            if isinstance(result, StorageUnavailable):  # due again when the lease ends
                raise result
            if isinstance(result, Exception):
                _log.error("a follow-up could not be recorded", exc_info=result)
        return len(batch)

    async def next_due(self) -> datetime | None:
        """When the next question is due."""
        due = await self._database.read(follow_ups.next_due, but=self._left_alone)
        return min((moment for moment in (due, *self._left_alone.values()) if moment), default=None)

    def stop(self) -> None:
        """Does not wait for strangers: what is being asked is put back."""
        super().stop()
        for task in self._under_way:
            task.cancel()

    async def finish(self) -> None:
        """Ends the connections."""
        await self._webs.close()

    async def _follow(self, one: Claimed, lease: str) -> None:
        try:
            document = await self._ask(one)
        except NotYet as reason:
            await self._again(one, lease, str(reason), min(_SOONEST * 2.0 ** min(one.attempts - 1, 20), _LATEST))
        except Unavailable as trouble:
            wait = trouble.retry_after or wait_before_retry(one.attempts, random.random())  # noqa: S311 - spreads load, guards nothing
            self._left_alone[one.source_id] = self.clock() + min(wait, _LATEST)
            await self._again(one, lease, str(trouble), wait)
        except Refused as refusal:
            await self._end(one, lease, FAILED, str(refusal))
        except asyncio.CancelledError:
            now = self.clock()
            await self._database.write(follow_ups.put_back, one.id, lease=lease, reason="put back at a stop", due_at=now, tried=False)
        except Exception as error:  # a bug of ours: asked again like a trouble of theirs, for it may be one
            _log.exception("follow-up %s failed", one.id)
            await self._again(one, lease, f"an error of the gateway's own: {type(error).__name__}: {error}", _LATEST)
        else:
            await self._enter(one, document, lease)

    async def _ask(self, one: Claimed) -> Document | None:
        upstream, kind = self._upstreams.get(one.source_kind), self._kinds.get(one.source_kind)
        operation = upstream.operations.get(one.operation) if upstream else None
        if operation is None or kind is None:
            raise Refused(f"nothing here knows how to ask {one.source_kind} for {one.operation}")
        settings = proofs.opened_settings(one.source_settings, kind, self._vault)
        try:
            return await asyncio.wait_for(operation(Asked(self._webs.of(managed=one.source_managed), settings, one.ids)), WITHIN)
        except TimeoutError:
            raise Unavailable(f"no answer within {WITHIN:.0f} s") from None

    async def _enter(self, one: Claimed, document: Document | None, lease: str) -> None:
        if document is not None:
            line = follow_up.request_line(one.id, one.kind, one.operation)
            await enter(
                self._database, source_id=one.source_id, path=line["path"], query=line["query"], request_key=f"follow-up/{one.id}",
                content_type=document.content_type, body=document.body, now=self.clock(),
            )  # fmt: skip
        await self._end(one, lease, DONE, None, comes=document is not None)

    async def _again(self, one: Claimed, lease: str, reason: str, wait: timedelta) -> None:
        due_at = self.clock() + wait
        if due_at >= one.until:
            await self._end(one, lease, FAILED, f"given up: {reason}")
            return
        FOLLOWED_UP.labels(one.source_kind, one.operation, "retry").inc()
        await self._database.write(follow_ups.put_back, one.id, lease=lease, reason=reason[:1000], due_at=due_at)

    async def _end(self, one: Claimed, lease: str, status: str, reason: str | None, *, comes: bool = False) -> None:
        """`comes`: a document is in the journal, and mail waits until it is recorded."""
        FOLLOWED_UP.labels(one.source_kind, one.operation, status).inc()
        if status == FAILED:
            _log.warning("follow-up %s (%s of %s) failed: %s", one.id, one.operation, one.source_kind, reason)
        await self._database.write(_ended, one, lease, status, reason[:1000] if reason else None, comes, self.clock())
        self._on_entered()


def _ended(transaction: Transaction, one: Claimed, lease: str, status: str, reason: str | None, comes: bool, now: datetime) -> None:
    if follow_ups.finish(transaction, one.id, lease=lease, status=status, reason=reason, now=now) and not comes:
        follow_up.let_go(transaction, follow_ups.answered(transaction, [one.id]))  # nothing comes any more that mail could wait for
