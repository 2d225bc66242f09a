"""The worker that sends what is in the outbox."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway import tracing
from gateway.channels.email.compose import compose_all
from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.channels.email.smtp import CONNECTIONS, Smtp
from gateway.channels.message import Message
from gateway.domain.backoff import GIVE_UP_AFTER, wait_before_retry
from gateway.metrics import DELIVERED, MAIL_SECONDS
from gateway.storage import deliveries, floods, mail_contents, refused_addresses, teams, threads, traces
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.deliveries import RETRY, Claimed, Frozen, Result
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.letters import Desk, letters
from gateway.workers.loop import Worker
from gateway.workers.results import Results

BATCH: Final = 64
MOST_BATCHES: Final = 3
"""Batches under way at once: a slow recipient holds up its own batch, and no other."""
LONG: Final = 5.0
"""Seconds for a batch after which the next ones are smaller: what is urgent does not queue behind all that was taken before."""
TOO_LONG: Final = 15.0
"""Seconds after which what is not begun is given back."""
PROBE: Final = 1
"""Mails that are tried when the server was in trouble."""
_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(minutes=1)
_KEPT: Final = "no mail server is configured; the mail is readable in the page"
_log = logging.getLogger("tocsin.deliver")


class DeliverWorker(Worker):
    """Composes each mail once, freezes its bytes, sends it, and records what came of it.

    While the mail server is in trouble nothing is tried but one mail now and then; once it is back, mail leaves as fast
    as a few connections take it.
    """

    name = "deliver"

    def __init__(
        self, database: Database, smtp: Smtp | None, clock: Callable[[], datetime], *, mail_from: str, desk: Desk, time: Time | None = None
    ) -> None:
        """Without `smtp` mail is composed and kept. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._time: Time = time or (lambda _: clock())
        self._database, self._smtp, self._mail_from, self._desk = database, smtp, mail_from, desk
        self._results = Results(database)
        self._batches: set[asyncio.Task[None]] = set()
        self._size = BATCH
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._troubles = 0
        """How often in a row the server could not be reached."""
        self._waits_until: datetime | None = None
        self._owed: list[tuple[list[int], str]] = []
        """Deliveries, with their lease, that could not be given back for storage was in trouble."""

    async def step(self) -> int:
        """Begins a batch; gives how many mails it has."""
        await self._settle_debts()
        if self._is_waiting:
            return 0
        while len(self._batches) >= MOST_BATCHES:
            await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
        lease = new_lease()
        claimed, batch = await self._database.write(self._claim, lease, PROBE if self._troubles else self._size)
        if batch:
            task = asyncio.create_task(self._deliver(batch, lease))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)
        return claimed

    async def next_due(self) -> datetime | None:
        """When the next delivery is due; not before the server is tried again."""
        due = await self._database.read(deliveries.next_due)
        return max(due, self._waits_until) if due and self._waits_until else due

    async def idle(self) -> None:
        """Returns once no batch is under way."""
        while self._batches:
            await asyncio.wait(self._batches)

    async def finish(self) -> None:
        """Waits for what is being handed over; the rest of each batch is given back."""
        await self.idle()
        await self._settle_debts()

    async def close(self) -> None:
        """Ends the connections to the mail server."""
        if self._smtp is not None:
            await self._smtp.close()

    @property
    def _is_waiting(self) -> bool:
        return self._waits_until is not None and self._waits_until > self.clock()

    def _claim(self, transaction: Transaction, lease: str, limit: int) -> tuple[int, list[Claimed]]:
        """Takes what is due. What is too much for its reader is folded into one mail."""
        claimed = deliveries.claim(transaction, now=self._time(transaction), lease=lease, lease_for=LEASE, limit=limit)
        too_many = floods.surplus(transaction, claimed, lease=lease, now=self.clock()) if claimed else []
        if too_many:
            rules = teams.rules(transaction, {one.team_id for one in too_many})
            subjects = {team_id: f"[{team.slug}] digest" for team_id, team in rules.items()}
            digests = threads.digest_conversations(transaction, subjects, self.clock())
            floods.fold(transaction, too_many, digests, now=self.clock())
        folded = {one.id for one in too_many}
        return len(claimed), [one for one in claimed if one.id not in folded]

    async def _settle_debts(self) -> None:
        while self._owed:
            ids, lease = self._owed[-1]
            await self._database.write(deliveries.put_back, ids, lease=lease, due_at=self.clock())
            self._owed.pop()

    async def _deliver(self, batch: Sequence[Claimed], lease: str) -> None:
        loop = asyncio.get_running_loop()
        async with held(self._database, deliveries.extend, lease, self._time):
            try:
                ready = await self._ready(batch, lease)
            except StorageUnavailable as error:
                _log.error("mail cannot be written, storage is in trouble: %s", error)
                self._owed.append(([one.id for one in batch], lease))
                return
            began = loop.time()
            parents = await self._parents([one.id for one, _, _ in ready])
            results = await asyncio.gather(
                *(self._send_traced(one, to_address, raw, lease, began + TOO_LONG, parents) for one, to_address, raw in ready),
                return_exceptions=True,
            )
            for (one, _, _), result in zip(ready, results, strict=True):
                if isinstance(result, StorageUnavailable):  # if it may have left, it is due again when the lease ends
                    _log.error("delivery %s: storage is in trouble: %s", one.id, result)
                elif isinstance(result, Exception):
                    _log.error("delivery %s failed", one.id, exc_info=result)
            self._size = max(self._size // 2, CONNECTIONS) if loop.time() - began > LONG else min(self._size * 2, BATCH)

    async def _ready(self, batch: Sequence[Claimed], lease: str) -> list[tuple[Claimed, str, bytes]]:
        """As `_write`; one that cannot be written is tried again later, and holds up no other."""
        try:
            return await self._write(batch, lease)
        except StorageUnavailable:
            raise
        except Exception as error:
            if len(batch) == 1:
                _log.exception("delivery %s could not be written", batch[0].id)
                await self._again(batch[0], lease, f"an error of the gateway's own: {type(error).__name__}: {error}")
                return []
        half = len(batch) // 2
        return [*await self._ready(batch[:half], lease), *await self._ready(batch[half:], lease)]

    async def _write(self, batch: Sequence[Claimed], lease: str) -> list[tuple[Claimed, str, bytes]]:
        """Each with the address and the bytes of its mail, frozen; not those where there is nothing to send, or that others have by now."""
        messages = await self._database.read(letters, [one.id for one in batch], desk=self._desk, now=self.clock())
        fresh = [messages[one.id] for one in batch if one.id in messages and one.mail is None]
        frozen = await asyncio.to_thread(self._compose, fresh) if fresh else []
        if idle := [one for one in batch if one.id not in messages]:
            why = await self._database.read(mail_contents.why_nothing, [one.id for one in idle])
            await asyncio.gather(*(self._end(one, lease, "cancelled", why[one.id]) for one in idle))
        mine = await self._database.write(deliveries.freeze, frozen, lease=lease) if frozen else set()
        raws = {one.id: one.mail for one in frozen if one.id in mine} | {one.id: one.mail for one in batch if one.mail is not None}
        return [(one, messages[one.id].to_address, raw) for one in batch if one.id in messages and (raw := raws.get(one.id)) is not None]

    def _compose(self, messages: Sequence[Message]) -> list[Frozen]:
        composed = compose_all(messages, self._mail_from)
        return [Frozen(message.delivery_id, mail.message_id, mail.raw) for message, mail in zip(messages, composed, strict=True)]

    async def _parents(self, ids: Sequence[int]) -> dict[int, list[str]]:
        """Delivery → the traces that lead to it."""
        if not tracing.is_on() or not ids:
            return {}
        try:
            found = await self._database.read(traces.of_deliveries, ids)
        except StorageUnavailable:  # no reason to keep a mail
            return {}
        return {number: [parent for headers in events for parent in tracing.of_headers(headers)] for number, events in found.items()}

    async def _send_traced(
        self, one: Claimed, to_address: str, raw: bytes, lease: str, until: float, parents: Mapping[int, Sequence[str]]
    ) -> None:
        with tracing.span("deliver mail", kind="client", parents=parents.get(one.id, ()), delivery_id=one.id, attempt=one.attempts):
            await self._send(one, to_address, raw, lease, until)

    async def _send(self, one: Claimed, to_address: str, raw: bytes, lease: str, until: float) -> None:
        if self._smtp is None:
            await self._end(one, lease, "kept", _KEPT)
            return
        try:
            async with self._turns:
                late = asyncio.get_running_loop().time() > until
                if late or self.stopping or self._is_waiting:
                    answer = None
                else:
                    with MAIL_SECONDS.time():
                        answer = await self._smtp.send(self._mail_from, to_address, raw)
        except PermanentFailure as failure:
            _log.warning("delivery %s is refused for good: %s", one.id, failure)
            self._resume()
            await self._end(one, lease, "failed", str(failure))
            if failure.no_such_address:
                await self._database.write(refused_addresses.refuse, user_id=one.user_id, why=failure.answer, now=self.clock())
        except UnreachableFailure as failure:
            self._wait(str(failure))
            await self._put_back(one, lease, str(failure))
        except TemporaryFailure as failure:
            await self._again(one, lease, str(failure))
        else:
            if answer is None:
                await self._put_back(one, lease, None)
                return
            self._resume()
            await self._end(one, lease, "sent", answer)

    def _wait(self, why: str) -> None:
        if self._is_waiting:
            return
        if not self._troubles:
            _log.warning("mail does not leave, and waits until it does: %s", why)
        self._troubles += 1
        wait = min(_FIRST_PAUSE * 2.0 ** min(self._troubles - 1, 10), _LONGEST_PAUSE)
        self._waits_until = self.clock() + wait * (0.75 + 0.5 * random.random())  # noqa: S311 - spreads load, guards nothing

    def _resume(self) -> None:
        if self._troubles:
            _log.warning("mail leaves again")
        self._troubles, self._waits_until = 0, None

    async def _put_back(self, one: Claimed, lease: str, said: str | None) -> None:
        """Not tried after all. It waits for the server for a day."""
        if said is not None and self.clock() - one.created_at > GIVE_UP_AFTER:
            await self._end(one, lease, "failed", f"given up after a day: {said}")
            return
        DELIVERED.labels("email", "unreachable" if said else "put-back").inc()
        due_at = self._waits_until or self.clock()
        try:
            anew = one.mail is None  # nobody tried it before, nor did we: its bytes are nowhere but here
            await self._database.write(deliveries.put_back, [one.id], lease=lease, due_at=due_at, said=said, anew=anew)
        except StorageUnavailable:
            self._owed.append(([one.id], lease))
            raise

    async def _again(self, one: Claimed, lease: str, answer: str) -> None:
        now = self.clock()
        if now - one.created_at > GIVE_UP_AFTER:
            await self._end(one, lease, "failed", f"given up after a day: {answer}")
            return
        due_at = now + wait_before_retry(one.attempts, random.random())  # noqa: S311 - spreads load, guards nothing
        DELIVERED.labels("email", RETRY).inc()
        await self._recorded(Result(one.id, lease, RETRY, answer[:1000], now, due_at))

    async def _end(self, one: Claimed, lease: str, outcome: str, answer: str) -> None:
        DELIVERED.labels("email", outcome).inc()
        if _log.isEnabledFor(logging.INFO):
            _log.info("mail %s", outcome, extra={"delivery_id": one.id, "attempt": one.attempts})
        await self._recorded(Result(one.id, lease, outcome, answer[:1000], self.clock()))

    async def _recorded(self, result: Result) -> None:
        if not await self._results.put(result):
            _log.warning("delivery %s was taken over meanwhile; its result (%s) was not recorded", result.id, result.outcome)
