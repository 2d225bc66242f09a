"""What changed, told from one process of a machine to another through a pipe: a line each, never waited for."""

import os
import threading
from collections.abc import Callable
from typing import Final

from gateway.storage.changes import EVERYTHING, NOTHING, Changes

_AT_ONCE: Final = 65_536


class Speaker:
    """Writes lines; what finds the pipe full is told later, as everything. Its methods may be called from any thread."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` does not block."""
        self._descriptor = descriptor
        self._owed = NOTHING
        self._lock = threading.Lock()

    def tell(self, changes: Changes) -> None:
        """This is other than before."""
        with self._lock:
            together = self._owed | changes
            try:
                os.write(self._descriptor, f"{together.written()}\n".encode())  # whole or not at all: shorter than PIPE_BUF
                self._owed = NOTHING
            except BlockingIOError:
                self._owed = EVERYTHING


class Hearer:
    """Reads them."""

    def __init__(self, descriptor: int, on_changes: Callable[[Changes], None]) -> None:
        self._descriptor, self._on_changes = descriptor, on_changes
        self._rest = b""

    def read(self) -> None:
        """Takes what is there; called when there is something."""
        try:
            read = os.read(self._descriptor, _AT_ONCE)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            self._on_changes(Changes.read(line.decode()))
