"""Faults: processes killed, databases stopped, disks full, clocks turned back, senders that mean harm.

TOCSIN_FAULT_ROUNDS says how often what is a matter of luck is tried (default 4; before a release: 20). What is drawn by lot is drawn
with fixed seeds, which are printed.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Mailbox, free_port, mailbox, mails  # noqa: F401 - fixtures
from tests.faults.disk import SmallDisk, mounted
from tests.faults.running import Gateway
from tests.faults.servers import Postgresql

ROUNDS = int(os.environ.get("TOCSIN_FAULT_ROUNDS", "4"))
CONFIGURATION = """
[[team]]
slug = "acme"

[[user]]
email = "ana@acme.test"
token = "env:ANA_TOKEN"
teams = { acme = { role = "admin" } }

[[source]]
team = "acme"
slug = "prefect"
kind = "prefect"
auth = { bearer = ["env:HOOK"] }
"""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A running server that may be stopped, if it is started again."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-faults-"))  # pytest's own directories are closed to the server's user
    server = Postgresql.made(home)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def on_sqlite(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> Iterator[Gateway]:  # noqa: F811
    """An installation on a SQLite file; nothing runs yet."""
    yield from _installed(tmp_path, mailbox[1], {})


@pytest.fixture
def on_postgresql(tmp_path: Path, mailbox: tuple[Mailbox, int], postgresql: Postgresql) -> Iterator[Gateway]:  # noqa: F811
    """An installation on an empty PostgreSQL database; nothing runs yet."""
    url = postgresql.database(f"t{abs(hash(str(tmp_path))):x}")
    yield from _installed(tmp_path, mailbox[1], on_database(url))


@pytest.fixture(params=["sqlite", "postgresql"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """An installation on each engine in turn; nothing runs yet."""
    made: Gateway = request.getfixturevalue(f"on_{request.param}")
    return made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes a second gateway beside a first, on the same database."""
    made: list[Gateway] = []

    def make(first: Gateway, *arguments: str) -> Gateway:
        made.append(Gateway(first.directory, free_port(), first.smtp_port, first.environment, arguments=arguments))
        return made[-1]

    yield make
    for one in made:
        one.end()


def on_database(url: str) -> dict[str, str]:
    """The environment variables for a PostgreSQL database."""
    return {"TOCSIN_DATABASE_URL": url, "TOCSIN_SECRET_KEY": "0123456789abcdef0123456789abcdef"}


def _installed(directory: Path, smtp_port: int, environment: dict[str, str]) -> Iterator[Gateway]:
    home = directory / "home"
    home.mkdir()
    (home / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")
    gateway = Gateway(home, free_port(), smtp_port, environment)
    yield gateway
    gateway.end()
