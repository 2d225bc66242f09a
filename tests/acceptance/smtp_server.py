"""A real SMTP server in a process of its own: every mail it takes becomes a file in the directory given."""

import signal
import sys
import threading
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class Keep:
    """Writes each mail down before it answers."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.count = directory, 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.count += 1
        partial = self.directory / f"{self.count:04}.partial"
        partial.write_bytes(f"X-To: {','.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content)
        partial.rename(partial.with_suffix(".eml"))
        return "250 kept"


def main() -> None:
    directory, port, *address = sys.argv[1:]
    controller = Controller(Keep(Path(directory)), hostname="".join(address) or "127.0.0.1", port=int(port))
    controller.start()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    print("ready", flush=True)
    stopped.wait()
    controller.stop()


if __name__ == "__main__":
    main()
