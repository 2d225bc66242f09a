"""`AsyncTocsin`: every call, awaited, under asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from tenacity import AsyncRetrying

from gateway.client import answer, retry, wire
from gateway.client.call import Call
from gateway.client.method import like
from gateway.client.reading import Calls
from gateway.client.settings import DEFAULT_TIMEOUT, read_settings
from gateway.client.values import Notification, Page

if TYPE_CHECKING:
    import httpx2

P = ParamSpec("P")
T = TypeVar("T")


def _method(build: Callable[Concatenate[Calls, P], Call[T]]) -> Callable[Concatenate["AsyncTocsin", P], Coroutine[Any, Any, T]]:
    @like(build)
    async def method(self: "AsyncTocsin", /, *args: P.args, **given: P.kwargs) -> T:
        return await self.run(build(self.calls, *args, **given))

    return method


def _pages(build: Callable[Concatenate[Calls, P], Call[Page]]) -> Callable[Concatenate["AsyncTocsin", P], AsyncIterator[Notification]]:
    @like(build, lambda _: AsyncIterator[Notification])
    async def method(self: "AsyncTocsin", /, *args: P.args, **given: P.kwargs) -> AsyncIterator[Notification]:
        page = await self.run(build(self.calls, *args, **given))
        for item in page.items:
            yield item
        while page.next is not None:
            given["cursor"] = page.next
            page = await self.run(build(self.calls, *args, **given))
            for item in page.items:
                yield item

    return method


class AsyncTocsin:
    """`Tocsin` for asyncio: the same calls, awaited. Belongs to the event loop it was first used in."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        team: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        *,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        import httpx2

        self._settings = read_settings(url, token, team, timeout)
        self.calls = Calls(self._settings.team)
        self._http = httpx2.AsyncClient(headers=wire.standing_headers(self._settings), transport=transport, follow_redirects=False)

    def __repr__(self) -> str:
        return f"AsyncTocsin({self._settings.url!r}, team={self._settings.team!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hangs up."""
        await self._http.aclose()

    async def run(self, call: Call[T]) -> T:
        """Sends one call, again while that may help, and reads its answer."""
        begun, budget, request = monotonic(), self._settings.timeout, wire.request(self._settings, call)

        async def once() -> T:
            status, headers, body = await self._exchange(request, retry.patience(budget, monotonic() - begun))
            return answer.read(call, status, headers, body, datetime.now(UTC))

        try:
            async with asyncio.timeout(budget):
                return await AsyncRetrying(**retry.policy(budget))(once)
        except TimeoutError:
            raise wire.overdue(self._settings) from None

    async def _exchange(self, request: wire.Sent, patience: float) -> tuple[int, "httpx2.Headers", bytes]:
        import httpx2

        body = bytearray()
        try:
            async with self._http.stream(**request, timeout=patience) as response:
                async for part in response.aiter_bytes():
                    wire.take(body, part)
                return response.status_code, response.headers, bytes(body)
        except httpx2.RequestError as error:
            raise wire.unreachable(self._settings, error) from error

    create_notification = _method(Calls.create_notification)
    notify_user = _method(Calls.notify_user)
    resolve = _method(Calls.resolve)
    create_job_failure_notification = _method(Calls.create_job_failure_notification)
    resolve_job_failure_notification = _method(Calls.resolve_job_failure_notification)
    create_dbt_test_failure_notification = _method(Calls.create_dbt_test_failure_notification)
    resolve_dbt_test_failure_notification = _method(Calls.resolve_dbt_test_failure_notification)
    create_late_run_notification = _method(Calls.create_late_run_notification)
    resolve_late_run_notification = _method(Calls.resolve_late_run_notification)
    resolve_notification = _method(Calls.resolve_notification)
    cancel_scheduled = _method(Calls.cancel_scheduled)
    delete_by_source = _method(Calls.delete_by_source)
    get_user_notification_preferences = _method(Calls.get_user_notification_preferences)
    update_user_notification_preferences = _method(Calls.update_user_notification_preferences)
    get_filtered_notifications = _method(Calls.get_filtered_notifications)
    iterate_notifications = _pages(Calls.get_filtered_notifications)
    get_urgent_notifications_for_user = _method(Calls.get_urgent_notifications_for_user)
    get_unread_count = _method(Calls.get_unread_count)
    mark_read = _method(Calls.mark_read)
