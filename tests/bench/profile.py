"""Where the time goes: py-spy beside a load, where it is on PATH. What is measured meanwhile is slower for it."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench.configuration import ROOT

PER_SECOND: Final = 200


def result(name: str) -> Path:
    """The file to open with https://www.speedscope.app."""
    return ROOT / f"bench-profile-{name}.speedscope.json"


@contextlib.contextmanager
def recording(pid: int, name: str, seconds: int) -> Iterator[None]:
    """Samples the process and its children until the block ends, at most a minute longer than `seconds`."""
    if shutil.which("py-spy") is None:
        sys.stderr.write("--profile needs py-spy on PATH; nothing is profiled\n")
        yield
        return
    file = result(name)
    command = ["py-spy", "record", "--subprocesses", "--rate", str(PER_SECOND), "--duration", str(seconds + 60), "--format", "speedscope"]
    spy = subprocess.Popen([*command, "--output", file, "--pid", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)  # it writes what it has
        try:
            _, said = spy.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            spy.kill()
            _, said = spy.communicate()
    sys.stderr.write(f"profile of {name}: {file.name}\n" if file.exists() else f"py-spy wrote nothing: {said}\n")
