"""The composition root: every part made once and wired together, for a process that answers and for one that works."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from aiohttp import web

from gateway import metrics, tracing
from gateway.api import (
    admin,
    checks,
    create,
    figures,
    marking,
    monitors,
    notifications,
    openapi,
    people,
    preferences,
    preview,
    put_aside,
    sessions,
    sources,
    stream,
    tokens,
)
from gateway.api.cross_origin import CrossOrigin
from gateway.api.identified import identified, name_it
from gateway.api.issued import IssuedSignIn
from gateway.api.means import Means
from gateway.api.operation import Operation
from gateway.api.problem import as_problem
from gateway.api.serve import Api
from gateway.api.sign_in import SignIn, cookie_name
from gateway.api.stream import Stream
from gateway.channels.email.address import Address
from gateway.channels.email.smtp import Smtp
from gateway.channels.email.smtp_url import SmtpUrl
from gateway.config.environment import Environment, EnvironmentFault
from gateway.config.provider import provider_settings
from gateway.domain.outgoing import OPERATORS, Reach, fault_of
from gateway.domain.sign_in_link import SignInLinks
from gateway.domain.unsubscribing import Unsubscribing
from gateway.gauges import Gauges
from gateway.intake.door import Door
from gateway.intake.doorbook import Doorbook
from gateway.intake.rehearsal import Rehearsals
from gateway.intake.rejections import Rejections
from gateway.journal import Journal
from gateway.live.hub import Hub
from gateway.storage.clock import database_time
from gateway.storage.database import Database, StorageUnavailable, connection_address
from gateway.storage.migrate import revision
from gateway.upstream.catalogue import UPSTREAMS
from gateway.upstream.openid import Provider
from gateway.upstream.web import Webs
from gateway.vault import Vault
from gateway.watchers.heartbeat import Heartbeat
from gateway.watchers.late_runs import LateRunWatcher
from gateway.watchers.notice import NoticeWorker
from gateway.watchers.probes import ProbeWatcher
from gateway.watchers.schemas import SchemaWatcher
from gateway.watchers.self_watch import SelfWatcher
from gateway.web.pages import Pages
from gateway.web.signing_in import SigningIn, Ways
from gateway.workers.deliver import DeliverWorker
from gateway.workers.fan_out import FanOutWorker
from gateway.workers.follow_up import FollowUpWorker
from gateway.workers.letters import Desk
from gateway.workers.loop import Worker
from gateway.workers.process import ProcessWorker
from gateway.workers.pulse import PulseWorker
from gateway.workers.reading import reading_of, redacting, redactor_of
from gateway.workers.reconcile import ReconcileWorker
from gateway.workers.settle import SettleWorker
from gateway.workers.sign_in_mail import SignInMailWorker
from gateway.workers.summarize import SummarizeWorker
from gateway.workers.upkeep import UpkeepWorker
from mappers.contract import SourceKind

OPERATIONS: Sequence[Operation] = (
    *preferences.OPERATIONS,
    *preview.OPERATIONS,
    *create.OPERATIONS,
    *marking.OPERATIONS,
    *notifications.OPERATIONS,
    *put_aside.OPERATIONS,
    *sources.OPERATIONS,
    *admin.OPERATIONS,
    *monitors.OPERATIONS,
    *checks.OPERATIONS,
    *figures.OPERATIONS,
    *tokens.OPERATIONS,
    *sessions.OPERATIONS,
    *people.OPERATIONS,
    *stream.OPERATIONS,
)
READY_WITHIN: Final = 2.0
"""Seconds within which storage must answer."""


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


def program_version() -> str:
    """The installed version, or `dev`."""
    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "dev"


class Web:
    """What answers: door, API and page."""

    def __init__(
        self,
        environment: Environment,
        database: Database,
        kinds: Mapping[str, SourceKind],
        vault: Vault,
        clock: Callable[[], datetime] = utc_now,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        """`ring` is called when there may be work for the workers, wherever they are."""
        self._journal, self._rejections = Journal(database, ring), Rejections(database)
        self.app = web.Application(client_max_size=1024 * 1024, middlewares=[identified, as_problem])
        self.app.on_response_prepare.append(name_it)
        doorbook = Doorbook(database, kinds, vault)
        reach = Reach(networks=environment.allowed_networks)
        means = Means(
            kinds, vault, Rehearsals(doorbook, self._journal), environment.smtp_url is not None, ring, reach, redacting(environment)
        )
        self.door = door = Door(doorbook, self._journal, self._rejections, clock, environment.trusted_proxies)
        door.add_routes(self.app.router)
        self._leaving = False
        add_operating_routes(self.app.router, database, clock, vault, is_leaving=lambda: self._leaving)
        sign_in = SignIn(database, clock, environment.base_url, IssuedSignIn(database, vault, clock))
        self.hub = Hub(database, clock)
        self.app.cleanup_ctx.append(self._watching)
        self.app.on_shutdown.append(self._end_streams)
        CrossOrigin(environment.embed_origins).add_to(self.app)
        watch = Stream(database, sign_in, stream.tickets(vault), self.hub, clock)
        self.app.router.add_get("/api/stream", watch.serve, allow_head=False)  # it would be answered with a body, and without an end
        Api(database, sign_in, clock, environment.base_url, means, ring).add_routes(self.app.router, OPERATIONS)
        settings = provider_settings(environment)
        self._provider = Provider(settings) if settings else None
        ways = Ways(mail=environment.smtp_url is not None, provider=settings.name if settings else "")
        signing_in = SigningIn(database, sign_in, clock, ways, environment.trusted_proxies, ring)
        pages = Pages(database, sign_in, clock, environment.base_url, means, signing_in, self._provider)
        pages.add_routes(self.app.router)
        self.app.router.add_get("/api/openapi.json", _described(environment))

    async def _watching(self, _: web.Application) -> AsyncIterator[None]:
        telling = asyncio.create_task(self.hub.run(), name="live")
        yield
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling

    def leave(self) -> None:
        """From now on `/readyz` says that it stops; requests are taken still."""
        self._leaving = True

    async def _end_streams(self, _: web.Application) -> None:
        self.hub.close()

    async def finish(self) -> None:
        """Stores what was accepted, and what is known of refusals."""
        await self._journal.drained()
        await self._rejections.written()
        if self._provider:
            await self._provider.close()


class Work:
    """What works: the loops that process, settle and deliver."""

    def __init__(
        self,
        environment: Environment,
        database: Database,
        kinds: Mapping[str, SourceKind],
        vault: Vault,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        time = None if database.is_sqlite else database_time
        webs = partial(Webs, environment.allowed_networks)
        self._deliver = DeliverWorker(
            database, _smtp(environment), clock, mail_from=_mail_from(environment), desk=_desk(environment, vault), time=time
        )
        self._fan_out = FanOutWorker(database, clock, self._deliver.wake)
        self._process = ProcessWorker(database, kinds, clock, self._recorded, time)
        self._settle = SettleWorker(database, clock, self._recorded)
        self._follow_up = FollowUpWorker(database, kinds, UPSTREAMS, vault, clock, self._entered, time, webs())
        self._reconcile = ReconcileWorker(database, kinds, UPSTREAMS, vault, clock, self._entered, time, webs())
        self._summarize = SummarizeWorker(database, kinds, UPSTREAMS, vault, clock, self._read, reading_of(environment), time, webs())
        self._notice = NoticeWorker(database, clock, self._process.wake)
        self._late_runs = LateRunWatcher(database, clock, self._notice.wake, time)
        self._probes = ProbeWatcher(database, vault, clock, self._notice.wake, time)
        self._schemas = SchemaWatcher(database, vault, clock, self._notice.wake, time)
        self._self_watch = SelfWatcher(database, clock, self._notice.wake)
        self._upkeep = UpkeepWorker(database, clock, environment.event_retention_days)
        self._heartbeat = self._heartbeats(environment, database, clock)
        self._sign_in_mail = SignInMailWorker(
            database, _smtp(environment), clock, mail_from=_mail_from(environment), public_url=environment.base_url,
            links=SignInLinks(vault.derived("sign-in link")), time=time,
        )  # fmt: skip
        self._pulse = PulseWorker(database, clock, version=program_version(), key_mark=vault.mark, others=self.workers)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The loops, in the order a webhook meets them."""
        return (
            self._process, self._follow_up, self._summarize, self._settle, self._fan_out, self._deliver,
            self._sign_in_mail, self._reconcile, self._late_runs, self._probes, self._schemas, self._self_watch, self._notice,
            self._upkeep, *self._heartbeat,
        )  # fmt: skip

    def _heartbeats(self, environment: Environment, database: Database, clock: Callable[[], datetime]) -> tuple[Worker, ...]:
        """One, where there is a monitor to hear it."""
        if environment.heartbeat_url is None:
            return ()
        what_counts = (self._process, self._settle, self._fan_out, self._deliver)
        return (Heartbeat(database, environment.heartbeat_url.get_secret_value(), what_counts, clock),)

    def wake(self) -> None:
        """Something arrived, or was created, or asked for."""
        self._process.wake()
        self._sign_in_mail.wake()
        self._recorded()

    def _entered(self) -> None:
        """What was fetched is in the journal, or mail need not wait for it any more."""
        self._process.wake()
        self._deliver.wake()

    def _read(self) -> None:
        """Mail need not wait any more for what was read."""
        self._deliver.wake()

    def _recorded(self) -> None:
        """There may be something to ask for and to read, people to tell, and mail to send."""
        self._follow_up.wake()
        self._summarize.wake()
        self._fan_out.wake()
        self._deliver.wake()

    async def start(self) -> None:
        """Starts the loops."""
        self._tasks = [asyncio.create_task(worker.run(), name=worker.name) for worker in (*self.workers, self._pulse)]

    async def stop(self) -> None:
        """Stops the loops, each after the step under way."""
        for worker in (*self.workers, self._pulse):
            worker.stop()
        await asyncio.gather(*self._tasks)
        await self._deliver.close()


