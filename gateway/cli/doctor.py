"""`tocsin doctor`: what is misconfigured here, and how to mend it."""

import json
from typing import Final

import click

from gateway.cli.common import opened, plain_errors, quiet_logging
from gateway.domain.examination import State

_MARKS: Final = {State.GOOD: "ok", State.DOUBTFUL: "look", State.BAD: "BAD"}


@click.command()
@click.option(
    "--send-test-mail", "address", metavar="ADDRESS", help="Send a mail there by the configured server, and say what it answered."
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@plain_errors
def doctor(address: str | None, as_json: bool) -> None:
    """Find what is misconfigured and say how to mend it. Exit status 1 where something is."""
    from gateway.cli.examining import findings

    quiet_logging()
    with opened(create=False, migrating=False) as (environment, database):
        found = list(findings(environment, database, address))
    if as_json:
        click.echo(json.dumps([{"what": one.what, "state": one.state.value, "found": one.found, "mend": one.mend} for one in found]))
    else:
        for one in found:
            click.echo(f"{_MARKS[one.state]:>4}  {one.what}: {one.found}")
            if one.mend:
                click.echo(f"      {one.mend}")
    if any(one.state is State.BAD for one in found):
        raise SystemExit(1)
