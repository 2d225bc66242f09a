"""What every command needs: the environment, the database, the key; and errors as one clear line."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from gateway.config.document import Configuration
    from gateway.config.environment import Environment
    from gateway.storage.database import Database
    from gateway.vault import Vault
    from mappers.contract import SourceKind

P = ParamSpec("P")
T = TypeVar("T")


def utc_now() -> datetime:
    """The one clock of the commands."""
    return datetime.now(UTC)


def plain_errors(command: Callable[P, T]) -> Callable[P, T]:
    """What a person can mend is told in plain words, with exit status 1 and no traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        from gateway.config.document import ConfigurationError
        from gateway.config.environment import EnvironmentFault
        from gateway.storage.database import StorageUnavailable
        from gateway.storage.locks import ServeLockedError
        from gateway.vault import VaultError
        from mappers.contract.registry import RegistryError

        try:
            return command(*args, **kwargs)
        except (ConfigurationError, EnvironmentFault, ServeLockedError, VaultError, RegistryError) as error:
            raise click.ClickException(str(error)) from None
        except StorageUnavailable as error:
            raise click.ClickException(f"the database cannot be used: {error}") from None

    return run


def quiet_logging() -> None:
    """Warnings and worse to standard error, one line each."""
    from gateway.logs import set_up

    logging.getLogger("aiohttp.server").addFilter(_is_ours)
    set_up()


def logging_as_said(environment: "Environment") -> None:
    """The log as `TOCSIN_LOG_FORMAT` and `TOCSIN_LOG_LEVEL` want it, without the secrets that the environment holds."""
    from gateway import logs
    from gateway.workers.reading import own_secrets

    logs.set_up(environment.log_format, environment.log_level)
    logs.know(own_secrets(environment))
    headers = os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "") + "," + os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "")
    logs.know(one.partition("=")[2] for one in headers.split(","))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a record is about this program: a stranger's malformed HTTP is answered with 400 and fills no log."""
    from aiohttp.http_exceptions import HttpProcessingError

    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


@contextmanager
def opened(*, create: bool = True, migrating: bool = True) -> "Iterator[tuple[Environment, Database]]":
    """The environment and its database, migrated. With `create=False` a SQLite file that is missing is an error: looking makes nothing.

    With `migrating=False` the schema stays as it is, whatever it is.
    """
    from gateway.config.environment import EnvironmentFault, read_environment
    from gateway.storage.database import Database, StorageUnavailable
    from gateway.storage.migrate import migrate

    environment = read_environment()
    try:
        database = Database(environment.database_url)
    except ValueError as error:
        raise EnvironmentFault(f"TOCSIN_DATABASE_URL: {error}") from None
    if database.file and not create and not database.file.exists():
        raise click.ClickException(f"there is no database at {database.file}: go to where `tocsin serve` runs, or set TOCSIN_DATABASE_URL")
    try:
        if migrating:
            migrate(database)
        yield environment, database
    except (OSError, StorageUnavailable) as error:
        if database.file and not os.access(database.file if database.file.exists() else _existing(database.file), os.W_OK):
            raise click.ClickException(f"cannot write to {database.file}: make it writable, or set TOCSIN_DATABASE_URL ({error})") from None
        raise
    finally:
        database.close()


def _existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    return next(parent for parent in path.absolute().parents if parent.exists())


def page_address(environment: "Environment", database: "Database") -> str:
    """Where people reach the page: as configured, else where the running `serve` listens, else where one would."""
    return environment.public_url.rstrip("/") or served_at(database) or environment.base_url


def served_at(database: "Database") -> str | None:
    """The address of the `serve` that has this SQLite file now."""
    from gateway.storage.locks import ServeLock

    return ServeLock.address(database.file) if database.file else None


def vault_for(environment: "Environment", database: "Database") -> "Vault":
    """The key of this installation. Raises `VaultError` where PostgreSQL is used without one."""
    from gateway.vault import Vault, VaultError, keys_beside

    if environment.secret_key is not None:
        return Vault(environment.secret_key.get_secret_value(), environment.old_secret_keys)
    if database.file is None:
        raise VaultError(
            "TOCSIN_SECRET_KEY is not set. With PostgreSQL every process must share one key; "
            "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    key, *old = keys_beside(database.file)
    return Vault(key, old)


def configuration_of(environment: "Environment") -> "Configuration | None":
    """`tocsin.toml` as it is now; None where there is none."""
    from gateway.config.document import read_configuration

    return read_configuration(environment.config_path, os.environ) if environment.config_path else None


def kinds_of(configuration: "Configuration | None") -> "Mapping[str, SourceKind]":
    """Every source kind, with the third-party ones that the configuration allows."""
    from gateway.engine.mapping import kinds

    return kinds(tuple(configuration.mappers) if configuration else ())


def rows(items: list[dict[str, Any]]) -> str:
    """Rows as JSON lines, for programs."""
    import json

    return "\n".join(json.dumps(item, default=str, ensure_ascii=False) for item in items)
