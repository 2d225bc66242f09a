"""Instants as numbers in SQL: whole microseconds since 1970, the same on both engines."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Micros(FunctionElement[int]):
    name = "micros"
    type = BigInteger()
    inherit_cache = True


@compiles(_Micros)
def _as_kept(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses.clauses[0], **options)})"


@compiles(_Micros, "postgresql")
def _of_timestamp(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(extract(epoch FROM {compiler.process(element.clauses.clauses[0], **options)}) * 1000000 AS bigint)"


def micros(at: ColumnElement[Any]) -> ColumnElement[int]:
    """A time as microseconds since 1970."""
    return _Micros(at)
