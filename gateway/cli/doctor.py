"""`tocsin doctor`: what is misconfigured here, and how to mend it."""

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.common import opened, plain_errors, quiet_logging, utc_now, vault_for
from gateway.domain.examination import Finding, State

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.storage.database import Database

_MARKS: Final = {State.GOOD: "ok", State.DOUBTFUL: "look", State.BAD: "BAD"}


@click.command()
@click.option(
    "--send-test-mail", "address", metavar="ADDRESS", help="Send a mail there by the configured server, and say what it answered."
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@plain_errors
def doctor(address: str | None, as_json: bool) -> None:
    """Find what is misconfigured and say how to mend it. Exit status 1 where something is."""
    quiet_logging()
    with opened(create=False) as (environment, database):
        findings = list(_findings(environment, database, address))
    if as_json:
        click.echo(json.dumps([{"what": one.what, "state": one.state.value, "found": one.found, "mend": one.mend} for one in findings]))
    else:
        for one in findings:
            click.echo(f"{_MARKS[one.state]:>4}  {one.what}: {one.found}")
            if one.mend:
                click.echo(f"      {one.mend}")
    if any(one.state is State.BAD for one in findings):
        raise SystemExit(1)


def _findings(environment: "Environment", database: "Database", address: str | None) -> Iterator[Finding]:
    from gateway.domain import examination
    from gateway.storage import health

    vault_for(environment, database)
    with database.reading() as transaction:
        counted = health.counted(transaction, utc_now())
        lag = None if database.is_sqlite else health.clock_difference(transaction, utc_now())
    yield examination.of_database("SQLite" if database.is_sqlite else "PostgreSQL", lag)
    yield examination.of_public_url(environment.public_url, environment.listen)
    yield from examination.of_work(counted)
    yield from asyncio.run(_of_mail(environment, address))


async def _of_mail(environment: "Environment", address: str | None) -> list[Finding]:
    from gateway.channels.email.failures import SendFailure
    from gateway.channels.email.smtp import Smtp
    from gateway.channels.email.smtp_url import SmtpUrl
    from gateway.channels.email.trial import trial
    from gateway.domain import examination

    if environment.smtp_url is None:
        return [examination.of_no_mail_server(wanted=address is not None)]
    try:
        smtp = Smtp(SmtpUrl.parse(environment.smtp_url.get_secret_value()), connections=1)
    except ValueError as error:
        return [Finding("mail server", State.BAD, f"TOCSIN_SMTP_URL: {error}", "Correct it.")]
    found = [examination.of_mail_from(environment.mail_from, environment.public_url)]
    try:
        answer = await smtp.greet()
        found.append(Finding("mail server", State.GOOD, f"{smtp.url} lets us in: {answer}"))
        if address is not None:
            sent = await smtp.send(environment.mail_from, address, trial(environment.mail_from, address, environment.base_url, utc_now()))
            found.append(
                Finding("test mail", State.GOOD, f"{address}: {sent}", "If it does not arrive, look among spam: see SPF and DKIM.")
            )
    except ValueError as error:  # no address
        found.append(Finding("test mail", State.BAD, str(error), "Give an address, as in ana@acme.test."))
    except SendFailure as failure:
        found.append(examination.of_mail_trouble(failure.answer, to=address))
    finally:
        await smtp.close()
    return found
