"""The supervisor with jobs that do next to nothing, in a process of its own, as `serve` runs it."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
PROGRAM = """
import os, select, signal, sys, time
from pathlib import Path
from gateway import supervisor
from gateway.supervisor import Job, supervise

HOME = Path(sys.argv[1])
supervisor._AGAIN_AFTER = (0.05, 0.05, 0.05)
supervisor.STOP_WITHIN = 1.0

def note(name):
    with (HOME / name).open("a") as file:
        file.write(f"{os.getpid()} {time.monotonic()}\\n")

def waits(lifeline):
    note("waits")
    select.select([lifeline], [], [])
    note("alone")
    os._exit(70)

def dies(lifeline):
    note("dies")

def fails(lifeline):
    note("fails")
    raise RuntimeError("as it was meant to")

def deaf(lifeline):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("deaf")
    time.sleep(600)

def stops(lifeline):
    signal.signal(signal.SIGTERM, lambda *_: (note("stopped"), sys.exit(0)))
    waits(lifeline)
"""


class Supervisor:
    """A process that supervises, and what its jobs wrote down."""

    def __init__(self, home: Path, then: str) -> None:
        self.home = home
        program = PROGRAM + textwrap.dedent(then) + "\nnote('over')\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(home)], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def pids(self, name: str) -> list[int]:
        """Who wrote this down, in order."""
        path = self.home / name
        return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []

    def moments(self, name: str) -> list[float]:
        """When."""
        return [float(line.split()[1]) for line in (self.home / name).read_text().splitlines()]

    def children(self) -> dict[int, str]:
        """The processes whose parent is the supervisor, with their states."""
        return {pid: state for pid, parent, state in processes() if parent == self.process.pid}


def processes() -> list[tuple[int, int, str]]:
    """(pid, parent, state) of everything that runs here."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = path.read_text().rpartition(")")
        except OSError:  # it ended while we looked
            continue
        state, parent = rest.split()[:2]
        found.append((int(path.parent.name), int(parent), state))
    return found


def is_alive(pid: int) -> bool:
    return any(one == pid and state != "Z" for one, _, state in processes())


def eventually(look: Callable[[], T], within: float = 20) -> T:
    """The first true answer of `look`."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
    return found


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[str], Supervisor]]:
    started: list[Supervisor] = []

    def start(then: str) -> Supervisor:
        started.append(Supervisor(tmp_path, then))
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


@pytest.mark.req("R93")
def test_who_dies_is_started_again_and_the_others_are_left_alone(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("supervise([Job('waits', waits), Job('dies', dies), Job('fails', fails)])")
    eventually(lambda: len(running.pids("dies")) >= 4 and len(running.pids("fails")) >= 4)
    assert len(set(running.pids("dies"))) >= 4, "each time another process"
    (waits,) = running.pids("waits")
    os.kill(waits, signal.SIGKILL)
    again = eventually(lambda: running.pids("waits")[1:])
    assert is_alive(again[0])
    assert not [pid for pid in running.pids("dies")[:-1] if is_alive(pid)]
    assert list(running.children().values()).count("Z") <= 2, "at most who died just now"
    running.process.terminate()
    _, said = running.process.communicate(timeout=20)
    assert "the waits process was ended by signal 9 and is started again in 0.05 s" in said
    assert "the dies process ended with status 0" in said
    assert "RuntimeError: as it was meant to" in said
    assert "the fails process ended with status 1" in said


def test_who_dies_young_again_and_again_is_started_more_and_more_rarely(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("""
        supervisor._AGAIN_AFTER = (0.0, 0.02, 0.1, 0.4)
        supervise([Job('dies', dies)])
    """)
    eventually(lambda: len(running.pids("dies")) >= 6)
    moments = running.moments("dies")
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert all(pause >= least for pause, least in zip(pauses, (0.02, 0.1, 0.4, 0.4, 0.4), strict=False)), pauses


def test_who_grew_old_is_started_again_at_once(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("""
        supervisor._AGAIN_AFTER = (0.0, 600.0)
        supervisor._GROWN_UP = 0.0
        supervise([Job('dies', dies)])
    """)
    eventually(lambda: len(running.pids("dies")) >= 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_ends_all_of_them_and_leaves_nobody(supervise: Callable[[str], Supervisor], number: signal.Signals) -> None:
    running = supervise("supervise([Job('one', stops), Job('two', stops), Job('dies', dies)])")
    eventually(lambda: len(running.pids("waits")) == 2 and running.pids("dies"))
    children = list(running.children())
    running.process.send_signal(number)
    assert running.process.wait(20) == 0
    assert sorted(running.pids("stopped")) == sorted(running.pids("waits"))
    assert running.pids("over") == [running.process.pid], "supervise() returned"
    assert not [pid for pid in children if is_alive(pid)]


def test_ctrl_c_reaches_all_and_only_the_supervisor_says_when_to_stop(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("supervise([Job('one', stops), Job('two', stops)])")
    eventually(lambda: len(running.pids("waits")) == 2)
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(20) == 0
    assert len(running.pids("stopped")) == 2


def test_who_does_not_stop_in_time_is_killed(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("supervise([Job('deaf', deaf), Job('one', stops)])")
    (deaf,) = eventually(lambda: running.pids("deaf"))
    eventually(lambda: running.pids("waits"))
    running.process.terminate()
    assert running.process.wait(20) == 0
    assert len(running.pids("stopped")) == 1
    assert not is_alive(deaf)


@pytest.mark.req("R93")
def test_when_the_supervisor_is_killed_the_others_end_by_themselves(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("supervise([Job('one', waits), Job('two', waits), Job('three', waits)])")
    children = eventually(lambda: len(running.pids("waits")) == 3 and running.pids("waits"))
    running.process.kill()
    running.process.wait(20)
    eventually(lambda: not [pid for pid in children if is_alive(pid)])
    assert sorted(running.pids("alone")) == sorted(children)
    assert running.pids("over") == []


def test_what_only_the_supervisor_may_hold_is_let_go_of_first(supervise: Callable[[str], Supervisor]) -> None:
    running = supervise("supervise([Job('waits', waits)], on_child=lambda: note('let-go'))")
    (waits,) = eventually(lambda: running.pids("waits"))
    assert running.pids("let-go") == [waits]
    assert running.moments("let-go") < running.moments("waits")
    running.process.terminate()
    assert running.process.wait(20) == 0
