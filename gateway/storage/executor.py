"""Threads that take urgent work first: a request that waits for its commit does not queue behind the workers."""

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class UrgentFirstExecutor:
    """Like a thread pool whose queue has two lanes; within a lane, first come, first served."""

    def __init__(self, threads: int, name: str) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, Callable[[], None] | None]] = queue.PriorityQueue()
        self._serial = itertools.count()
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], T], *, urgent: bool) -> "Future[T]":
        """Queues `work`; its result or exception is the future's."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._queue.put((0 if urgent else 1, next(self._serial), run))
        return future

    def shutdown(self) -> None:
        """Ends the threads once everything queued is done."""
        for _ in self._threads:
            self._queue.put((2, next(self._serial), None))
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        work: Any
        while True:
            _, _, work = self._queue.get()
            if work is None:
                return
            work()
