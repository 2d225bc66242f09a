"""What the numbers were measured on: absolute ones mean little without it."""

import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any


def about(directory: Path) -> dict[str, Any]:
    """Cores, Python, and what it costs to have 4 KB on disk there: most of what an answer waits for."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "filesystem": _filesystem(directory),
        "fsync_ms": _fsync_ms(directory),
    }


def _fsync_ms(directory: Path) -> dict[str, float]:
    times = []
    with (directory / "fsync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50": round(statistics.median(times), 3), "p99": round(times[197], 3)}


def _filesystem(directory: Path) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    under = [(len(point), kind) for point, kind in mounts if directory.is_relative_to(point)]
    return max(under)[1]
