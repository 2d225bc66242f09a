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
    from gateway.storage.database import Database, Transaction
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
            if configuration is not None:
                from gateway.provision.apply import apply

                with database.writing() as transaction:
                    apply(transaction, configuration, kinds, vault, utc_now())
            _loop()(_serve(environment, database, kinds, vault, configured=configuration is not None))


async def _serve(
    environment: "Environment", database: "Database", kinds: "Mapping[str, SourceKind]", vault: "Vault", *, configured: bool
) -> None:
    from aiohttp import web

    from gateway.app import Gateway
    from gateway.cli.welcome import welcome

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
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
    # only now, for its credentials are shown once: nothing may come between making and showing them
    first, link = (None, None) if configured else await database.write(_first_start, kinds, vault, environment.base_url)
    await gateway.start()
    sys.stdout.write(welcome(environment, first, link))
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()
    await gateway.stop()


def _first_start(
    transaction: "Transaction", kinds: "Mapping[str, SourceKind]", vault: "Vault", base_url: str
) -> "tuple[FirstStart | None, str | None]":
    """What was set up on an empty database, and a link that signs its admin in."""
    from gateway.provision.first_start import is_first, set_up, sign_in_link
    from gateway.storage import locks, people

    locks.one_at_a_time(transaction, "apply")
    if not is_first(transaction):
        return None, None
    first = set_up(transaction, kinds, vault, utc_now())
    return first, sign_in_link(transaction, people.admins(transaction)[0], base_url, utc_now())


def _loop() -> "Callable[[Coroutine[Any, Any, None]], None]":
    """uvloop where there is one for this platform."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
