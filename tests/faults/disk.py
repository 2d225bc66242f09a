"""A file system of a few megabytes that can be filled."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = 8 * 1024 * 1024


@dataclass(frozen=True)
class SmallDisk:
    """Mounted at `path`."""

    path: Path

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Writes until not a byte more fits."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while file.write(os.urandom(size)) == size:
                        pass

    def clear(self) -> None:
        """There is room again."""
        self._ballast.unlink()


@contextlib.contextmanager
def mounted(path: Path) -> Iterator[SmallDisk]:
    """Skips the test where nothing may be mounted."""
    path.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", path], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no right to mount a file system")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True)
