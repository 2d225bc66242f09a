"""Tables as CSV that a spreadsheet opens and does not run. https://www.rfc-editor.org/rfc/rfc4180"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that is run. https://owasp.org/www-community/attacks/CSV_Injection"""


def table_as_csv(model: type[BaseModel], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and the rows; what is a table in a cell becomes columns of its own, `time_to_recover_median`. Own fields come first."""
    columns = _columns(model)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["_".join(path) for path in columns])
    writer.writerows([_cell(row, path) for path in columns] for row in rows)
    return text.getvalue()


def _columns(model: type[BaseModel]) -> list[Sequence[str]]:
    inherited = model.__base__.model_fields if model.__base__ and issubclass(model.__base__, BaseModel) else {}
    names = [*(name for name in model.model_fields if name not in inherited), *inherited]
    found: list[Sequence[str]] = []
    for name in names:
        kinds = [model.model_fields[name].annotation, *get_args(model.model_fields[name].annotation)]
        part = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        found += [(name, inner) for inner in part.model_fields] if part else [(name,)]
    return found


def _cell(row: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = row
    for name in path:
        value = value[name] if value is not None else None
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
