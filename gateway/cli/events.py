"""`tocsin events`: what arrived, what was refused, and mapping it again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gateway.cli.common import opened, plain_errors, utc_now

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.storage.database import Transaction
    from gateway.storage.events import Filter

STATUSES: Final = ("waiting", "mapped", "ignored", "unmapped", "quarantined")
_NARROWEST: Final = 72
C = TypeVar("C", bound=Callable[..., Any])


def moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time in UTC: RFC 3339 (UTC where no zone is named), or a span as in `2h`: that long ago."""
    from mappers.contract.source import parse_span

    if text is None:
        return None
    span = parse_span(text)
    try:
        found = utc_now() - timedelta(seconds=span) if isinstance(span, int) else datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no time: write 2026-03-02T09:00, or 2h for two hours ago") from None


def filtering(*statuses: str) -> Callable[[C], C]:
    """The options that say which events."""
    options = (
        click.option("--status", type=click.Choice(statuses), help="Only those whose processing ended like this."),
        click.option("--source", help="Only those of the source with this slug."),
        click.option("--team", help="Only those of this team."),
        click.option(
            "--since",
            callback=moment,
            metavar="TIME",
            help="Received at this time or later: 2026-03-02T09:00 (UTC), or 2h for two hours ago.",
        ),
        click.option("--until", callback=moment, metavar="TIME", help="Received before this time."),
        click.option("--conflicting", is_flag=True, help="Only those whose request key was known with other bytes."),
    )

    def add(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def team_ids(transaction: "Transaction", team: str | None) -> list[int]:
    """All teams, or the named one; an error that names those there are."""
    from gateway.storage import people

    found = people.team_ids(transaction)
    if team is not None and team not in found:
        raise click.ClickException(f"there is no team {team!r}; there are: {', '.join(sorted(found)) or 'none yet'}")
    return list(found.values()) if team is None else [found[team]]


def wanted_of(transaction: "Transaction", teams: list[int], ids: tuple[int, ...] = (), **given: Any) -> "Filter":
    """The filter these options make; an error that names the sources there are where one is asked for that is not."""
    from gateway.storage import sources
    from gateway.storage.events import Filter

    slugs = sources.slugs(transaction, team_ids=teams)
    if given.get("source") is not None and given["source"] not in slugs:
        raise click.ClickException(f"there is no source {given['source']!r}; there are: {', '.join(sorted(slugs)) or 'none yet'}")
    return Filter(ids=ids, **given)


def iso(moment: datetime) -> str:
    """`2026-03-02T09:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON for programs; times as RFC 3339 in UTC."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)


@click.group()
def events() -> None:
    """List, show and replay what arrived; see what was refused."""


@events.command("list")
@filtering(*STATUSES)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line.")
@plain_errors
def list_events(limit: int, json_lines: bool, team: str | None, **given: Any) -> None:
    """The newest events first."""
    from gateway.storage import events as stored

    with opened(create=False) as (_, database), database.reading() as transaction:
        teams = team_ids(transaction, team)
        wanted = wanted_of(transaction, teams, **given)
        found = stored.page(transaction, team_ids=teams, wanted=wanted, before=None, limit=limit + 1)
    if json_lines:
        for row in found[:limit]:
            click.echo(as_json(row))
        return
    if not found:
        click.echo(
            "No event matches. `tocsin events list` without options shows the newest of all."
            if wanted != stored.EVERYTHING or team
            else "Nothing has arrived yet. Play captured requests: tocsin demo. Refused requests: tocsin events rejections."
        )
        return
    _print(found[:limit])
    if len(found) > limit:
        click.echo(f"There are more; these are the newest {limit} (--limit).", err=True)


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from mappers.contract.text import one_line

    table = Table("id", "received", "source", "status", "reason", box=None)
    for row in found:
        reason = one_line(row["reason"] or ("known key, other bytes" if row["conflicting"] else ""), 300)
        table.add_row(str(row["id"]), iso(row["received_at"]), Text(f"{row['team']}/{row['source']}"), row["status"], Text(reason))
    Console(width=max(Console().width, _NARROWEST)).print(table)  # the terminal breaks lines better than a column of letters


@events.command()
@click.argument("event_id", type=click.IntRange(0, 2**63 - 1))
@click.option("--json", "whole_json", is_flag=True, help="Everything as one JSON object.")
@click.option("--raw", is_flag=True, help="The body alone, byte for byte as it arrived; with --json everything, and nothing taken out.")
@plain_errors
def show(event_id: int, whole_json: bool, raw: bool) -> None:
    """One event whole, without what looks like a secret. Credentials of senders were never stored."""
    from gateway.storage import events as stored
    from mappers.contract.text import clean, one_line

    with opened(create=False) as (environment, database), database.reading() as transaction:
        row = stored.show(transaction, team_ids=team_ids(transaction, None), event_id=event_id)
    if row is None:
        raise click.ClickException(f"there is no event {event_id}; `tocsin events list` shows those there are")
    if raw and not whole_json:
        click.echo(bytes(row["body"]), nl=False)
        return
    if raw:
        click.echo(as_json(row, indent=2))
        return
    row = _without_secrets(row, environment)
    if whole_json:
        click.echo(as_json(row, indent=2))
        return
    request = f"{row['method']} {row['path'] or '/'}{'?' if row['query'] else ''}{row['query']}"
    processed = iso(row["processed_at"]) if row["processed_at"] else "not yet"
    click.echo(f"Event {event_id} of {row['team']}/{row['source']} ({row['kind']}): {row['status']}")
    if row["reason"]:
        click.echo(f"  {one_line(row['reason'], 2000)}")
    click.echo(f"  received {iso(row['received_at'])}, processed {processed}, attempts: {row['attempts']}")
    if row["request_key"]:
        click.echo(f"  request key {one_line(row['request_key'], 300)}{' (known with other bytes)' if row['conflicting'] else ''}")
    for asked in row["follow_ups"]:
        why = f": {one_line(asked['reason'], 300)}" if asked["reason"] and asked["status"] != "done" else ""
        click.echo(f"  asked for {asked['operation']} {iso(asked['asked_at'])}, attempts: {asked['attempts']}: {asked['status']}{why}")
    click.echo(f"\n{one_line(request, 2000)}")
    for name, value in row["headers"]:
        click.echo(f"{one_line(name, 200)}: {one_line(value, 2000)}")
    click.echo(f"\n{clean(row['body'])}")
    if row["redacted"]:
        click.echo(
            f"\nWhat looks like a secret is taken out; `tocsin events show {event_id} --raw` writes the body as it arrived.", err=True
        )


def _without_secrets(row: dict[str, Any], environment: "Environment") -> dict[str, Any]:
    """The same as a page shows it."""
    from gateway.domain.redacting import pairs, without_secrets
    from gateway.workers.reading import redacting

    redact, body = redacting(environment), bytes(row["body"]).decode("utf-8", "replace")
    given = {**row, "headers": [list(one) for one in row["headers"]], "body": body}
    texts = {name: given[name] and redact(given[name]) for name in ("path", "query", "reason")}
    shown = {**given, **texts, "headers": pairs(given["headers"], redact), "body": without_secrets(body, redact)}
    return {**shown, "redacted": shown != given}


@events.command()
@click.option("--source", help="Only those of the source with this slug.")
@click.option("--team", help="Only those of this team.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line.")
@plain_errors
def rejections(source: str | None, team: str | None, limit: int, json_lines: bool) -> None:
    """The newest refused requests first: why, and what to do. A sample of at most one a second for each source."""
    from gateway.api.refusals import explanation
    from gateway.storage import rejections as stored
    from mappers.contract.text import one_line

    with opened(create=False) as (_, database), database.reading() as transaction:
        teams = team_ids(transaction, team)
        wanted_of(transaction, teams, source=source)
        found = stored.page(transaction, team_ids=teams, source=source, before=None, limit=limit)
    if json_lines:
        for row in found:
            click.echo(as_json({**row, **explanation(row["reason"])._asdict()}))
        return
    if not found:
        click.echo("Nothing was refused. A sender that gets a 404 points at an address where there is no source: see /sources in the page.")
    for row in found:
        title, advice = explanation(row["reason"])
        size = "" if row["body_size"] is None else f", {row['body_size']} bytes"
        click.echo(f"{iso(row['rejected_at'])}  {row['team']}/{row['source']}  {title} ({row['reason']}), from {row['remote']}{size}")
        click.echo(f"  {advice}")
        for name, value in row["headers"]:
            click.echo(f"    {one_line(name, 200)}: {one_line(value, 300)}")


@events.command()
@click.argument("event_ids", type=click.IntRange(1, 2**63 - 1), nargs=-1, metavar="[EVENT_ID]...")
@filtering(*STATUSES[1:])
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json_result", is_flag=True, help="The result as one JSON object, and no progress.")
@plain_errors
def replay(event_ids: tuple[int, ...], team: str | None, yes: bool, json_result: bool, **given: Any) -> None:
    """Map events again, as after a mapper was mended: those named, or all that match. Nobody is alerted twice for the same happening."""
    from gateway.cli.replay import Replay
    from gateway.storage import events as stored

    if not event_ids and not any(given.values()):
        raise click.UsageError("say which: name events, or set --status, --source, --since, --until or --conflicting")
    with opened(create=False) as (_, database):
        with database.reading() as transaction:
            teams = team_ids(transaction, team)
            wanted = wanted_of(transaction, teams, event_ids, **given)
            counts = stored.counts(transaction, team_ids=teams, wanted=wanted).by_status
        matching = sum(counts.values()) - counts["waiting"]
        _say_what_matches(matching, counts["waiting"], event_ids, quiet=json_result)
        if matching and not yes and not (event_ids and not any(given.values())):
            click.confirm(f"Map {matching} event{'s' if matching > 1 else ''} again?", abort=True, err=True)
        one = Replay(database, teams, wanted, matching)
        if matching:
            one.run(quiet=json_result)
    if json_result:
        click.echo(as_json(one.result))
    elif matching:
        click.echo(one.summary)
    if one.not_queued:
        raise SystemExit(1)


def _say_what_matches(matching: int, waiting: int, event_ids: tuple[int, ...], *, quiet: bool) -> None:
    missing = len(set(event_ids)) - matching - waiting
    if event_ids and missing:
        which = "there is no such event" if missing == len(set(event_ids)) else f"{missing} of these events are not there"
        raise click.ClickException(f"{which}, or other options leave it out; `tocsin events list` shows those there are")
    if quiet:
        return
    if waiting:
        click.echo(f"{waiting} of those that match wait to be mapped already and are left alone.", err=True)
    if not matching and not waiting:
        click.echo("No event matches: nothing to do. `tocsin events list` shows what arrived.")
