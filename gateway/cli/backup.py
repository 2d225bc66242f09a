"""`tocsin backup` and `tocsin restore`: an installation on SQLite as one folder, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import plain_errors, quiet_logging, utc_now

if TYPE_CHECKING:
    from gateway.config.environment import Environment
    from gateway.storage.copies import Copy, Files


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), help="Remove all but the newest N backups there.")
@click.option("--with-key", is_flag=True, help="Copy secret.key as well: whoever has the backup can then read signing secrets.")
@plain_errors
def backup(directory: Path, keep: int | None, *, with_key: bool) -> None:
    """Copy the databases into a new folder of DIRECTORY, while the gateway runs or not. What is there is checked, and whole."""
    from gateway.app import program_version
    from gateway.storage import copies

    quiet_logging()
    environment, files = _files()
    key = _key(files)
    if with_key and not key.is_file():
        raise click.ClickException(f"there is no {key}: the key is in TOCSIN_SECRET_KEY, keep it where you keep that")
    try:
        whole, copy = copies.make(files, directory, key=key if with_key else None, program=program_version(), now=utc_now())
        gone = copies.prune(directory, keep) if keep else []
    except copies.CopyFault as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write to {directory}: {error.strerror or error}") from None
    size = sum(int(one["size"]) for one in copy.files.values())
    click.echo(f"{whole}: {size / 1e6:.1f} MB, up to event {copy.last_event}, {copy.waiting} of them still to be processed. Checked.")
    if not with_key:
        where = "TOCSIN_SECRET_KEY" if environment.secret_key else key
        click.echo(f"Not in it: {where}. Without it signing secrets cannot be read: keep it elsewhere, as safe as this.")
    for one in gone:
        click.echo(f"Removed {one}.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@plain_errors
def restore(folder: Path) -> None:
    """Put the backup in FOLDER in place. What is there now is moved aside. Only while no gateway runs."""
    from gateway.storage import copies
    from gateway.storage.locks import ServeLock

    quiet_logging()
    environment, files = _files(must_exist=False)
    now = utc_now()
    aside = files.main.with_name(f"before-{now:%Y%m%dT%H%M%SZ}")
    files.main.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with ServeLock(files.main) as lock:
            lock.name("tocsin restore")
            copy = copies.check(folder)
            copies.put_back(folder, copy, files, key=_key(files), aside=aside)
    except copies.CopyFault as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write beside {files.main}: {error.strerror or error}. Mend that and restore again.") from None
    click.echo(f"{files.main} is as it was on {copy.made_at[:19]}Z, up to event {copy.last_event}.")
    if aside.exists():
        click.echo(f"What was there before is in {aside}.")
    _say_of_secrets(environment, files, copy)


def _say_of_secrets(environment: "Environment", files: "Files", copy: "Copy") -> None:
    key = _key(files)
    if environment.secret_key is None and key.name not in copy.files:
        there = f"{key} was left as it is: it must be the one of the backup" if key.is_file() else f"Put the backup's secret.key to {key}"
        click.echo(f"{there}. `tocsin doctor` says whether secrets can be read.")


def _files(*, must_exist: bool = True) -> "tuple[Environment, Files]":
    """The two files of this installation. It is not migrated: a copy is made before that too."""
    from gateway.config.environment import EnvironmentFault, read_environment
    from gateway.storage.copies import Files
    from gateway.storage.database import Database

    environment = read_environment()
    try:
        database = Database(environment.database_url)
    except ValueError as error:
        raise EnvironmentFault(f"TOCSIN_DATABASE_URL: {error}") from None
    main, journal = database.file, database.journal_file
    database.close()
    if main is None or journal is None:
        raise click.ClickException("this is for SQLite; a PostgreSQL database is copied with pg_dump, see docs/backup.md")
    if must_exist and not main.exists():
        raise click.ClickException(f"there is no database at {main}: go to where `tocsin serve` runs, or set TOCSIN_DATABASE_URL")
    return environment, Files(main, journal)


def _key(files: "Files") -> Path:
    from gateway.vault import KEY_FILE

    return files.main.with_name(KEY_FILE)
