"""The latest of several moments, which the engines call by different names."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from gateway.storage.types import Time


class _Latest(FunctionElement[Any]):
    name = "latest"
    type = Time()
    inherit_cache = True


@compiles(_Latest)
def _as_max(element: Any, compiler: Any, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@compiles(_Latest, "postgresql")
def _as_greatest(element: Any, compiler: Any, **options: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **options)})"


def latest(*moments: ColumnElement[Any]) -> ColumnElement[Any]:
    """The latest of at least two, of which none may be NULL."""
    return _Latest(*moments)
