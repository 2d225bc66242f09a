"""`tocsin cleanup`: removes what is too old now, beside a gateway that runs or without one."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.common import opened, plain_errors, quiet_logging, utc_now

if TYPE_CHECKING:
    from gateway.storage.database import Database
    from gateway.storage.retention import Sweep

_SAID: Final = {
    "entries": ("inbox entry", "inbox entries"),
    "notifications": ("notification with its history", "notifications with their history"),
    "deliveries": ("mail", "mails"),
    "conversations": ("conversation", "conversations"),
    "idempotency_keys": ("idempotency key", "idempotency keys"),
    "answers": ("model's answer", "models' answers"),
    "follow_ups": ("answered question to a sender", "answered questions to senders"),
    "episodes": ("episode of the figures", "episodes of the figures"),
    "events": ("request that arrived", "requests that arrived"),
    "request_keys": ("request key", "request keys"),
    "runs": ("run of a pipeline", "runs of pipelines"),
    "rejections": ("refused request of a deleted source", "refused requests of deleted sources"),
    "sources": ("deleted source that nothing names any more", "deleted sources that nothing names any more"),
    "audit": ("audit entry", "audit entries"),
    "credentials": ("session or sign-in link", "sessions and sign-in links"),
}


@click.command()
@click.option("--max-age-days", type=click.IntRange(1, 3650), default=90, show_default=True, help="For all who chose no age themselves.")
@click.option(
    "--event-days",
    type=click.IntRange(1, 3650),
    help="For requests that arrived, and run history.  [default: TOCSIN_EVENT_RETENTION_DAYS, or 90]",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="The account as JSON.")
@plain_errors
def cleanup(max_age_days: int, event_days: int | None, dry_run: bool, as_json: bool) -> None:
    """Remove what is read, expired or over, and too old.

    Unread entries and what is still open stay, however old, and so do requests that wait or failed. A running gateway does the same by
    itself each hour, with 90 days.
    """
    quiet_logging()
    with opened(create=False) as (environment, database):
        from gateway.storage.retention import Sweep

        sweep = Sweep(now=utc_now(), max_age_days=max_age_days, event_days=event_days or environment.event_retention_days)
        account = _swept(database, sweep, dry_run=dry_run, quiet=as_json)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "removed": {name: account[name] for name in _SAID}}))
        return
    told = [f"{account[name]:,} {words[account[name] != 1]}" for name, words in _SAID.items() if account[name]]
    if not told:
        click.echo("Nothing is old enough to go.")
    elif dry_run:
        click.echo(f"Would go: {', '.join(told)}. Notifications that only these entries keep would go as well.")
    else:
        click.echo(f"Removed: {', '.join(told)}.")


def _swept(database: "Database", sweep: "Sweep", *, dry_run: bool, quiet: bool) -> Counter[str]:
    """What was removed, or would be."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    account: Counter[str] = Counter()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=None)
        for room, number in _steps(database, sweep, dry_run=dry_run):
            account[room] += number
            progress.update(task, description=f"{'would go' if dry_run else 'removed'}: {room.replace('_', ' ')}", completed=account[room])
    return account


def _steps(database: "Database", sweep: "Sweep", *, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Each batch: what it was of, and how many."""
    while True:
        with database.reading() as transaction:
            picked = sweep.pick(transaction)
        if picked is None:
            return
        if dry_run:
            yield picked.counted_as, len(picked.keys)
        elif picked.keys:
            with database.appending() if picked.is_in_journal else database.writing() as transaction:
                removed = sweep.remove(transaction, picked)
            yield picked.counted_as, 0 if picked.is_mark else removed
