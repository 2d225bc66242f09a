"""The worker that sends what is in the outbox."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.channels.email.compose import compose
from gateway.channels.email.smtp import PermanentFailure, Smtp, TemporaryFailure
from gateway.domain.backoff import GIVE_UP_AFTER, wait_before_retry
from gateway.metrics import DELIVERED
from gateway.storage import deliveries
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.deliveries import Claimed
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.letters import letter
from gateway.workers.loop import Worker

BATCH: Final = 4
_INSIST: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_log = logging.getLogger("tocsin.deliver")


class DeliverWorker(Worker):
    """Composes each mail once, freezes its bytes, sends it, and records what came of it."""

    name = "deliver"

    def __init__(
        self,
        database: Database,
        smtp: Smtp | None,
        clock: Callable[[], datetime],
        *,
        mail_from: str,
        public_url: str,
        time: Time | None = None,
    ) -> None:
        """Without `smtp` mail is composed and kept. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._time: Time = time or (lambda _: clock())
        self._database, self._smtp, self._mail_from, self._public_url = database, smtp, mail_from, public_url
        self._in_trouble = False
        self._owed: list[tuple[int, str]] = []
        """Deliveries, with their lease, that could not be composed for storage was in trouble: to be given back."""

    async def step(self) -> int:
        """One batch; one slow or bad recipient does not hold up the others of it."""
        await self._settle_debts()
        lease = new_lease()

        def claim(transaction: Transaction) -> list[Claimed]:
            return deliveries.claim(transaction, now=self._time(transaction), lease=lease, lease_for=LEASE, limit=BATCH)

        batch = await self._database.write(claim)
        if not batch:
            return 0
        async with held(self._database, deliveries.extend, lease, self._time):
            results = await asyncio.gather(*(self._deliver(one, lease) for one in batch), return_exceptions=True)
        for one, result in zip(batch, results, strict=True):
            if isinstance(result, StorageUnavailable):  # if it may have left, it is due again when the lease ends, else sooner
                _log.error("delivery %s: storage is in trouble: %s", one.id, result)
            elif isinstance(result, Exception):
                _log.error("delivery %s failed", one.id, exc_info=result)
                await self._again(one, lease, f"an error of the gateway's own: {type(result).__name__}: {result}")
        return len(batch)

    async def next_due(self) -> datetime | None:
        """When the next delivery is due."""
        return await self._database.read(deliveries.next_due)

    async def finish(self) -> None:
        """Gives back what could not be composed."""
        await self._settle_debts()

    async def close(self) -> None:
        """Ends the connection to the mail server."""
        if self._smtp is not None:
            await self._smtp.close()

    async def _settle_debts(self) -> None:
        while self._owed:
            delivery_id, lease = self._owed[-1]
            await self._database.write(deliveries.put_back, [delivery_id], lease=lease, due_at=self.clock())
            self._owed.pop()

    async def _deliver(self, one: Claimed, lease: str) -> None:
        try:
            written = await self._write(one, lease)
        except StorageUnavailable:
            self._owed.append((one.id, lease))
            raise
        if written is None:
            return
        to_address, raw = written
        if self._smtp is None:
            await self._finish(one, lease, "kept", "no mail server is configured; the mail is readable in the page")
            return
        try:
            answer = await self._smtp.send(self._mail_from, to_address, raw)
        except PermanentFailure as failure:
            _log.warning("delivery %s is refused for good: %s", one.id, failure)
            await self._finish(one, lease, "failed", str(failure))
        except TemporaryFailure as failure:
            self._say_once(in_trouble=True, what=f"mail does not leave and is tried again for a day: {failure}")
            await self._again(one, lease, str(failure))
        else:
            self._say_once(in_trouble=False, what="mail leaves again")
            await self._finish(one, lease, "sent", answer)

    async def _write(self, one: Claimed, lease: str) -> tuple[str, bytes] | None:
        """Address and bytes of the mail, frozen; None where there is nothing to be sent, or somebody else has it by now."""
        message = await self._database.read(letter, one.id, public_url=self._public_url, now=self.clock())
        if message is None:
            await self._finish(one, lease, "cancelled", "there is nobody, or nothing any more, to tell")
            return None
        if one.mail is not None:
            return message.to_address, one.mail
        composed = await asyncio.to_thread(compose, message, self._mail_from)
        is_mine = await self._database.write(deliveries.freeze, one.id, lease=lease, message_id=composed.message_id, mail=composed.raw)
        return (message.to_address, composed.raw) if is_mine else None

    def _say_once(self, *, in_trouble: bool, what: str) -> None:
        if in_trouble is not self._in_trouble:
            self._in_trouble = in_trouble
            _log.warning("%s", what)

    async def _finish(self, one: Claimed, lease: str, status: str, answer: str) -> None:
        DELIVERED.labels("email", status).inc()
        held = await self._recorded(one, lease, status, answer[:1000])
        if not held:
            _log.warning("delivery %s was taken over meanwhile; its result (%s) was not recorded", one.id, status)

    async def _recorded(self, one: Claimed, lease: str, status: str, answer: str) -> bool:
        """Insists for half a minute, well within the lease: a mail that left and is not recorded as sent leaves twice."""
        for pause in _INSIST:
            try:
                return await self._database.write(deliveries.finish, one.id, lease=lease, status=status, answer=answer, now=self.clock())
            except StorageUnavailable:
                await asyncio.sleep(pause)
        return await self._database.write(deliveries.finish, one.id, lease=lease, status=status, answer=answer, now=self.clock())

    async def _again(self, one: Claimed, lease: str, answer: str) -> None:
        now = self.clock()
        if now - one.created_at > GIVE_UP_AFTER:
            await self._finish(one, lease, "failed", f"given up after a day: {answer}")
            return
        DELIVERED.labels("email", "retry").inc()
        due_at = now + wait_before_retry(one.attempts, random.random())  # noqa: S311 - spreads load, guards nothing
        await self._database.write(deliveries.retry, one.id, lease=lease, answer=answer[:1000], due_at=due_at)
