"""A scheduled script: `python plain_script.py PATH LIMIT` from cron says when a disk is fuller than LIMIT percent, and when no more."""

import shutil
import socket
import sys

from gateway.client import Tocsin


def main(path: str, limit: float) -> None:
    usage = shutil.disk_usage(path)
    percent = 100 * usage.used / usage.total
    disk = {"host": socket.gethostname(), "path": path}
    with Tocsin(timeout=60) as tocsin:  # nobody waits for a script: it may try for longer
        if percent > limit:
            tocsin.create_notification(
                f"Disk of {disk['host']} is nearly full", f"{path} is {percent:.0f} % full.", "error",
                slug="disk-full", event_data=disk, category="incident",
            )  # fmt: skip
        else:
            tocsin.resolve("There is room again", slug="disk-full", event_data=disk)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
