"""The worker that reads what went wrong: by rules at once, by a model where one is configured, and never in anyone's way."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from gateway import proofs
from gateway.engine import reading
from gateway.metrics import READ_SECONDS, SUMMARIZED, TOKENS
from gateway.storage import answers, readings, sources
from gateway.storage.answers import Kept
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.readings import Claimed
from gateway.upstream.asking import Asked, NotYet, Refused, Unavailable, Upstream
from gateway.upstream.web import Webs
from gateway.vault import Vault
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.loop import Worker
from mappers.contract import SourceKind
from summarizer import Answered, Failure, Model, NotAnswered, Prepared, Redactor, Summary, Unsure, WhyNot, prepare
from summarizer.prompt import SCHEMA, SYSTEM

BATCH: Final = 16
LOGS_WITHIN: Final = 8.0
"""Seconds for asking a sender for its log."""
PATIENCE: Final = timedelta(seconds=30)
"""How long a model may take, waiting for others included, before somebody else asks."""
FAILED_FOR: Final = timedelta(minutes=10)
"""How long a question that was not answered is not asked again."""
MOST_ATTEMPTS: Final = 5
ENOUGH: Final = 1500
"""Characters of an excerpt with which no more of the log is asked for."""
SECRETS_FOR: Final = timedelta(minutes=5)
"""How long the installation's own secrets are remembered."""
_LOOK_AGAIN: Final = timedelta(seconds=1)
_BUDGET: Final = "budget"
_log = logging.getLogger("tocsin.summarize")


class AskedModel(Model, Protocol):
    """A model with connections of its own."""

    async def close(self) -> None:
        """Ends them."""


@dataclass(frozen=True)
class Reading:
    """How failures are read."""

    model: AskedModel | None = None
    """None: by rules alone."""
    daily: int = 500
    """Questions to the model for each team and day."""
    secrets: tuple[str, ...] = ()
    """The installation's own, beside those of its sources."""


