"""How many mails leave in a second when one notification goes to many readers, beside loops that do nothing else.

All send over four connections to the same sink, a process of its own. The loops: one builds each mail with the standard library, of
the very text and HTML that the gateway sent; one sends bytes that are there.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Final

import aiosmtplib

from gateway.channels.email.smtp import CONNECTIONS, Smtp
from gateway.channels.email.smtp_url import SmtpUrl
from gateway.domain.unsubscribing import Unsubscribing
from gateway.storage import tables
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.workers.deliver import DeliverWorker
from gateway.workers.letters import Desk
from tests.bench.bench import Bench
from tests.bench.configuration import ROOT
from tests.bench.engines import Engine
from tests.bench.figures import Figure
from tests.bench.processes import free_port
from tests.builders import House, failure
from tests.storage.large import join

READERS: Final = 2000
SENDER: Final = "alerts@acme.test"
_LOG: Final = "\n".join(f'  File "/srv/flows/orders.py", line {number}, in step_{number}\n    load(day={number})' for number in range(6))


def measure(bench: Bench) -> list[Figure]:
    """The loops, then the gateway on each engine; how it compares is with the loops of the same run."""
    with _sink() as port:
        sent = [(engine.name, *_gateway(bench.directory, engine, port)) for engine in bench.engines]
        build = _builder(sent[0][2])
        raw = build(0)
        built, ready = asyncio.run(_loop(port, build)), asyncio.run(_loop(port, lambda _: raw))
    figures = [Figure("mail: a loop that builds each", built, "/s"), Figure("mail: a loop that sends what is there", ready, "/s")]
    for name, rate, example in sent:
        figures += [
            Figure(f"mail {name}: to {READERS} readers", rate, "/s", detail={"bytes": len(example), "bytes_of_the_loop": len(raw)}),
            Figure(f"mail {name}: of the loop that builds each", rate / built, "times"),
        ]
    return figures


def _gateway(directory: Path, engine: Engine, port: int) -> tuple[float, bytes]:
    """Mails in a second, and one of them."""
    with engine.database(directory) as url:
        database = Database(url)
        try:
            migrate(database)
            house = House(database, lambda: datetime.now(UTC))
            join(database, house.team_id, READERS, now=house.clock())
            house.say(failure(run="r1", excerpt=_LOG, links={"Open run": "https://prefect.acme.test/runs/1"}, owners=["data-platform"]))
            house.read()
            house.fan_out()
            seconds = asyncio.run(_worker(database, port))
            sent = house.rows(tables.deliveries, tables.deliveries.c.status == "sent")
            if len(sent) != READERS:
                raise AssertionError(f"{len(sent)} of {READERS} mails left")
            return READERS / seconds, bytes(sent[0]["mail"])
        finally:
            database.close()


async def _worker(database: Database, port: int) -> float:
    desk = Desk("https://tocsin.acme.test", Unsubscribing(b"a key for measuring"))
    smtp = Smtp(SmtpUrl.parse(f"smtp://127.0.0.1:{port}"))
    worker = DeliverWorker(database, smtp, lambda: datetime.now(UTC), mail_from=f"Tocsin <{SENDER}>", desk=desk)
    began = time.perf_counter()
    while await worker.step():
        pass
    await worker.idle()
    took = time.perf_counter() - began
    await worker.close()
    return took


async def _loop(port: int, mail: Callable[[int], bytes]) -> float:
    """Mails in a second over four connections."""
    numbers = iter(range(READERS))

    async def one() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for number in numbers:
                await client.sendmail(SENDER, [f"p{number}@acme.test"], mail(number))

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return READERS / (time.perf_counter() - began)


def _builder(example: bytes) -> Callable[[int], bytes]:
    """Builds mails with the bodies and the headers of this one."""
    like = message_from_bytes(example, policy=policy.default)
    text, html = (part.get_content() for part in like.iter_parts())
    headers = [(name, str(value)) for name, value in like.items() if name not in ("MIME-Version", "Content-Type", "Message-ID", "To")]

    def build(number: int) -> bytes:
        message = EmailMessage()
        for name, value in headers:
            message[name] = value
        message["To"], message["Message-ID"] = f"P <p{number}@acme.test>", make_msgid(str(number), domain="acme.test")
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return bytes(message)

    return build


@contextmanager
def _sink() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.sink", str(port)], cwd=ROOT)
    try:
        asyncio.run(_reached(port))
        yield port
    finally:
        process.kill()
        process.wait()


async def _reached(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the sink does not listen")
