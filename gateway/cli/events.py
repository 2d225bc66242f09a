"""`tocsin events`: what arrived, and mapping it again."""

import json

import click

from gateway.cli.common import opened, plain_errors, rows, utc_now

STATUSES = ("waiting", "mapped", "ignored", "unmapped", "quarantined")


@click.group()
def events() -> None:
    """List, show and replay what arrived."""


@events.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only events whose processing ended like this.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@plain_errors
def list_events(status: str | None, limit: int, as_json: bool) -> None:
    """The newest events first."""
    from gateway.storage import events as storage
    from gateway.storage import people

    with opened(create=False) as (_, database), database.reading() as transaction:
        team_ids = list(people.team_ids(transaction).values())
        found = storage.page(transaction, team_ids=team_ids, source_id=None, status=status, before=None, limit=limit)
    if as_json:
        click.echo(rows(found))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "received", "source", "status", "reason", box=None)
    for row in found:
        table.add_row(str(row["id"]), f"{row['received_at']:%Y-%m-%d %H:%M:%S}", row["source"], row["status"], escape(row["reason"] or ""))
    Console().print(table if found else "Nothing arrived yet.")


@events.command()
@click.argument("event_id", type=int)
@plain_errors
def show(event_id: int) -> None:
    """One event whole, as JSON. Credentials were never stored."""
    from gateway.storage import events as storage
    from gateway.storage import people

    with opened(create=False) as (_, database), database.reading() as transaction:
        row = storage.show(transaction, team_ids=list(people.team_ids(transaction).values()), event_id=event_id)
    if row is None:
        raise click.ClickException(f"there is no event {event_id}")
    click.echo(json.dumps({**row, "body": bytes(row["body"]).decode("utf-8", "replace")}, default=str, indent=2, ensure_ascii=False))


@events.command()
@click.argument("event_id", type=int)
@plain_errors
def replay(event_id: int) -> None:
    """Map an event again, as after a mapper was mended. Nobody is alerted twice for the same happening."""
    from gateway.storage import people, processing

    with opened(create=False) as (_, database), database.writing() as transaction:
        done = processing.replay(transaction, team_ids=list(people.team_ids(transaction).values()), event_id=event_id, now=utc_now())
    if not done:
        raise click.ClickException(f"there is no event {event_id}, or it is being processed right now")
    click.echo(f"Event {event_id} is queued; a running `tocsin serve` takes it up within a second.")
