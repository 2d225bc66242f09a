"""`tocsin notify`: tells something from a shell, a crontab or a script."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from gateway.cli.common import utc_now

# spelled here, for the client's words come with the client, and a command that does not use it starts without it
CATEGORIES: Final = ("incident", "schema_change", "job_failure", "late_run", "dbt_test_failure", "system")
LEVELS: Final = ("info", "success", "warning", "error", "danger")
STATES: Final = ("firing", "resolved", "note")
DEDUPLICATE: Final = ("thread", "skip-unread", "once", "never")
REFUSED: Final = 1
NOT_NOW: Final = 75
"""EX_TEMPFAIL: what runs this may try again later. https://man.openbsd.org/sysexits.3"""


def later(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time in UTC: RFC 3339 (UTC where no zone is named), or a span as in `2h`: that long from now."""
    from mappers.contract.source import parse_span

    if text is None:
        return None
    span = parse_span(text)
    try:
        found = utc_now() + timedelta(seconds=span) if isinstance(span, int) else datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no time: write 2026-03-02T09:00, or 2h for in two hours") from None


def named(_: click.Context, __: click.Parameter, given: Iterable[str]) -> dict[str, str] | None:
    """`NAME=VALUE` pairs; None where there are none."""
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair!r} is no pair: write NAME=VALUE")
        found[name] = value
    return found or None


def options(command: Any) -> Any:
    """Every field of a notification."""
    for option in reversed((
        click.option("-m", "--message", default="", help="More than the title; `-` reads standard input."),
        click.option("-l", "--level", type=click.Choice(LEVELS), default="info", show_default=True),
        click.option("--team", help="Slug of the team; needed where you have several. Default: TOCSIN_TEAM."),
        click.option("--category", type=click.Choice(CATEGORIES), help="Default: system."),
        click.option("--slug", help="Kind of the happening, as in backup-disk-full. Part of what makes two the same."),
        click.option("-d", "--data", "event_data", multiple=True, callback=named, metavar="NAME=VALUE",
                     help="What it is about; the same data is the same notification. Default: the title."),
        click.option("--member", help="What exactly fails, where one notification stands for several."),
        click.option("--state", type=click.Choice(STATES), help="Default: firing for warning and error, else note."),
        click.option("--resolved", is_flag=True, help="It is over: resolves what was told with the same title or data."),
        click.option("-u", "--user", "users", multiple=True, help="E-mail address of a person; without one the whole team hears."),
        click.option("--permission", "permissions", multiple=True, help="Only who has it hears."),
        click.option("--owner", "owners", multiple=True),
        click.option("--tag", "tags", multiple=True),
        click.option("--link", "links", multiple=True, callback=named, metavar="LABEL=URL", help="A button."),
        click.option("--fact", "facts", multiple=True, callback=named, metavar="LABEL=TEXT"),
        click.option("--urgent/--not-urgent", default=None, help="Default: the team's rule."),
        click.option("--pipeline", help="What runs: notifications of one pipeline share a conversation."),
        click.option("--run", help="This execution of it; the same run is counted once."),
        click.option("--environment"),
        click.option("--source-app"), click.option("--source-model"), click.option("--source-id"),
        click.option("--deduplicate", type=click.Choice(DEDUPLICATE), help="Default: thread."),
        click.option("--expires", "expires_at", callback=later, metavar="TIME", help="Gone from then on: 2026-03-02T09:00 (UTC), or 2h."),
        click.option("--at", "scheduled_time", callback=later, metavar="TIME", help="Told then: 2026-03-02T09:00 (UTC), or 2h."),
        click.option("--key", "idempotency_key", help="The same key is told once, however often it is sent within a day."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("title")
@options
@click.option("--url", help="Where Tocsin is. Default: TOCSIN_URL. The token is read from TOCSIN_TOKEN alone.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True, help="Seconds in all.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors alone.")
def notify(title: str, url: str | None, timeout: float, as_json: bool, quiet: bool, **given: Any) -> None:
    """Tell a team, or some of its people, something.

    Ends with 0 where it was told or nobody needed it, 1 where it was refused, 2 where the command is wrong, and 75 where
    Tocsin could not be reached: try later.
    """
    from gateway.client import Tocsin, TocsinError, Unavailable, Unreachable
    from gateway.client.call import Call
    from gateway.client.values import Created, outcome

    fields = _fields(given)
    try:
        with Tocsin(url=url, team=fields.pop("team"), timeout=timeout) as tocsin:
            call = tocsin.calls.create_notification(title, **fields)
            answer = tocsin.run(Call(call.method, call.path, outcome, body=call.body, key=call.key))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except TocsinError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_NOW if isinstance(error, Unreachable | Unavailable) else REFUSED)
    if isinstance(answer, Created):
        plain, values = f"told as {answer.id}: {answer.reason}", {"id": answer.id, "reason": answer.reason}
    else:
        plain, values = f"skipped: {answer.reason}", {"id": None, "skipped": answer.reason}
    if as_json or not quiet:
        click.echo(json.dumps(values) if as_json else plain)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    fields = dict(given)
    if fields["message"] == "-":
        fields["message"] = sys.stdin.read()
    if fields.pop("resolved"):
        if fields["state"] not in (None, "resolved"):
            raise click.UsageError(f"--resolved and --state {fields['state']} say different things")
        fields |= {"state": "resolved", "level": "success"}
    fields["users"] = fields["users"] or None
    return fields
