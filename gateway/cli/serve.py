"""`tocsin serve`: a supervisor, a process that answers and one that works; on PostgreSQL as many of them as wanted."""

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gateway.cli.common import configuration_of, kinds_of, logging_as_said, opened, plain_errors, quiet_logging, utc_now, vault_for

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.processes import Plan
    from gateway.provision.first_start import FirstStart
    from gateway.storage.database import Database, Transaction
    from gateway.supervisor import Job
    from gateway.vault import Vault
    from mappers.contract import SourceKind

BACKLOG = 1024
LEFT_BEHIND = 60.0
"""Seconds after which a directory that nobody holds is what a killed `serve` left."""
BIND_WITHIN = 3.0
"""Seconds that the processes of a supervisor that was killed may still hold the address."""


@click.command()
@click.option("--role", type=click.Choice(["all", "web", "work"]), default="all", show_default=True, help="Answer requests, work, or both.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many of each role (PostgreSQL only).")
@plain_errors
def serve(role: str, processes: int) -> None:
    """Take webhooks in, show them, send mail. Stops cleanly on Ctrl-C or SIGTERM."""
    quiet_logging()
    signal.signal(signal.SIGTERM, _leave)
    with _counting_together(), opened() as (environment, database), contextlib.ExitStack() as stack:
        if database.file and (role != "all" or processes > 1):
            raise click.ClickException("SQLite is served by one process of each role; use PostgreSQL for --role and --processes")
        from gateway.app import check

        logging_as_said(environment)
        check(environment)
        vault = vault_for(environment, database)
        let_go = _alone(stack, database, environment) if database.file else None
        configuration = configuration_of(environment)
        kinds = kinds_of(configuration)
        if configuration is not None:
            from gateway.logs import know
            from gateway.provision.apply import apply, given_secrets

            know(given_secrets(configuration, kinds))
            with database.writing() as transaction:
                apply(transaction, configuration, kinds, vault, utc_now())
        bound = stack.enter_context(_bound(environment))
        if role == "work":
            click.echo(f"Tocsin works; health and metrics are at http://{environment.listen}/healthz and /metrics")
        else:
            _greet(environment, database, kinds, vault, configured=configuration is not None)
        database.close()

        from gateway.metrics import bury
        from gateway.processes import Plan
        from gateway.supervisor import STOP_WITHIN, supervise

        plan = Plan(environment, kinds, vault, bound, wake=_pipe(), seen=_pipe())
        stop_within = STOP_WITHIN + environment.drain_seconds
        supervise(_jobs(plan, role, processes), on_child=let_go, on_end=bury, on_stop=bound.close, stop_within=stop_within)


def _leave(*_: object) -> NoReturn:
    """SIGTERM before anything runs: cleans up and ends."""
    sys.exit(0)


@contextlib.contextmanager
def _counting_together() -> Iterator[None]:
    """The processes count their metrics in files of a directory of their own.

    They are mapped into memory, and a full disk under such a file ends the process that writes: so in memory, where there is such a place.
    """
    place = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())  # noqa: S108 - a directory is made in it
    for left in place.glob("tocsin-metrics-*"):
        if time.time() - left.stat().st_mtime > LEFT_BEHIND and _is_free(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="tocsin-metrics-", dir=place) as directory, _descriptor(Path(directory)) as held:
        fcntl.flock(held, fcntl.LOCK_SH)  # every process has it, so it is free once all of them are gone
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory  # read when `gateway.metrics` is imported
        yield


@contextlib.contextmanager
def _descriptor(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(directory: Path) -> bool:
    """Whether no process counts in it any more."""
    try:
        with _descriptor(directory) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _alone(stack: contextlib.ExitStack, database: "Database", environment: "Environment") -> Callable[[], None]:
    """Takes the lock on a SQLite file; gives how a child lets go of it, for it is to end with the supervisor."""
    from gateway.storage import locks

    assert database.file
    lock = stack.enter_context(locks.ServeLock(database.file))
    lock.name(f"process {os.getpid()} on http://{environment.listen}")
    return lock.close


@contextlib.contextmanager
def _bound(environment: "Environment") -> Iterator[socket.socket]:
    """The socket everybody connects to. It listens from now on: whoever comes early waits."""
    deadline = time.monotonic() + BIND_WITHIN
    while True:
        try:
            bound = socket.create_server((environment.host, environment.port), family=_family(environment.host), backlog=BACKLOG)
            break
        except OSError as error:
            if time.monotonic() > deadline or error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise click.ClickException(
                    f"cannot listen on {environment.listen}: {reason}. Set TOCSIN_LISTEN to another host:port."
                ) from None
            time.sleep(0.1)
    with bound:
        yield bound


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]


def _pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def _jobs(plan: "Plan", role: str, processes: int) -> "list[Job]":
    from gateway.processes import answer, tell, work
    from gateway.supervisor import Job

    roles = {"all": (answer, work), "web": (answer,), "work": (work,)}[role]
    jobs = [Job(one.__name__, functools.partial(one, plan)) for one in roles for _ in range(processes)]
    return [*jobs, Job("tell", functools.partial(tell, plan))] if role == "work" else jobs


def _greet(
    environment: "Environment", database: "Database", kinds: "Mapping[str, SourceKind]", vault: "Vault", *, configured: bool
) -> None:
    """Says where to look. On a first start credentials are shown once: nothing may come between making and showing them."""
    from gateway.cli.welcome import welcome

    first: FirstStart | None = None
    link: str | None = None
    if not configured:
        with database.writing() as transaction:
            first, link = _first_start(transaction, kinds, vault, environment.base_url)
    sys.stdout.write(welcome(environment, first, link))
    sys.stdout.flush()


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
