"""`python deploy.py POOL IDLE`, in Prefect's own Python: both pools, and a deployment of each flow. `stock` has the idle one."""

import sys
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

FLOWS = ("customers", "orders", "payments", "invoices", "ledger", "shipments", "returns", "marts", "parcels", "refunds")


def main() -> None:
    pool, idle = sys.argv[1:]
    with get_client(sync_client=True) as client:
        for name in (pool, idle):
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    for name in FLOWS:
        deploy(name, pool)
    deploy("stock", idle)


def deploy(name: str, pool: str) -> None:
    found = flow.from_source(source=str(Path(__file__).parent), entrypoint=f"flows.py:{name}")
    found.deploy("nightly", work_pool_name=pool, build=False, push=False, print_next_steps=False, ignore_warnings=True)


if __name__ == "__main__":
    main()
