"""Asking a stranger's HTTP API: bounded in time, size and reach, no redirects, every failure one of three."""

import asyncio
import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from gateway.domain.outgoing import OPERATORS, Network, Reach, fault_of
from gateway.upstream.guard import NotReached, connector, refused_by

PATIENCE: Final = 15.0
"""Seconds for one request, all of it."""
LONGEST_WISH: Final = timedelta(hours=1)
"""The longest wait that another side may wish for."""
AT_MOST: Final = 4 * 1024 * 1024
"""Bytes of an answer, after decompression, where the caller does not say."""


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    """It had more to say than was wanted."""

    def json(self) -> Any:
        """The body as JSON. Raises ValueError for anything else."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nests too deep") from None

    @property
    def retry_after(self) -> timedelta | None:
        """How long the other side wishes to be left alone: seconds, or a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit() and len(said) < 9:
            return min(timedelta(seconds=int(said)), LONGEST_WISH)
        try:
            wait = parsedate_to_datetime(said) - datetime.now(UTC)
        except (ValueError, TypeError):
            return None
        return min(max(wait, timedelta()), LONGEST_WISH)


class Web:
    """One pool of connections for everything that is asked."""

    def __init__(self, reach: Reach = OPERATORS) -> None:
        """Opens its connections as they are needed, within a running loop."""
        self._reach = reach
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        at_most: int = AT_MOST,
        within: float = PATIENCE,
    ) -> Answer:
        """The answer, whatever its status; `body` is sent as JSON, `form` as such. Raises `TimeoutError` or `OSError` where there is none.

        Of a body larger than `at_most` bytes the beginning is given, marked as cut. `NotReached`: the address is out of reach.
        """
        fault = fault_of(url, self._reach)
        if fault:
            raise NotReached(errno.EACCES, fault)
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=connector(self._reach), cookie_jar=aiohttp.DummyCookieJar())
        session = self._session
        try:
            async with (
                asyncio.timeout(within),
                session.request(
                    method,
                    url,
                    headers={"Accept": "application/json", **(headers or {})},
                    params=params,
                    json=body,
                    data=form,
                    allow_redirects=False,
                ) as answer,
            ):
                raw = bytearray()
                async for part in answer.content.iter_chunked(65536):
                    raw += part
                    if len(raw) > at_most:
                        break
                heads = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status, heads, bytes(raw[:at_most]), cut=len(raw) > at_most)
        except (aiohttp.ClientError, ValueError) as error:
            refusal = refused_by(error)
            if refusal:
                raise refusal from None
            raise OSError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error

    async def close(self) -> None:
        """Ends its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Webs:
    """One for each reach: connections are not shared between them."""

    def __init__(self, allowed: tuple[Network, ...] = ()) -> None:
        """`allowed`: networks that also those may reach who cannot write to `tocsin.toml`."""
        self._operators, self._tenants = Web(), Web(Reach(networks=allowed))

    def of(self, *, managed: bool) -> Web:
        """For a source that `tocsin.toml` owns, or for one that was made in the page or by the API."""
        return self._operators if managed else self._tenants

    async def close(self) -> None:
        """Ends their connections."""
        await self._operators.close()
        await self._tenants.close()
