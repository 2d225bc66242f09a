"""What every command needs: the environment, the database, the key; and errors as one clear line."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
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
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)


@contextmanager
def opened() -> "Iterator[tuple[Environment, Database]]":
    """The environment and its database, migrated."""
    from gateway.config.environment import read_environment
    from gateway.storage.database import Database
    from gateway.storage.migrate import migrate

    environment = read_environment()
    database = Database(environment.database_url)
    try:
        migrate(database)
        yield environment, database
    finally:
        database.close()


def vault_for(environment: "Environment", database: "Database") -> "Vault":
    """The key of this installation. Raises `VaultError` where PostgreSQL is used without one."""
    from gateway.vault import Vault, VaultError, key_beside

    if environment.secret_key is not None:
        return Vault(environment.secret_key.get_secret_value())
    if database.file is None:
        raise VaultError(
            "TOCSIN_SECRET_KEY is not set. With PostgreSQL every process must share one key; "
            "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return Vault(key_beside(database.file))


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
