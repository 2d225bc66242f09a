"""The tables of a DuckDB file, through its own driver: the SQLAlchemy dialect for it does not work with SQLAlchemy 2.1.

https://duckdb.org/docs/stable/sql/meta/information_schema
"""

from gateway.domain.tables import MOST_COLUMNS, MOST_TABLES, Chosen, Column, Snapshot, Table, TooMany
from gateway.upstream.asking import Unavailable

_COLUMNS = """
    SELECT c.table_schema, c.table_name, t.table_type, c.column_name, c.data_type, c.is_nullable
    FROM information_schema.columns AS c
    JOIN information_schema.tables AS t USING (table_catalog, table_schema, table_name)
    WHERE c.table_catalog = current_database() AND c.table_schema <> 'information_schema'
    ORDER BY c.table_schema, c.table_name, c.ordinal_position
"""


def snapshot(path: str, chosen: Chosen) -> Snapshot:
    """The chosen tables as they are now. Blocks. Raises `Unavailable`, or `TooMany`."""
    try:
        import duckdb
    except ImportError:
        raise Unavailable("DuckDB is not installed here: pip install 'tocsin[duckdb]'") from None
    try:
        with duckdb.connect(path, read_only=True, config={"threads": 1, "enable_external_access": False}) as connection:
            rows = connection.execute(_COLUMNS).fetchmany(MOST_COLUMNS + 1)
    except duckdb.Error as error:
        raise Unavailable(" ".join(str(error).split())[:500]) from None
    if len(rows) > MOST_COLUMNS:
        raise TooMany(f"its tables have more than {MOST_COLUMNS} columns: name those that matter in include")
    kinds: dict[str, str] = {}
    columns: dict[str, list[Column]] = {}
    for schema, table, kind, column, declared, nullable in rows:
        name = f"{schema}.{table}"
        if chosen.has(name):
            kinds[name] = "view" if kind == "VIEW" else "table"
            columns.setdefault(name, []).append(Column(column, declared, nullable == "YES"))
    if len(columns) > MOST_TABLES:
        raise TooMany(f"it has more than {MOST_TABLES} tables: name those that matter in include, or the others in exclude")
    return Snapshot({name: Table(kinds[name], tuple(found)) for name, found in columns.items()})
