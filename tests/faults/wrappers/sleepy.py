"""`tocsin` with leases of FAULT_LEASE seconds, in which the first worker to reach the place that FAULT_ASLEEP_AT names stops there.

It leaves its process id in the file `asleep`, and what its late write came to in the file `awake`.
"""

import functools
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any


def main() -> None:
    from gateway.workers import lease

    lease.LEASE = timedelta(seconds=float(os.environ["FAULT_LEASE"]))  # type: ignore[misc]  # before anybody imports it
    match os.environ["FAULT_ASLEEP_AT"]:
        case "mapped":
            from gateway.engine import process

            process.map_events = _then_asleep(process.map_events)
            process.commit = _telling(process.commit)
        case "recording":
            from gateway.storage import processing

            processing.finish = _then_asleep(processing.finish)
        case "sent":
            from gateway.channels.email.smtp import Smtp
            from gateway.storage import deliveries

            Smtp.send = _then_asleep_async(Smtp.send)  # type: ignore[method-assign]
            deliveries.record = _telling(deliveries.record)
    from gateway.cli import main as tocsin

    tocsin()


def _then_asleep(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = verb(*args, **kwargs)
        _fall_asleep()
        return answer

    return wrapped


def _then_asleep_async(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = await verb(*args, **kwargs)
        _fall_asleep()
        return answer

    return wrapped


def _fall_asleep() -> None:
    try:
        with Path("asleep").open("x", encoding="utf-8") as file:  # the first is the only one
            file.write(str(os.getpid()))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGSTOP)


def _telling(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = verb(*args, **kwargs)
        if Path("asleep").exists() and Path("asleep").read_text(encoding="utf-8") == str(os.getpid()) and not Path("awake").exists():
            Path("awake").write_text(str(len(answer) if isinstance(answer, set) else int(answer)), encoding="utf-8")
        return answer

    return wrapped


if __name__ == "__main__":
    main()
