# ruff: noqa: E501
"""Reads a log of 100 MB and prints time and memory: `python -m tests.summarizer.big_log`."""

import io
import resource
import sys
import time
from typing import Final

from summarizer import Failure, Redactor, prepare

_SIZE: Final = 100_000_000
_BLOCK: Final = "".join(
    f"2026-03-02 02:00:{second:02}.104 | INFO    | Task run 'load-{second}' - processed batch {second * 37} of analytics.orders in {second % 7} ms\n"
    for second in range(60)
).encode()
_STORM: Final = b"2026-03-02 02:01:00.104 | ERROR   | Task run 'load-1' - connection to 10.0.0.7 refused, attempt 12 failed\n"
_END: Final = b'Traceback (most recent call last):\n  File "/opt/app/load.py", line 31, in load\n    connect()\nConnectionRefusedError: [Errno 111] Connection refused\n'


class BigLog(io.RawIOBase):
    """Made as it is read."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        if size == 0 or self.given >= _SIZE:
            return b""
        self.given += len(_BLOCK) + len(_STORM) * 5
        return _BLOCK + _STORM * 5 + (_END if self.given >= _SIZE else b"")


def main() -> int:
    """Prints both, and what came of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    prepared = prepare(Failure("load failed", log=BigLog()), Redactor())
    took = time.process_time() - began
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{_SIZE / 1e6:.0f} MB, {prepared.excerpt.total:,} lines: {took:.1f} s of CPU, {more / 1024:.1f} MB more memory, excerpt of {len(prepared.excerpt.text):,} characters"
    )
    print(f"{prepared.by_rules.headline} (line {prepared.by_rules.evidence[0].line:,})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