class SummarizeWorker(Worker):
    """Reads threads that were told just now. What the rules find is written at once; a model's answer takes its place later."""

    name = "summarize"

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, SourceKind],
        upstreams: Mapping[str, Upstream],
        vault: Vault,
        clock: Callable[[], datetime],
        on_read: Callable[[], None],
        how: Reading,
        time: Time | None = None,
        webs: Webs | None = None,
    ) -> None:
        """`on_read` is called when mail need not wait any more. `time` measures leases; default: `clock`."""
        super().__init__(clock)
        self._database, self._kinds, self._upstreams, self._vault = database, kinds, upstreams, vault
        self._time: Time = time or (lambda _: clock())
        self._on_read, self._reading = on_read, how
        self._webs = webs or Webs()
        self._redactor: tuple[datetime, Redactor] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(self) -> int:
        """Up to sixteen threads at once."""
        now, lease = self.clock(), new_lease()

        def claim(transaction: Transaction) -> list[Claimed]:
            return readings.claim(transaction, now=self._time(transaction), lease=lease, lease_for=LEASE, limit=BATCH)

        due = await self._database.read(readings.next_due)
        batch = await self._database.write(claim) if due is not None and due <= now else []
        if not batch:
            return 0
        async with held(self._database, readings.extend, lease, self._time):
            redactor = await self._secrets(now)
            self._under_way = {asyncio.create_task(self._read(one, lease, redactor)) for one in batch}
            if self.stopping:
                self.stop()
            results = await asyncio.gather(*self._under_way, return_exceptions=True)
        for result in results:
            if isinstance(result, StorageUnavailable):  # due again when the lease ends; mail waits ten seconds at most
                raise result
            if isinstance(result, Exception):
                _log.error("a failure could not be read", exc_info=result)
        return len(batch)

    async def next_due(self) -> datetime | None:
        """When the next thread is due."""
        return await self._database.read(readings.next_due)

    def stop(self) -> None:
        """Does not wait for strangers: what is being read is put back."""
        super().stop()
        for task in self._under_way:
            task.cancel()

    async def finish(self) -> None:
        """Ends the connections."""
        await self._webs.close()
        if self._reading.model is not None:
            await self._reading.model.close()

    async def _read(self, one: Claimed, lease: str, redactor: Redactor) -> None:
        try:
            with READ_SECONDS.time():
                await self._summarize(one, lease, redactor)
        except asyncio.CancelledError:
            now = self.clock()
            await self._database.write(readings.put_back, one.notification_id, lease=lease, due_at=now, tried=False)
        except StorageUnavailable:
            raise
        except Exception as error:
            _log.exception("notification %s could not be read", one.notification_id)
            if one.attempts >= MOST_ATTEMPTS:
                await self._end(one, lease, None, f"error: {type(error).__name__}"[:40])
            else:
                due_at = self.clock() + _LOOK_AGAIN * 2.0**one.attempts
                await self._database.write(readings.put_back, one.notification_id, lease=lease, due_at=due_at)

    async def _summarize(self, one: Claimed, lease: str, redactor: Redactor) -> None:
        log = one.excerpt if len(one.excerpt) >= ENOUGH else await self._log(one) or one.excerpt
        failure = Failure(
            one.title, message=one.message, log=log, pipeline=one.pipeline or "", environment=one.environment, tool=one.source_kind or "",
        )  # fmt: skip
        try:
            prepared = await asyncio.to_thread(_prepared, failure, redactor)
        except Unsure:
            await self._end(one, lease, None, WhyNot.REDACTION)
            return
        if not prepared.excerpt.lines:
            await self._end(one, lease, None, WhyNot.NOTHING_TO_READ)
        elif self._reading.model is None:
            await self._end(one, lease, prepared.by_rules, WhyNot.NO_MODEL)
        else:
            await self._by_model(one, lease, prepared, self._reading.model)

    async def _by_model(self, one: Claimed, lease: str, prepared: Prepared, model: Model) -> None:
        key = prepared.key(model.name)
        kept = await self._database.write(
            answers.take, team_id=one.team_id, key=key, model=model.name, daily=self._reading.daily, patience=PATIENCE, now=self.clock()
        )
        if kept is False:
            await self._end(one, lease, prepared.by_rules, _BUDGET)
        elif isinstance(kept, Kept):
            await self._with_kept(one, lease, prepared, kept)
        else:
            await self._note(one, lease, prepared.by_rules)
            summary, why_not = await self._ask(one, prepared, model, key)
            await self._end(one, lease, summary, why_not)

    async def _with_kept(self, one: Claimed, lease: str, prepared: Prepared, kept: Kept) -> None:
        if kept.status == answers.ASKED:  # by somebody else, just now: their answer is ours
            await self._note(one, lease, prepared.by_rules)
            await self._database.write(readings.put_back, one.notification_id, lease=lease, due_at=self.clock() + _LOOK_AGAIN)
        elif kept.status == answers.ANSWERED and kept.summary is not None:
            reused = prepared.reused(Summary.model_validate(kept.summary))
            await self._end(one, lease, reused or prepared.by_rules, None if reused else WhyNot.UNUSABLE)
        else:
            await self._end(one, lease, prepared.by_rules, kept.why_not or WhyNot.UNUSABLE)

    async def _ask(self, one: Claimed, prepared: Prepared, model: Model, key: str) -> tuple[Summary, str | None]:
        """What the model says, if it can be believed, and is kept; else what the rules say, and why."""
        answer: Answered | NotAnswered | None = None
        summary, why_not = None, WhyNot.UNUSABLE
        try:
            answer = await asyncio.wait_for(model.ask(SYSTEM, prepared.question, SCHEMA), PATIENCE.total_seconds())
            if isinstance(answer, NotAnswered):
                why_not = answer.reason
            else:
                summary = await asyncio.to_thread(prepared.checked_alone, answer, model.name)
        except TimeoutError:
            why_not = WhyNot.DEADLINE
        except Unsure:
            why_not = WhyNot.REDACTION
        except asyncio.CancelledError:
            await self._keep(one, key, None, WhyNot.DEADLINE, (0, 0), timedelta())
            raise
        tokens = (answer.tokens_in, answer.tokens_out) if isinstance(answer, Answered) else (0, 0)
        TOKENS.labels("in").inc(tokens[0])
        TOKENS.labels("out").inc(tokens[1])
        await self._keep(one, key, summary, None if summary else why_not, tokens, FAILED_FOR)
        told = prepared.reused(summary) if summary is not None else None
        if told is not None and told.origin == "model":
            return told, None
        return prepared.by_rules, why_not

    async def _keep(
        self, one: Claimed, key: str, summary: Summary | None, why_not: str | None, tokens: tuple[int, int], not_again: timedelta
    ) -> None:
        said = summary.model_dump(mode="json") if summary else None
        until = self.clock() + not_again
        await self._database.write(answers.keep, team_id=one.team_id, key=key, summary=said, why_not=why_not, tokens=tokens, until=until)

    async def _log(self, one: Claimed) -> str:
        """More of the log from the sender's API, where it can be had within seconds; else nothing."""
        pointer, kind = one.logs, self._kinds.get(one.source_kind or "")
        upstream = self._upstreams.get(one.source_kind or "")
        if pointer is None or kind is None or upstream is None or one.source_settings is None:
            return ""
        operation = upstream.operations.get(str(pointer.get("operation")))
        settings = proofs.opened_settings(one.source_settings, kind, self._vault)
        if operation is None or not upstream.is_reachable(settings):
            return ""
        try:
            asked = Asked(self._webs.of(managed=bool(one.source_managed)), settings, dict(pointer.get("ids") or {}))
            document = await asyncio.wait_for(operation(asked), LOGS_WITHIN)
        except (NotYet, Refused, Unavailable, TimeoutError) as trouble:
            _log.info("no log for notification %s: %s", one.notification_id, trouble)
            return ""
        return document.body.decode("utf-8", "replace") if document else ""

    async def _secrets(self, now: datetime) -> Redactor:
        """Knows the installation's own secrets, wherever they stand."""
        if self._redactor is None or self._redactor[0] < now - SECRETS_FOR:
            of_sources = await self._database.read(_secrets_of_sources, self._kinds, self._vault)
            self._redactor = (now, Redactor.for_secrets({*self._reading.secrets, *of_sources}))
        return self._redactor[1]

    async def _note(self, one: Claimed, lease: str, summary: Summary) -> None:
        """What can be told until a model has answered."""
        said = summary.model_dump(mode="json")
        await self._database.write(readings.write, one.notification_id, lease=lease, summary=said, why_not=None, ended_at=None)

    async def _end(self, one: Claimed, lease: str, summary: Summary | None, why_not: str | None) -> None:
        SUMMARIZED.labels(summary.origin if summary else "nobody", why_not or "").inc()
        await self._database.write(_ended, one, lease, summary.model_dump(mode="json") if summary else None, why_not, self.clock())
        self._on_read()


def _prepared(failure: Failure, redactor: Redactor) -> Prepared:
    prepared = prepare(failure, redactor)
    _ = prepared.by_rules, prepared.question  # made here, in a thread of their own
    return prepared


def _ended(transaction: Transaction, one: Claimed, lease: str, summary: dict[str, Any] | None, why_not: str | None, now: datetime) -> None:
    mine = readings.write(transaction, one.notification_id, lease=lease, summary=summary, why_not=why_not, ended_at=now)
    if mine and one.conversation is not None:
        reading.let_go(transaction, one.conversation, one.source_id, now)


def _secrets_of_sources(transaction: Transaction, kinds: Mapping[str, SourceKind], vault: Vault) -> set[str]:
    found: set[str] = set()
    for kind_name, auth, settings in sources.kept_secrets(transaction):
        found |= proofs.opened_secrets(auth, settings, kinds.get(kind_name), vault)
    return found
