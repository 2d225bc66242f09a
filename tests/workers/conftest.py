"""A house, a mail server, and a worker that sends to it."""

import pytest

from gateway.storage.database import Database
from gateway.workers.deliver import DeliverWorker
from tests.builders import DESK, House
from tests.conftest import Clock
from tests.workers.outgoing import Made, Server


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def made(house: House, server: Server, clock: Clock) -> Made:
    return lambda: DeliverWorker(house.database, server, clock, mail_from="Tocsin <alerts@acme.test>", desk=DESK)
