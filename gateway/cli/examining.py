"""What `tocsin doctor` looks at. Nothing is changed by looking, and what cannot be looked at is a finding too."""

import asyncio
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from gateway.cli.common import configuration_of, kinds_of, utc_now, vault_for
from gateway.domain import examination
from gateway.domain.examination import Finding, State

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.storage.database import Database, Transaction
    from gateway.vault import Vault

ANSWERS_WITHIN: Final = 8.0
"""Seconds for the public address."""


def findings(environment: "Environment", database: "Database", address: str | None) -> Iterator[Finding]:
    """Everything that was looked at, the database first: without it the rest says little."""
    from gateway.storage.migrate import revision
    from gateway.storage.migrations import HEAD
    from gateway.vault import VaultError

    if database.file:
        yield from _of_files(database)
        if database.journal_file and not database.journal_file.exists():
            return
    with database.reading() as transaction:
        found = revision(transaction)
    schema = examination.of_schema(found, HEAD)
    yield schema
    if (found or "") < HEAD:
        return
    yield from _of_configuration(environment)
    try:
        vault = vault_for(environment, database)
    except VaultError as error:
        yield Finding("secret key", State.BAD, str(error), "Set it to the key of this installation.")
        return
    yield from _of_database(environment, database, vault)
    yield examination.of_proxies([str(one) for one in environment.trusted_proxies], environment.public_url, environment.listen)
    yield asyncio.run(_of_public_url(environment, vault))
    yield from asyncio.run(_of_mail(environment, address))


def _of_files(database: "Database") -> Iterator[Finding]:
    from gateway.storage import health

    main, journal = database.file, database.journal_file
    assert main
    assert journal
    try:
        ends = health.journal_ends(main, journal) if journal.exists() else (0, 0)
        yield examination.of_journal(is_there=journal.exists(), reached=ends[0], given_out=ends[1])
    except sqlite3.Error as error:
        yield Finding("journal", State.BAD, f"it cannot be read: {error}", "Put both files of one backup in place (`tocsin restore`).")
    usage = shutil.disk_usage(main.parent)
    yield examination.of_disk(usage.free, usage.total)


def _of_configuration(environment: "Environment") -> Iterator[Finding]:
    from gateway.config.document import ConfigurationError
    from gateway.provision.apply import check_sources
    from mappers.contract.registry import RegistryError

    try:
        configuration = configuration_of(environment)
        kinds = kinds_of(configuration)
        if configuration is not None:
            check_sources(configuration, kinds)
            yield Finding("tocsin.toml", State.GOOD, f"{environment.config_path}: can be applied, every env: name is set")
    except ConfigurationError as error:
        yield from examination.of_configuration(error.faults)
    except RegistryError as error:
        yield from examination.of_configuration([str(error)])


def _of_database(environment: "Environment", database: "Database", vault: "Vault") -> Iterator[Finding]:
    from gateway.storage import health
    from gateway.storage.unheard import unheard

    with database.reading() as transaction:
        counted = health.counted(transaction, utc_now())
        never = unheard(transaction, utc_now())
        lag = None if database.is_sqlite else health.clock_difference(transaction, utc_now())
        yield examination.of_database("SQLite" if database.is_sqlite else "PostgreSQL", lag)
        workers = _workers(transaction, vault)
        if not database.is_sqlite:
            alive = sum(one.ago <= examination.SILENT_FOR for one in workers)
            yield from examination.of_server(processes=alive, **health.server(transaction))
        yield from examination.of_workers(workers)
        yield from _of_secrets(transaction, vault)
    yield from examination.of_work(counted)
    yield from examination.of_silent_sources(never.sources, more=never.more_sources)
    yield from examination.of_monitors(never.monitors, more=never.more_monitors)


def _workers(transaction: "Transaction", vault: "Vault") -> list[examination.Working]:
    from gateway.storage import working

    return [
        examination.Working(
            f"process {one.process.pid} on {one.process.host}", one.process.version, one.process.key_mark == vault.mark, one.ago,
            tuple(name for name, span in one.idle.items() if span - one.ago > examination.HANGS_AFTER),
        )
        for one in working.seen(transaction, utc_now())
    ]  # fmt: skip


def _of_secrets(transaction: "Transaction", vault: "Vault") -> Iterator[Finding]:
    from gateway import proofs
    from gateway.storage import sealed, sources
    from gateway.vault import looks_sealed

    kept = list(sealed.values(transaction, looks_sealed))
    unreadable = sorted({f"{place.table} {place.row}" for place, value in kept if vault.open(value) is None})
    yield examination.of_key(len(kept), unreadable, old=sum(not vault.is_current(value) for _, value in kept))
    now = utc_now()
    yield examination.of_secrets(
        [
            name
            for name, auth in sources.kept_auth(transaction)
            if not any(
                secret.expires_at is None or secret.expires_at > now for proof in proofs.opened(auth, vault) for secret in proof.secrets
            )
        ]
    )


async def _of_public_url(environment: "Environment", vault: "Vault") -> Finding:
    """What the address looks like, and where it leads. Without one there is nothing to ask."""
    looks = examination.of_public_url(environment.public_url, environment.listen)
    if not environment.public_url:
        return looks
    trouble, is_ours, difference = await _asked(environment.base_url, vault)
    reach = examination.of_reach(environment.base_url, trouble=trouble, is_ours=is_ours, difference=difference)
    return looks if reach.state is State.GOOD and looks.state is not State.GOOD else reach


async def _asked(base_url: str, vault: "Vault") -> tuple[str | None, bool, timedelta | None]:
    """(what was in the way, whether it is this installation, how far its clock is ahead)."""
    import aiohttp

    nonce = secrets.token_hex(16)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWERS_WITHIN), trust_env=bool(os.environ.get("HTTPS_PROXY"))
            ) as session,
            session.get(f"{base_url}/healthz", params={"nonce": nonce}) as answer,
        ):
            raw = await answer.content.read(10_000)
            said = answer.headers.get("Date", "")
    except TimeoutError:
        return f"no answer within {ANSWERS_WITHIN:.0f} s", False, None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return str(error) or type(error).__name__, False, None
    try:
        difference = parsedate_to_datetime(said) - utc_now()
    except (TypeError, ValueError):
        difference = None
    return None, vault.proof(nonce).encode() in raw, difference


async def _of_mail(environment: "Environment", address: str | None) -> list[Finding]:
    from gateway.channels.email.failures import SendFailure
    from gateway.channels.email.smtp import Smtp
    from gateway.channels.email.smtp_url import SmtpUrl
    from gateway.channels.email.trial import trial

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
