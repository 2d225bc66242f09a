"""Who works. Times are UTC."""

from typing import Final

from sqlalchemy import Column, Integer, String, Table, Text

from gateway.storage.tables.base import metadata
from gateway.storage.types import Document, Time

working_processes: Final = Table(
    "working_processes", metadata,
    Column("id", String(24), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(40), nullable=False),
    Column("key_mark", String(16), nullable=False, comment="by which it is seen whether all have the same key"),
    Column("started_at", Time, nullable=False),
    Column("seen_at", Time, nullable=False, comment="by the database's clock, where it has one"),
    Column("steps", Document, nullable=False, comment="worker → seconds since its last step ended, when this was written"),
    comment="signs of life; gone when the process ends as it should, or a day after the last",
)  # fmt: skip
