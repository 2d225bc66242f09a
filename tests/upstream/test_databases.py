"""The tables of real databases: of each kind that is known, read and never written."""

import sqlite3
from pathlib import Path

import duckdb
import psycopg
import pytest

from gateway.domain.tables import Chosen, Column, Snapshot, Table, TooMany
from gateway.upstream import databases, duckdb_files
from gateway.upstream.asking import Unavailable
from gateway.upstream.databases import shown, snapshot

ALL = Chosen()


@pytest.fixture(scope="module")
def warehouse(postgresql_server: str) -> str:
    """A PostgreSQL database with a bit of everything."""
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS looked_at")
        admin.execute("CREATE DATABASE looked_at")
    url = f"{postgresql_server}/looked_at"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (
            "CREATE SCHEMA sales",
            "CREATE TYPE mood AS ENUM ('well', 'ill')",
            "CREATE TABLE orders (id bigint NOT NULL, amount numeric(8, 2), tags text[], mood mood, at timestamptz, name varchar(20))",
            "CREATE VIEW sales.totals AS SELECT id, amount FROM orders",
            "CREATE MATERIALIZED VIEW sales.kept AS SELECT id FROM orders",
            "CREATE TABLE sales.events (at date NOT NULL) PARTITION BY RANGE (at)",
            "CREATE TABLE sales.events_2026 PARTITION OF sales.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        ):
            connection.execute(statement)
    return url


@pytest.mark.req("R91")
def test_of_postgresql_tables_views_and_their_types_are_seen_and_parts_of_a_table_are_not(warehouse: str) -> None:
    seen = snapshot(warehouse, ALL).tables
    assert set(seen) == {"public.orders", "sales.totals", "sales.kept", "sales.events"}
    assert seen["public.orders"] == Table(
        "table",
        (
            Column("id", "BIGINT", nullable=False), Column("amount", "NUMERIC(8, 2)"), Column("tags", "TEXT[]"), Column("mood", "mood"),
            Column("at", "TIMESTAMP WITH TIME ZONE"), Column("name", "VARCHAR(20)"),
        ),
    )  # fmt: skip
    assert (seen["sales.totals"].kind, seen["sales.kept"].kind) == ("view", "materialized view")


def test_only_what_is_chosen_is_read(warehouse: str) -> None:
    assert set(snapshot(warehouse, Chosen(["sales.*"], ["*.kept"])).tables) == {"sales.totals", "sales.events"}


def test_nothing_can_be_written_while_it_is_looked_at(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_PARTITIONS", databases.text("INSERT INTO public.orders (id) VALUES (1) RETURNING '', ''"))
    with pytest.raises(Unavailable, match="read-only transaction"):
        snapshot(warehouse, ALL)


def test_a_lock_that_somebody_holds_ends_the_look_and_no_more(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "STATEMENT_WITHIN", 1)
    monkeypatch.setattr(databases, "_PARTITIONS", databases.text("SELECT pg_sleep(30)::text, ''"))
    with pytest.raises(Unavailable, match="statement timeout"):
        snapshot(warehouse, ALL)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "with a ? and #.db"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE orders (id INTEGER NOT NULL, amount DECIMAL(8, 2)); CREATE VIEW totals AS SELECT id FROM orders")
    connection.close()
    return path


@pytest.mark.req("R91")
def test_of_sqlite_tables_have_no_schema(file: Path) -> None:
    url = f"sqlite:///{str(file).replace('?', '%3F').replace('#', '%23')}"
    assert snapshot(url, ALL) == Snapshot(
        {
            "orders": Table("table", (Column("id", "INTEGER", nullable=False), Column("amount", "DECIMAL(8, 2)"))),
            "totals": Table("view", (Column("id", "INTEGER"),)),
        }
    )


@pytest.mark.req("R91")
def test_of_duckdb_structs_and_lists_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders (id INTEGER NOT NULL, lines STRUCT(sku VARCHAR)[])")
        connection.execute("CREATE VIEW sales.totals AS SELECT id FROM sales.orders")
    assert snapshot(f"duckdb:///{path}", ALL) == Snapshot(
        {
            "sales.orders": Table("table", (Column("id", "INTEGER", nullable=False), Column("lines", "STRUCT(sku VARCHAR)[]"))),
            "sales.totals": Table("view", (Column("id", "INTEGER"),)),
        }
    )
    assert set(snapshot(f"duckdb:///{path}", Chosen(exclude=["totals"])).tables) == {"sales.orders"}


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(Unavailable):
        snapshot(f"{scheme}:///{tmp_path / 'none.db'}", ALL)
    assert list(tmp_path.iterdir()) == []


def test_no_password_is_in_what_is_said_of_a_failure() -> None:
    with pytest.raises(Unavailable) as caught:
        snapshot("postgresql://reader:hunter22@127.0.0.1:1/dwh", ALL)
    assert "hunter22" not in str(caught.value)
    assert "refused" in str(caught.value).lower()


def test_more_than_can_be_kept_is_refused_with_what_to_do(file: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "MOST_TABLES", 3)
    with pytest.raises(TooMany, match="more than 3 tables: name those that matter in include"):
        snapshot(warehouse, ALL)
    monkeypatch.setattr(databases, "MOST_COLUMNS", 1)
    with pytest.raises(TooMany, match="more than 1 columns"):
        snapshot(warehouse, Chosen(["orders"]))
    monkeypatch.setattr(duckdb_files, "MOST_COLUMNS", 1)
    duckdb.connect(str(file.with_name("wide.duckdb"))).execute("CREATE TABLE wide (a INTEGER, b INTEGER)").close()
    with pytest.raises(TooMany, match="more than 1 columns"):
        snapshot(f"duckdb:///{file.with_name('wide.duckdb')}", ALL)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://reader:secret@warehouse.acme.test:5433/dwh?sslmode=require", "postgresql://reader@warehouse.acme.test:5433/dwh"),
        ("postgres://reader@warehouse.acme.test/dwh", "postgresql://reader@warehouse.acme.test/dwh"),
        ("sqlite:////var/lib/shop.db", "sqlite:////var/lib/shop.db"),
        ("duckdb:////var/lib/shop.duckdb", "duckdb:////var/lib/shop.duckdb"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, address: str) -> None:
    assert shown(url) == address


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("warehouse", "is no address of a database, as in postgresql://reader:password@host/name"),
        ("sqlite://", "names no file: a SQLite database is sqlite:///path/to/file.db"),
        ("oddbase://host/name", "there is no SQLAlchemy dialect 'oddbase' here: install it beside Tocsin"),
    ],
)
def test_what_is_no_address_is_refused_with_what_it_should_be(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault.replace("'", ".").replace("/", ".")):
        shown(url)
