"""`Tocsin`: every call, waiting for its answer."""

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from tenacity import Retrying

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


def _method(build: Callable[Concatenate[Calls, P], Call[T]]) -> Callable[Concatenate["Tocsin", P], T]:
    @like(build)
    def method(self: "Tocsin", /, *args: P.args, **given: P.kwargs) -> T:
        return self.run(build(self.calls, *args, **given))

    return method


def _pages(build: Callable[Concatenate[Calls, P], Call[Page]]) -> Callable[Concatenate["Tocsin", P], Iterator[Notification]]:
    @like(build, lambda _: Iterator[Notification])
    def method(self: "Tocsin", /, *args: P.args, **given: P.kwargs) -> Iterator[Notification]:
        page = self.run(build(self.calls, *args, **given))
        yield from page.items
        while page.next is not None:
            given["cursor"] = page.next
            page = self.run(build(self.calls, *args, **given))
            yield from page.items

    return method


class Tocsin:
    """A gateway and whoever has the token; without arguments from TOCSIN_URL, TOCSIN_TOKEN and TOCSIN_TEAM.

    `timeout` is the seconds a call may take in all, with its repetitions. May be shared by threads. Raises `TocsinError`.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        team: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        *,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        import httpx2

        self._settings = read_settings(url, token, team, timeout)
        self.calls = Calls(self._settings.team)
        self._http = httpx2.Client(headers=wire.standing_headers(self._settings), transport=transport, follow_redirects=False)

    def __repr__(self) -> str:
        return f"Tocsin({self._settings.url!r}, team={self._settings.team!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up."""
        self._http.close()

    def run(self, call: Call[T]) -> T:
        """Sends one call, again while that may help, and reads its answer."""
        begun, budget, request = monotonic(), self._settings.timeout, wire.request(self._settings, call)

        def once() -> T:
            status, headers, body = self._exchange(request, retry.patience(budget, monotonic() - begun), begun + budget)
            return answer.read(call, status, headers, body, datetime.now(UTC))

        # what may block for longer than any timeout of a socket (a name server, headers that drip) is left behind in its thread
        return _within(budget, lambda: Retrying(**retry.policy(budget))(once), lambda: wire.overdue(self._settings))

    def _exchange(self, request: wire.Sent, patience: float, deadline: float) -> tuple[int, "httpx2.Headers", bytes]:
        import httpx2

        body = bytearray()
        try:
            with self._http.stream(**request, timeout=patience) as response:
                for part in response.iter_bytes():
                    wire.take(body, part)
                    if monotonic() > deadline:
                        raise wire.overdue(self._settings)
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


def _within(seconds: float, work: Callable[[], T], overdue: Callable[[], Exception]) -> T:
    """What `work` gives, in `seconds` at most."""
    given: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            given.set_result(context.run(work))
        except BaseException as error:
            given.set_exception(error)

    try:
        Thread(target=run, name="tocsin-client", daemon=True).start()
    except RuntimeError:  # no thread begins any more while the interpreter ends
        return work()
    try:
        return given.result(seconds)
    except TimeoutError:
        raise overdue() from None
