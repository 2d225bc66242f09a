"""`tocsin serve`: door, API, page and workers in one process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import configuration_of, kinds_of, opened, plain_errors, quiet_logging, utc_now, vault_for

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.provision.first_start import FirstStart
    from gateway.storage.database import Database
    from gateway.vault import Vault
    from mappers.contract import SourceKind

STOP_WITHIN = 8.0
"""Seconds that requests under way are given when stopping."""


@click.command()
@plain_errors
def serve() -> None:
    """Take webhooks in, show them, send mail. Stops cleanly on Ctrl-C or SIGTERM."""
    from gateway.storage import locks

    quiet_logging()
    with opened() as (environment, database):
        vault = vault_for(environment, database)
        with contextlib.ExitStack() as stack:
            if database.file:
                lock = stack.enter_context(locks.ServeLock(database.file))
                lock.name(f"process {os.getpid()} on http://{environment.listen}")
                with database.writing() as transaction:
                    locks.take_back_leases(transaction, utc_now())
            configuration = configuration_of(environment)
            kinds = kinds_of(configuration)
            first = _prepare(environment, database, kinds, vault)
            _loop()(_serve(environment, database, kinds, vault, first))


def _prepare(environment: "Environment", database: "Database", kinds: "Mapping[str, SourceKind]", vault: "Vault") -> "FirstStart | None":
    """Applies the configuration; without one, and on an empty database, sets up a first start."""
    from gateway.provision.apply import apply
    from gateway.provision.first_start import is_first, set_up
    from gateway.storage import locks

    configuration = configuration_of(environment)
    with database.writing() as transaction:
        if configuration is not None:
            apply(transaction, configuration, kinds, vault, utc_now())
            return None
        locks.one_at_a_time(transaction, "apply")
        return set_up(transaction, kinds, vault, utc_now()) if is_first(transaction) else None


async def _serve(
    environment: "Environment", database: "Database", kinds: "Mapping[str, SourceKind]", vault: "Vault", first: "FirstStart | None"
) -> None:
    from aiohttp import web

    from gateway.app import Gateway

    gateway = Gateway(environment, database, kinds, vault)
    runner = web.AppRunner(gateway.web, access_log=None, handle_signals=False, shutdown_timeout=STOP_WITHIN)
    await runner.setup()
    site = web.TCPSite(runner, environment.host, environment.port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {environment.listen}: {error.strerror}. Set TOCSIN_LISTEN to another host:port."
        ) from None
    await gateway.start()
    await _announce(environment, database, first)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()
    await gateway.stop()


async def _announce(environment: "Environment", database: "Database", first: "FirstStart | None") -> None:
    from gateway.cli.welcome import welcome
    from gateway.provision.first_start import sign_in_link
    from gateway.storage import people
    from gateway.storage.database import Transaction

    def admin_link(transaction: Transaction) -> str | None:
        admins = people.admins(transaction)
        return sign_in_link(transaction, admins[0], environment.base_url, utc_now()) if admins and first else None

    link = await database.write(admin_link)
    sys.stdout.write(welcome(environment, first, link))
    sys.stdout.flush()


def _loop() -> "Callable[[Coroutine[Any, Any, None]], None]":
    """uvloop where there is one for this platform."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