def add_operating_routes(
    router: web.UrlDispatcher,
    database: Database,
    clock: Callable[[], datetime] = utc_now,
    vault: Vault | None = None,
    is_leaving: Callable[[], bool] = lambda: False,
) -> None:
    """What operators look at: `/healthz`, `/readyz`, `/metrics`. Asked with a `nonce`, `/healthz` proves which installation this is."""
    gauges = Gauges(database, clock, program_version())

    async def health(request: web.Request) -> web.Response:
        proof = vault.proof(request.query["nonce"][:64]) if vault and "nonce" in request.query else None
        return web.json_response({"status": "ok", "proof": proof} if proof else {"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        if is_leaving():
            return web.json_response({"status": "stopping"}, status=503)
        try:
            await asyncio.wait_for(database.look_up(revision), READY_WITHIN)
        except (StorageUnavailable, TimeoutError):
            return web.json_response({"status": "storage unavailable"}, status=503)
        return web.json_response({"status": "ok"})

    async def exposition(_: web.Request) -> web.Response:
        body = metrics.exposition() + await gauges.exposition()
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    for path, handler in (("/healthz", health), ("/readyz", ready), ("/metrics", exposition)):
        router.add_get(path, handler)


def _described(environment: Environment) -> Callable[[web.Request], Awaitable[web.Response]]:
    described = openapi.document(OPERATIONS, program_version(), cookie_name(environment.base_url))

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(described)

    return answer


def check(environment: Environment) -> None:
    """Raises `EnvironmentFault` for what no process could be started with."""
    tracing.check()
    _smtp(environment)
    _mail_from(environment)
    reading_of(environment)
    provider_settings(environment)
    fault = environment.heartbeat_url and fault_of(environment.heartbeat_url.get_secret_value(), OPERATORS)
    if fault:
        raise EnvironmentFault(f"TOCSIN_HEARTBEAT_URL: {fault}")
    if environment.database_listen_url is not None:
        try:
            connection_address(environment.database_listen_url.get_secret_value())
        except ValueError as error:
            raise EnvironmentFault(f"TOCSIN_DATABASE_LISTEN_URL: {error}") from None


def _desk(environment: Environment, vault: Vault) -> Desk:
    return Desk(environment.base_url, _unsubscribing(vault), redactor_of(environment))


def _unsubscribing(vault: Vault) -> Unsubscribing:
    return Unsubscribing(vault.derived("unsubscribe"))


def _smtp(environment: Environment) -> Smtp | None:
    if environment.smtp_url is None:
        return None
    try:
        return Smtp(SmtpUrl.parse(environment.smtp_url.get_secret_value()))
    except ValueError as error:
        raise EnvironmentFault(f"TOCSIN_SMTP_URL: {error}") from None


def _mail_from(environment: Environment) -> str:
    try:
        Address.parse(environment.mail_from)
    except ValueError as error:
        raise EnvironmentFault(f"TOCSIN_MAIL_FROM: {error}") from None
    return environment.mail_from
