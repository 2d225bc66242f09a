"""`column` is one of many: handed over as one value, for statements take only so many, and stay the same however many there are."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Boolean, ColumnElement, Dialect, Select, String, Text, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Several(TypeDecorator[Sequence[Any]]):
    """Numbers or texts: an array on PostgreSQL, JSON on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: type[BigInteger | Text]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of each engine."""
        return dialect.type_descriptor(ARRAY(self.item()) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """The values on their way in."""
        return value if dialect.name == "postgresql" or value is None else json.dumps(list(value))


class _Among(FunctionElement[bool]):
    name = "among"
    type = Boolean()
    inherit_cache = True
    _is_implicitly_boolean = True
    """Else SQLite is asked whether it `= 1`, for which it looks at every row instead of the index."""


@compiles(_Among)
def _as_json(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({compiler.process(values, **options)}))"


@compiles(_Among, "postgresql")
def _as_array(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Whether the column is one of the values of this parameter, a list."""
    is_text = isinstance(column.type, String)
    values: BindParameter[Any] = bindparam(parameter, type_=_Several(Text if is_text else BigInteger))
    return _Among(column, values)


def among_taken(column: ColumnElement[Any], taken: Select[Any]) -> ColumnElement[bool]:
    """Whether the column is one of those that `taken` gives; it has a limit, and skips what others have locked.

    As a plain subquery PostgreSQL may run it again for each row of a nested loop; it then skips those it took already, and
    gives the next, beyond the limit. A WITH query that locks is run once, and no more of it
    (https://www.postgresql.org/docs/current/queries-with.html).
    """
    return column.in_(select(taken.cte().c[0]))
