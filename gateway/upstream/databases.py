"""The tables of a stranger's database, read through SQLAlchemy's inspector in a transaction that cannot write.

https://docs.sqlalchemy.org/en/21/core/reflection.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import URL, Connection, Dialect, Inspector, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from gateway.domain.tables import MOST_COLUMNS, MOST_TABLES, UNKNOWN, Chosen, Column, Snapshot, Table, TooMany
from gateway.upstream import duckdb_files
from gateway.upstream.asking import Unavailable

CONNECT_WITHIN: Final = 10
"""Seconds."""
STATEMENT_WITHIN: Final = 60
"""Seconds."""
_SYSTEM: Final = frozenset({"information_schema", "pg_catalog", "pg_toast", "performance_schema", "mysql", "sys"})
_LONGEST: Final = 500
_PARTITIONS: Final = text(
    "SELECT namespace.nspname, class.relname FROM pg_catalog.pg_class AS class "
    "JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace WHERE class.relispartition"
)
"""Parts of a table that come and go by themselves."""


def shown(url: str) -> str:
    """The address without a password. Raises ValueError that says what is wrong with it."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("names no file: a SQLite database is sqlite:///path/to/file.db")
    if parsed.get_backend_name() == "duckdb":
        return f"duckdb:///{parsed.database}"
    try:
        parsed.get_dialect()
    except (NoSuchModuleError, ArgumentError):
        raise ValueError(f"there is no SQLAlchemy dialect {parsed.drivername!r} here: install it beside Tocsin") from None
    return parsed.set(drivername=parsed.get_backend_name(), query={}).render_as_string().replace(":***@", "@")


def snapshot(url: str, chosen: Chosen) -> Snapshot:
    """The chosen tables as they are now. Blocks. Raises `Unavailable`, or `TooMany`."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "duckdb":
        return duckdb_files.snapshot(parsed.database or "", chosen)
    try:
        engine = create_engine(_read_only(parsed), poolclass=NullPool, connect_args=_patience(parsed), hide_parameters=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise Unavailable(f"the database cannot be asked: {_plain(error, parsed)}") from None
    try:
        with engine.connect() as connection:
            _forbid_writing(connection)
            return Snapshot(dict(_tables(connection, chosen)))
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(_plain(error, parsed)) from None
    finally:
        engine.dispose()


def _tables(connection: Connection, chosen: Chosen) -> Iterator[tuple[str, Table]]:
    inspector = inspect(connection)
    parts = {(schema, name) for schema, name in connection.execute(_PARTITIONS)} if connection.dialect.name == "postgresql" else set()
    tables = columns = 0
    for schema in _schemas(inspector, chosen):
        kinds = {name: kind for name, kind in _names(inspector, schema) if (schema, name) not in parts and chosen.has(_full(schema, name))}
        tables += len(kinds)
        if tables > MOST_TABLES:
            raise TooMany(f"it has more than {MOST_TABLES} tables: name those that matter in include, or the others in exclude")
        if not kinds:
            continue
        described = inspector.get_multi_columns(schema=schema, filter_names=list(kinds), kind=ObjectKind.ANY)
        for (_, name), found in described.items():
            columns += len(found)
            if columns > MOST_COLUMNS:
                raise TooMany(f"its tables have more than {MOST_COLUMNS} columns: name those that matter in include")
            yield _full(schema, name), Table(kinds[name], tuple(_column(one, connection.dialect) for one in found))


def _schemas(inspector: Inspector, chosen: Chosen) -> list[str | None]:
    """SQLite has one without a name."""
    if inspector.dialect.name == "sqlite":
        return [None]
    names = (name for name in inspector.get_schema_names() if name.casefold() not in _SYSTEM and not name.startswith("pg_"))
    return [name for name in names if chosen.may_have(name)]


def _names(inspector: Inspector, schema: str | None) -> Iterator[tuple[str, str]]:
    for name in inspector.get_table_names(schema=schema):
        yield name, "table"
    for name in inspector.get_view_names(schema=schema):
        yield name, "view"
    if inspector.dialect.name == "postgresql":
        for name in inspector.get_materialized_view_names(schema=schema):
            yield name, "materialized view"


def _full(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name


def _column(described: Mapping[str, Any], dialect: Dialect) -> Column:
    try:
        kind = described["type"].compile(dialect=dialect)
    except SQLAlchemyError:  # a type of an extension, which the inspector cannot name
        kind = UNKNOWN
    return Column(str(described["name"]), UNKNOWN if kind == "NULL" else kind, bool(described.get("nullable", True)))


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("is no address of a database, as in postgresql://reader:password@host/name") from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _read_only(url: URL) -> URL:
    """A file is opened for reading alone: one that is not there is not made."""
    if url.get_backend_name() != "sqlite" or (url.database or "").startswith("file:"):
        return url
    path = (url.database or "").replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})


def _patience(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"timeout": CONNECT_WITHIN}
        case "postgresql" if url.drivername == "postgresql+psycopg":
            return {"connect_timeout": CONNECT_WITHIN, "application_name": "tocsin schema watch", "prepare_threshold": None}
        case "mysql" | "mariadb":
            return {"connect_timeout": CONNECT_WITHIN}
        case _:
            return {}


def _forbid_writing(connection: Connection) -> None:
    """Within this transaction alone, so that it holds behind a pooler too."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION READ ONLY"))
        for setting in (f"statement_timeout = '{STATEMENT_WITHIN}s'", "lock_timeout = '10s'"):
            connection.execute(text(f"SET LOCAL {setting}"))


def _plain(error: BaseException, url: URL) -> str:
    """The first line of what the driver said, without the password."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    said = " ".join(lines[0].split())
    return (said.replace(url.password, "***") if url.password else said)[:_LONGEST] or type(error).__name__
