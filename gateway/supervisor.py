"""One process that does nothing but keep others alive: what takes webhooks in does not die of what is made of them.

The supervisor forks the others while it has no threads, starts again whoever dies, and holds the listening socket
meanwhile, so that a sender finds a queue and not a closed door. Each child ends at once when the supervisor is gone.
"""

import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

STOP_WITHIN: Final = 9.0
"""Seconds that the others are given to end; then they are killed. What was accepted is safe."""
_AGAIN_AFTER: Final = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Seconds until a process that died is started again: longer each time it dies young."""
_GROWN_UP: Final = 60.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_log = logging.getLogger("tocsin.supervisor")


@dataclass
class Job:
    """A process to keep alive."""

    name: str
    run: Callable[[int], None]
    """What it does until it gets SIGTERM. Its argument is a descriptor that is at its end once the supervisor is gone."""
    pid: int = 0
    started: float = 0.0
    died_young: int = 0
    due: float = 0.0
    """When to start it (again)."""


def supervise(
    jobs: Sequence[Job],
    *,
    on_child: Callable[[], None] | None = None,
    on_end: Callable[[int], None] = lambda _: None,
    on_stop: Callable[[], None] = lambda: None,
    stop_within: float = STOP_WITHIN,
) -> None:
    """Keeps these jobs alive until SIGTERM or SIGINT, then ends them; returns once all have ended, `stop_within` seconds at most.

    `on_child` is called in each of them first, to let go of what only the supervisor may hold; in the supervisor `on_end`, with
    the number of a process that died, and `on_stop` before the others are told to end.
    """
    lifeline, held = os.pipe()
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    for number in _SIGNALS:
        signal.signal(number, _nothing)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    gc.freeze()  # what is there now is shared by all of them; collecting it would copy it
    stopping = False
    while not stopping:
        now = time.monotonic()
        for job in jobs:
            if not job.pid and now >= job.due:
                _start(job, lifeline, closes=(held, told, tell), on_child=on_child)
        stopping = _wait(told, min((job.due - now for job in jobs if not job.pid), default=60.0))
        _bury(jobs, on_end)
    on_stop()
    _end(jobs, told, stop_within)


def _nothing(*_: object) -> None:
    """The wake-up descriptor tells of the signal."""


def _start(job: Job, lifeline: int, *, closes: Sequence[int], on_child: Callable[[], None] | None) -> None:
    job.started = time.monotonic()
    try:
        job.pid = os.fork()
    except OSError as error:  # no room for one more process now; those that live go on
        job.due = time.monotonic() + _AGAIN_AFTER[2]
        _log.error("the %s process could not be started: %s", job.name, error)
        return
    if job.pid:
        return
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for descriptor in closes:
            os.close(descriptor)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the supervisor says when to stop
        if on_child is not None:
            on_child()
        job.run(lifeline)
        status = 0
    except BaseException:
        _log.exception("the %s process failed", job.name)
    finally:
        logging.shutdown()
        os._exit(status)  # nothing of the supervisor's is to be cleaned up here


def _wait(told: int, seconds: float) -> bool:
    """Until a signal comes, at most so long. Whether it was one to stop."""
    readable, _, _ = select.select([told], [], [], max(seconds, 0.0))
    return bool(readable) and any(number != signal.SIGCHLD for number in os.read(told, 512))


def _bury(jobs: Sequence[Job], on_end: Callable[[int], None]) -> None:
    """Notes who died, and when to start it again."""
    for job in jobs:
        if not job.pid or not (ended := os.waitpid(job.pid, os.WNOHANG))[0]:
            continue
        on_end(job.pid)
        code, lived = os.waitstatus_to_exitcode(ended[1]), time.monotonic() - job.started
        job.pid, job.died_young = 0, job.died_young + 1 if lived < _GROWN_UP else 0
        pause = _AGAIN_AFTER[min(job.died_young, len(_AGAIN_AFTER) - 1)]
        job.due = time.monotonic() + pause
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        _log.error("the %s process %s and is started again in %s s", job.name, how, pause)


def _end(jobs: Sequence[Job], told: int, stop_within: float) -> None:
    _signal(jobs, signal.SIGTERM)
    deadline = time.monotonic() + stop_within
    while any(job.pid for job in jobs) and time.monotonic() < deadline:
        _wait(told, 0.2)
        for job in jobs:
            if job.pid and os.waitpid(job.pid, os.WNOHANG)[0]:
                job.pid = 0
    _signal(jobs, signal.SIGKILL)
    for job in jobs:
        if job.pid:
            os.waitpid(job.pid, 0)


def _signal(jobs: Sequence[Job], number: signal.Signals) -> None:
    for job in jobs:
        if job.pid:
            os.kill(job.pid, number)
