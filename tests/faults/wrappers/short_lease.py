"""`tocsin` with leases of as many seconds as FAULT_LEASE says."""

import os
from datetime import timedelta


def main() -> None:
    from gateway.workers import lease

    lease.LEASE = timedelta(seconds=float(os.environ["FAULT_LEASE"]))  # type: ignore[misc]  # before anybody imports it
    from gateway.cli import main as tocsin

    tocsin()


if __name__ == "__main__":
    main()
