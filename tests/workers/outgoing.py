"""What tests of sending mail need: a mail server that answers what a test wants, and a worker that sends to it."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.channels.email.smtp import Smtp
from gateway.storage import sent_mail, tables
from gateway.workers.deliver import DeliverWorker
from tests.builders import House, failure


class Server(Smtp):
    """A mail server that answers what a test wants, by address."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, bytes]] = []
        self.answers: dict[str, Exception] = {}
        self.down: Exception | None = None
        self.asked = 0
        self.held: dict[str, asyncio.Event] = {}
        self.is_reached = asyncio.Event()

    async def send(self, sender: str, recipient: str, raw: bytes) -> str:
        self.asked += 1
        self.is_reached.set()
        if recipient in self.held:
            await self.held[recipient].wait()
        if self.down is not None:
            raise self.down
        if recipient in self.answers:
            raise self.answers[recipient]
        self.accepted.append((recipient, raw))
        return "250 OK"

    async def close(self) -> None: ...


Made = Callable[[], DeliverWorker]


async def sends(worker: DeliverWorker) -> None:
    """Everything that is due."""
    while await worker.step():
        await worker.idle()


def jobs(house: House, number: int, **values: Any) -> None:
    """So many pipelines fail, each in a run of its own; those of another `slug` are others."""
    name = values.get("slug", "job")
    for one in range(number):
        house.say(failure(run=f"{name}-r{one}", event_data={"job": one}, pipeline=f"{name}-{one}", title=f"{name} {one} failed", **values))


def statuses(house: House) -> list[str]:
    return [row["status"] for row in house.rows(tables.deliveries)]


def account(house: House, delivery_id: int) -> list[tuple[int, str, str]]:
    with house.database.reading() as transaction:
        return [(one["number"], one["outcome"], one["answer"]) for one in sent_mail.attempts(transaction, delivery_id)]
