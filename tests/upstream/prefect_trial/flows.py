"""Flows that end in each way a run can end. Prefect's own Python runs them, never ours."""

import os
import signal
import time

from prefect import flow, get_run_logger, task
from prefect.states import Completed

TESTS = "Failure in test not_null_marts_id (models/marts.yml)\n  Got 3 results, configured to fail if != 0"


@flow
def customers() -> None:
    """Succeeds."""


@flow
def orders(error: str) -> None:
    """Fails with the error that it is given."""
    if error:
        raise ValueError(error)


@flow
def payments() -> None:
    """Is killed, as by a machine without memory."""
    os.kill(os.getpid(), signal.SIGKILL)


@task
def extract() -> None:
    get_run_logger().error('relation "raw.invoices" does not exist')
    raise RuntimeError("the loader ended with exit code 1")


@flow
def invoices() -> None:
    """One of its tasks fails, and only its log says why."""
    extract()


@flow(retries=1, retry_delay_seconds=1)
def ledger() -> None:
    """Fails, is tried again, and fails."""
    raise RuntimeError("the ledger does not balance")


@flow(timeout_seconds=1)
def shipments() -> None:
    """Takes too long."""
    time.sleep(60)


@flow
def returns() -> None:
    """Goes on until it is cancelled."""
    time.sleep(600)


@flow
def marts(broken: bool) -> object:
    """Its dbt tests fail, which it tells by a state of its own."""
    return Completed(name="DBT_TEST_FAILED", message=TESTS) if broken else None


@flow
def stock() -> None:
    """Planned for a pool where nobody works."""


@flow
def parcels() -> None:
    """Starts late, but soon enough."""


@flow
def refunds() -> None:
    """Fails while the gateway is down."""
    raise RuntimeError("the bank is closed")
