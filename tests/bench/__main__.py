"""`make bench`, or `python -m tests.bench [PART …]`: loopback only, bounded; results also in bench-results.json."""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import configuration, machine, report, wrk
from tests.bench.bench import Bench
from tests.bench.deck import Dealer
from tests.bench.engines import engines
from tests.bench.figures import Figure
from tests.bench.knobs import LIMIT, Knobs
from tests.bench.parts import PARTS


def main() -> None:
    """Measures, prints, saves. What failed is told, and leaves the other parts their results."""
    wanted = _arguments()
    if not wrk.installed():
        sys.exit("make bench needs wrk (Debian: apt-get install wrk)")
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT)
    began, failed = time.monotonic(), False
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as name:
        directory, knobs = Path(name), Knobs()
        about = machine.about(directory)
        scheme = configuration.believed(directory)
        with engines(directory, wanted.engine) as found:
            bench = Bench(directory, found, scheme, knobs, Dealer(directory, scheme, knobs.story, datetime.now(UTC)), wanted.profile)
            for part in wanted.parts or PARTS:
                sys.stderr.write(f"{time.monotonic() - began:4.0f} s  {part}\n")
                try:
                    figures += PARTS[part](bench)
                except (Exception, TooLong) as error:
                    failed = True
                    sys.stderr.write(f"{part} failed: {type(error).__name__}: {error}\n")
                    if isinstance(error, TooLong):
                        break
        about |= {"scheme": scheme, "profiled": wanted.profile, "knobs": asdict(knobs), "seconds": round(time.monotonic() - began)}
    report.save(configuration.ROOT / "bench-results.json", figures, about)
    sys.stdout.write(report.table(figures) + "\n")
    sys.stdout.write("\n" + ", ".join(f"{name}: {value}" for name, value in about.items() if name != "knobs") + "\n")
    sys.exit(failed)


class TooLong(BaseException):
    """The whole run took longer than it may."""


def _too_long(*_: object) -> None:
    raise TooLong(f"the whole run took longer than {LIMIT} s (BENCH_LIMIT)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="default: both")
    parser.add_argument("--profile", action="store_true", help="record the door with py-spy, if it is on PATH")
    wanted = parser.parse_args()
    if unknown := set(wanted.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return wanted


if __name__ == "__main__":
    main()
