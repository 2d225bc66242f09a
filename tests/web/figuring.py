"""A month of failures, entries and mails, made of numbers, for pages and tests that look at figures."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert

from gateway.storage import tables
from mappers.contract import Category
from tests.web.house import House

PIPELINES = (
    "nightly-orders",
    "billing",
    "stock",
    "<script>alert(1)</script>",
    "a-pipeline-with-a-name-that-is-longer-than-a-column",
)


def fill(connection: Connection, house: House, days: int = 40) -> None:
    """Some failures each day: most are acknowledged and recover, some are closed by hand or by silence; mails and entries to match."""
    now, rows = house.clock(), list[dict[str, Any]]()
    for n in range(days * 7):
        opened = now - timedelta(hours=3.4 * n + 1)
        took = timedelta(minutes=7 + n * 37 % 400)
        how = "hand" if n % 11 == 0 else "silence" if n % 17 == 0 else "sender"
        over = n > 3
        rows.append({
            "notification_id": 1000 + n, "team_id": house.teams["acme"], "source_id": house.source_id if n % 6 else None,
            "category": list(Category)[n % 4 % len(Category)].value, "environment": "prod" if n % 3 else "staging",
            "pipeline": PIPELINES[n * n % 5] if n % 9 else None, "opened_at": opened, "resolved_at": opened + took if over else None,
            "ended_by": how if over else None, "acknowledged_at": opened + took / 3 if n % 2 else None, "happenings": 1 + n % 4,
            "alerts": 2 + n % 3, "flapped": n % 23 == 0,
        })  # fmt: skip
    connection.execute(insert(tables.episodes), rows)
    threads = [
        {name: row[name] for name in ("team_id", "source_id", "category", "environment", "pipeline")}
        | {"id": row["notification_id"], "identity": f"f{row['notification_id']}", "title": "It failed", "status": "resolved"}
        for row in rows
    ]
    connection.execute(insert(tables.notifications), threads)
    people = [house.users["ana"], house.users["ben"]]
    connection.execute(
        insert(tables.inbox_entries),
        [
            {
                "user_id": user_id, "notification_id": row["notification_id"], "team_id": row["team_id"], "category": row["category"],
                "episode": 1, "reason": "first", "listed": True, "first_at": row["opened_at"], "last_at": row["opened_at"],
                "read_at": row["opened_at"] + timedelta(hours=n % 30) if n % 4 else None,
                "archived_at": row["opened_at"] if n % 16 == 0 else None, "muted_episode": 1 if n % 19 == 0 else None,
            }
            for user_id in people
            for n, row in enumerate(rows)
        ],
    )  # fmt: skip
    conversation = {"id": 900, "identity": "figures", "team_id": house.teams["acme"], "subject": "s", "opened_at": now, "closed_at": now}
    connection.execute(insert(tables.conversations), [conversation])
    outcomes = ("sent",) * 7 + ("cancelled", "failed", "kept")
    connection.execute(
        insert(tables.deliveries),
        [
            {
                "id": 9000 + n, "user_id": people[n % 2], "team_id": row["team_id"], "conversation_id": 900, "channel": "email",
                "kind": ("failing", "resolved", "reminder")[n % 3], "news": str(n), "status": outcomes[n % 10], "attempts": 1,
                "due_at": row["opened_at"], "created_at": row["opened_at"], "finished_at": row["opened_at"],
            }
            for n, row in enumerate(rows)
        ],
    )  # fmt: skip
    items = [
        {"delivery_id": 9000 + n, "notification_id": row["notification_id"], "episode": 1, "reason": "first", "user_id": people[n % 2]}
        for n, row in enumerate(rows)
    ]
    connection.execute(insert(tables.delivery_items), items)
