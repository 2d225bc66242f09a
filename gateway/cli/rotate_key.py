"""`tocsin rotate-key`: another key for what is kept encrypted, in steps that may be cut off and done again."""

from typing import TYPE_CHECKING, Final

import click

from gateway.cli.common import opened, plain_errors, quiet_logging, served_at, utc_now, vault_for

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.storage.database import Database
    from gateway.storage.sealed import Account
    from gateway.vault import Vault

_OLD_KEPT: Final = (
    "The old key is still known, for links in mail that was sent: they are valid for 60 days. "
    "After that, or at once where the old key leaked: tocsin rotate-key --forget-old"
)


@click.command("rotate-key")
@click.option("--new", is_flag=True, help="Write a new key into secret.key first, above the old one (SQLite).")
@click.option("--forget-old", is_flag=True, help="Remove old keys from secret.key, where nothing is encrypted with them any more.")
@plain_errors
def rotate_key(*, new: bool, forget_old: bool) -> None:
    """Encrypt everything that is kept encrypted with the key of today. Safe to cut off and to repeat."""
    quiet_logging()
    with opened(create=False) as (environment, database):
        embedded = environment.secret_key is None and database.file is not None
        if (new or forget_old) and not embedded:
            raise click.ClickException("the key is in TOCSIN_SECRET_KEY: set another there, and this one as TOCSIN_SECRET_KEYS_OLD")
        if new and not _written(environment, database):
            return
        vault = vault_for(environment, database)
        _refuse_where_others_have_another(database, vault)
        account = _sealed_anew(database, vault)
        click.echo(f"{account.anew} secrets were encrypted anew, {account.current} already were.")
        if account.unreadable:
            places = ", ".join(sorted({f"{one.table} {one.row}" for one in account.places}))
            raise click.ClickException(
                f"{account.unreadable} secrets cannot be read with any key that is known ({places}). "
                "Add the key they were encrypted with to the old ones, or let `tocsin apply` store them anew."
            )
        if forget_old:
            _forget_old(database)
        elif vault.has_old:
            click.echo(_OLD_KEPT if embedded else "TOCSIN_SECRET_KEYS_OLD is needed no more but by links in mail, for 60 days.")


def _written(environment: "Environment", database: "Database") -> bool:
    """Writes a new key; whether everybody knows it already."""
    from gateway.vault import keys_beside, new_key, put_key

    assert database.file
    keys = keys_beside(database.file)
    if _any_old(database, vault_for(environment, database)):
        raise click.ClickException("something is encrypted with an old key still: run tocsin rotate-key without --new first")
    put_key(database.file, [new_key(), *keys])
    click.echo(f"{database.file.parent}/secret.key has a new key, and the old one below it.")
    if served_at(database):
        click.echo("The gateway that runs does not know it yet: restart it, then: tocsin rotate-key")
        return False
    return True


def _any_old(database: "Database", vault: "Vault") -> bool:
    from gateway.storage import sealed
    from gateway.vault import looks_sealed

    with database.reading() as transaction:
        return any(not vault.is_current(value) for _, value in sealed.values(transaction, looks_sealed))


def _refuse_where_others_have_another(database: "Database", vault: "Vault") -> None:
    """What is encrypted anew could not be read by a process that knows the old key alone."""
    from gateway.gauges import ALIVE_WITHIN
    from gateway.storage import working

    with database.reading() as transaction:
        alive = [one.process for one in working.seen(transaction, utc_now()) if one.ago <= ALIVE_WITHIN]
    others = [f"process {one.pid} on {one.host}" for one in alive if one.key_mark != vault.mark]
    if others:
        raise click.ClickException(
            f"{', '.join(others)} started with another key. Give all of them the new one (the old one as TOCSIN_SECRET_KEYS_OLD), "
            "restart them, then run this again."
        )


def _sealed_anew(database: "Database", vault: "Vault") -> "Account":
    from gateway.storage import sealed
    from gateway.vault import looks_sealed

    def reseal(value: str) -> str | None:
        if vault.is_current(value):
            return value
        secret = vault.open(value)
        return vault.seal(secret) if secret is not None else None

    account = sealed.Account()
    for table in sealed.SEALED:
        last: int | None = 0
        while last is not None:
            with database.writing() as transaction:
                last = sealed.batch(transaction, table, after=last, reseal=reseal, looks=looks_sealed, account=account)
    return account


def _forget_old(database: "Database") -> None:
    from gateway.vault import keys_beside, put_key

    assert database.file
    keys = keys_beside(database.file)
    put_key(database.file, keys[:1])
    click.echo("Old keys are forgotten." if len(keys) > 1 else "There are no old keys.")
