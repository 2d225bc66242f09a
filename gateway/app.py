"""The composition root: every part made once, wired together, started and stopped in order."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from gateway import metrics
from gateway.api import admin, notifications, openapi, preferences
from gateway.api.operation import Operation
from gateway.api.problem import as_problem
from gateway.api.serve import Api
from gateway.api.sign_in import SignIn
from gateway.channels.email.address import Address
from gateway.channels.email.smtp import Smtp, SmtpUrl
from gateway.config.environment import Environment, EnvironmentFault
from gateway.intake.door import Door
from gateway.intake.doorbook import Doorbook
from gateway.intake.rejections import Rejections
from gateway.journal import Journal
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.migrate import revision
from gateway.vault import Vault
from gateway.web.pages import Pages
from gateway.workers.deliver import DeliverWorker
from gateway.workers.loop import Worker
from gateway.workers.process import ProcessWorker
from gateway.workers.settle import SettleWorker
from mappers.contract import SourceKind

OPERATIONS: Sequence[Operation] = (*preferences.OPERATIONS, *notifications.OPERATIONS, *admin.OPERATIONS)
_log = logging.getLogger("tocsin")


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


def program_version() -> str:
    """The installed version, or `dev`."""
    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "dev"


class Gateway:
    """Door, API, page and workers of one process."""

    def __init__(
        self,
        environment: Environment,
        database: Database,
        kinds: Mapping[str, SourceKind],
        vault: Vault,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._deliver = DeliverWorker(
            database, _smtp(environment), clock, mail_from=_mail_from(environment), public_url=environment.base_url
        )
        self._process = ProcessWorker(database, kinds, clock, self._deliver.wake)
        self._settle = SettleWorker(database, clock, self._deliver.wake)
        self._journal = Journal(database, self._process.wake)
        sign_in = SignIn(database, clock, environment.base_url)
        self._tasks: list[asyncio.Task[None]] = []
        self.web = web.Application(client_max_size=1024 * 1024, middlewares=[as_problem])
        Door(Doorbook(database, kinds, vault), self._journal, Rejections(database), clock, environment.trusted_proxies).add_routes(
            self.web.router
        )
        self._add_operating_routes()
        Api(database, sign_in, clock, environment.base_url).add_routes(self.web.router, OPERATIONS)
        Pages(database, sign_in, clock, environment.base_url).add_routes(self.web.router)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The loops, in the order a webhook meets them."""
        return (self._process, self._settle, self._deliver)

    async def start(self) -> None:
        """Starts the workers."""
        self._tasks = [asyncio.create_task(worker.run(), name=worker.name) for worker in self.workers]

    async def stop(self) -> None:
        """Finishes what was accepted, then stops the workers, each after the step under way."""
        await self._journal.drained()
        for worker in self.workers:
            worker.stop()
        await asyncio.gather(*self._tasks)
        await self._deliver.close()

    def _add_operating_routes(self) -> None:
        described = openapi.document(OPERATIONS, program_version())

        async def health(_: web.Request) -> web.Response:
            return web.json_response({"status": "ok"})

        async def ready(_: web.Request) -> web.Response:
            try:
                await self._database.read(revision)
            except StorageUnavailable:
                return web.json_response({"status": "storage unavailable"}, status=503)
            return web.json_response({"status": "ok"})

        async def exposition(_: web.Request) -> web.Response:
            return web.Response(body=metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

        async def openapi_document(_: web.Request) -> web.Response:
            return web.json_response(described)

        for path, handler in (("/healthz", health), ("/readyz", ready), ("/metrics", exposition), ("/api/openapi.json", openapi_document)):
            self.web.router.add_get(path, handler)


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
