"""What is connected to is what was checked: names that resolve to where nobody may ask, and sessions that are not shared."""

import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from gateway.domain.outgoing import OPERATORS, Reach
from gateway.upstream.asking import Refused, ask
from gateway.upstream.guard import NotReached, connector, refused_by
from gateway.upstream.web import Web, Webs


class Here:
    """A server on the loopback that counts who came."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    here = Here()

    async def answer(request: web.Request) -> web.Response:
        here.asked.append(request.path)
        if request.path == "/away":
            raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        here.port = int(server.port or 0)
        yield here


class Says(AbstractResolver):
    """A name server that gives these addresses in turn, as one does that wants to be checked at the first and asked at the second."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None: ...


@pytest.mark.req("R100")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "0"])
async def test_this_machine_is_not_asked_for_those_who_may_ask_the_internet_alone(here: Here, host: str) -> None:
    asking = Web(Reach())
    with pytest.raises(NotReached, match="it is private"):
        await asking.ask("GET", f"http://{host}:{here.port}/")
    await asking.close()
    assert here.asked == []


async def test_a_name_that_resolves_to_this_machine_is_not_asked_either_and_nothing_is_sent(here: Here) -> None:
    async with aiohttp.ClientSession(connector=connector(Reach(), resolver=Says("127.0.0.1"), use_dns_cache=False)) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://rebound.test:{here.port}/")
    assert "it is private" in str(refused_by(caught.value))
    assert here.asked == []


@pytest.mark.req("R100")
async def test_an_address_that_changes_between_two_look_ups_is_checked_each_time(here: Here) -> None:
    resolver = Says("127.0.0.1", "169.254.169.254")
    async with aiohttp.ClientSession(connector=connector(OPERATORS, resolver=resolver, use_dns_cache=False, force_close=True)) as session:
        assert (await session.get(f"http://rebound.test:{here.port}/first")).status == 200
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://rebound.test:{here.port}/second")
    assert "credentials" in str(refused_by(caught.value))
    assert here.asked == ["/first"]


async def test_a_redirect_is_an_answer_and_is_not_followed(here: Here) -> None:
    asking = Web()
    answer = await asking.ask("GET", f"http://127.0.0.1:{here.port}/away")
    await asking.close()
    assert answer.status == 302


async def test_what_the_configuration_names_is_asked_and_what_the_page_names_is_not_even_where_a_connection_is_open(here: Here) -> None:
    webs = Webs()
    assert (await webs.of(managed=True).ask("GET", f"http://127.0.0.1:{here.port}/")).status == 200
    with pytest.raises(NotReached):
        await webs.of(managed=False).ask("GET", f"http://127.0.0.1:{here.port}/")
    await webs.close()
    allowed = Webs((ip_network("127.0.0.0/8"),))
    assert (await allowed.of(managed=False).ask("GET", f"http://127.0.0.1:{here.port}/")).status == 200
    await allowed.close()


async def test_an_api_out_of_reach_is_not_asked_again() -> None:
    asking = Web(Reach())
    with pytest.raises(Refused, match=r"Prefect's API is not asked: 10\.1\.2\.3 is not connected to: it is private"):
        await ask(asking, "GET", "http://10.1.2.3:4200/api", whose="Prefect's API")
    await asking.close()
