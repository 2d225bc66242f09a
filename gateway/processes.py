"""What each process of `tocsin serve` does from its fork to its end."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway import tracing
from gateway.app import Web, Work, add_operating_routes, program_version, utc_now
from gateway.config.environment import Environment
from gateway.intake.door import PREFIX
from gateway.intake.remote import is_trusted
from gateway.listener import Ahead, Listener
from gateway.live.hub import Hub
from gateway.live.pipe import Hearer, Speaker
from gateway.metrics import CONNECTIONS
from gateway.storage import working
from gateway.storage.bell import Notifier, listen, watch
from gateway.storage.changes import EVERYTHING, Changes
from gateway.storage.database import Database, connection_address
from gateway.storage.locks import take_back_leases
from gateway.vault import Vault
from mappers.contract import SourceKind

STOP_WITHIN: Final = 6.0
"""Seconds that requests under way are given when stopping."""
COLLECT_EVERY: Final = 50_000
"""Objects made between two looks for cycles of them. Most of what is made here dies without being looked for."""
NICE: Final = 5
"""How much the working process steps back for the one that answers senders, where both want the same processor."""


@dataclass(frozen=True)
class Plan:
    """What the supervisor hands to every process."""

    environment: Environment
    kinds: Mapping[str, SourceKind]
    vault: Vault
    bound: socket.socket
    """Listens already."""
    wake: tuple[int, int]
    """A pipe: a byte in it tells a worker of this machine that there is work."""
    seen: tuple[int, int]
    """A pipe: a line in it tells the process that answers what people see anew. On PostgreSQL there may be many, and notices tell them."""


def answer(plan: Plan, lifeline: int) -> None:
    """Door, API and page, until SIGTERM."""
    _run(_traced("answer", _answer(plan, lifeline)))


def work(plan: Plan, lifeline: int) -> None:
    """The workers, until SIGTERM."""
    plan.bound.close()  # as long as anybody holds it, connections are made that nobody answers
    with contextlib.suppress(OSError):
        os.nice(NICE)
    _run(_traced("work", _work(plan, lifeline)))


def tell(plan: Plan, lifeline: int) -> None:
    """Health and metrics of workers that have no web process beside them, until SIGTERM."""
    _run(_tell(plan, lifeline))


async def _traced(role: str, process: Coroutine[Any, Any, None]) -> None:
    """The process, with its traces where they are wanted; what exports them has threads, which no fork carries over."""
    tracing.start(program_version(), role)
    try:
        await process
    finally:
        tracing.stop()


async def _answer(plan: Plan, lifeline: int) -> None:
    stopped = _until_told(lifeline)
    with _database(plan) as database:
        notifier = None if database.is_sqlite else Notifier(database.address)
        notifying = asyncio.create_task(notifier.run()) if notifier else None

        def ring() -> None:
            with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
                os.write(plan.wake[1], b".")
            if notifier:
                notifier.ring()

        front = Web(plan.environment, database, plan.kinds, plan.vault, ring=ring)
        listener = _listener(plan, front.app, Ahead(PREFIX, front.door.handle))
        hearing = _hear(plan, database, front.hub, notifier)
        await listener.start(plan.bound)
        await stopped.wait()
        front.leave()
        await asyncio.sleep(plan.environment.drain_seconds)
        await listener.stop()
        await front.finish()
        for task in filter(None, (notifying, hearing)):
            task.cancel()


async def _work(plan: Plan, lifeline: int) -> None:
    stopped = _until_told(lifeline)
    with _database(plan) as database:
        if database.is_sqlite:  # whoever held a lease here before is dead
            await database.write(take_back_leases, utc_now())
            await database.write(working.end_all)
        back = Work(plan.environment, database, plan.kinds, plan.vault)
        loop = asyncio.get_running_loop()
        loop.add_reader(plan.wake[0], _woken, plan.wake[0], back.wake)
        tasks: list[asyncio.Task[None]] = []
        if database.is_sqlite:
            speaker = Speaker(plan.seen[1])
            speaker.tell(EVERYTHING)  # what the one before us committed last, it may not have told
            database.on_change = speaker.tell
        else:
            notifier = Notifier(database.address)
            database.on_change = _on_loop(notifier.tell)
            tasks = [asyncio.create_task(notifier.run()), asyncio.create_task(listen(_listening_address(plan, database), back.wake))]
        await back.start()
        await stopped.wait()
        await back.stop()
        for task in tasks:
            task.cancel()


async def _tell(plan: Plan, lifeline: int) -> None:
    stopped = _until_told(lifeline)
    with _database(plan) as database:
        app = web.Application()
        add_operating_routes(app.router, database, vault=plan.vault)
        listener = _listener(plan, app)
        await listener.start(plan.bound)
        await stopped.wait()
        await listener.stop()


def _hear(plan: Plan, database: Database, hub: Hub, notifier: Notifier | None) -> asyncio.Task[None] | None:
    """Lets the hub hear what changes here and elsewhere."""
    if notifier is None:
        database.on_change = _on_loop(hub.changed)
        asyncio.get_running_loop().add_reader(plan.seen[0], Hearer(plan.seen[0], hub.changed).read)
        return None
    database.on_change = _on_loop(notifier.tell)  # comes back as everybody's notices do
    return asyncio.create_task(watch(_listening_address(plan, database), hub.changed, hub.hearing))


def _on_loop(hear: Callable[[Changes], None]) -> Callable[[Changes], None]:
    """The same, to be called from other threads."""
    loop = asyncio.get_running_loop()

    def pass_on(changes: Changes) -> None:
        loop.call_soon_threadsafe(hear, changes)

    return pass_on


def _until_told(lifeline: int) -> asyncio.Event:
    """Set by SIGTERM. Without a supervisor this process ends at once, as if it had been killed: another has its work already."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(lifeline, os._exit, 70)
    return stopped


@contextlib.contextmanager
def _database(plan: Plan) -> Iterator[Database]:
    database = Database(plan.environment.database_url)
    database.on_connections(CONNECTIONS.inc, CONNECTIONS.dec)
    try:
        yield database
    finally:
        database.close()


def _listening_address(plan: Plan, database: Database) -> Mapping[str, Any]:
    direct = plan.environment.database_listen_url
    return connection_address(direct.get_secret_value()) if direct else database.address


def _listener(plan: Plan, app: web.Application, ahead: Ahead | None = None) -> Listener:
    trusted = plan.environment.trusted_proxies
    return Listener(app, is_proxy=lambda address: is_trusted(address, trusted), stop_within=STOP_WITHIN, ahead=ahead)


def _woken(descriptor: int, wake: Callable[[], None]) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 65536)
    wake()


def _run(process: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one for this platform."""
    gc.freeze()  # what was imported stays; only what comes later is looked through for what is no longer needed
    gc.set_threshold(COLLECT_EVERY)
    try:
        import uvloop
    except ImportError:
        asyncio.run(process)
    else:
        uvloop.run(process)
