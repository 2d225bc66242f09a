"""What of an artifact is read here, and an artifact with nothing else in it: a manifest of 50 MB becomes one of a few.

Whoever uploads or fetches artifacts trims them with this. It walks over the text entry by entry, so that never more than
one node is unpacked at a time, and leaves out what is nobody's business: `args.vars`, the environment, the SQL.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappers.contract import BadBody
from mappers.dbt_core.bundle import Kind
from mappers.dbt_core.shapes import rows
from mappers.dbt_core.shapes import text as text_of

Shape = Mapping[str, "Shape | int | None"]
"""field → what is read of it: a shape of its own, the beginning of a text, or (None) all. `*`: every entry."""

MESSAGE_READ: Final = 20_000
CODE_READ: Final = 6_000
"""Characters of a message and of compiled SQL that are read."""

_ALL: Final = "*"
_METADATA: Final = {
    **dict.fromkeys(("dbt_schema_version", "dbt_version", "generated_at", "invocation_id", "invocation_started_at", "project_name")),
    "env": {"DBT_CLOUD_RUN_ID": None},
}
_OWNER: Final = {"owner": None}
_NODE: Final = {
    **dict.fromkeys(("name", "owner", "group", "attached_node", "tags", "column_name", "original_file_path", "compiled_path")),
    "relation_name": None,
    "meta": _OWNER,
    "source_meta": _OWNER,
    "config": {"meta": _OWNER, "group": None, "store_failures": None},
    "depends_on": {"nodes": None},
}
_TABLE: Final = {"columns": {_ALL: {"type": None}}}
_RESULT: Final = {
    **dict.fromkeys(("unique_id", "status", "failures", "relation_name", "batch_results")),
    "message": MESSAGE_READ,
    "compiled_code": CODE_READ,
}

SECTIONS: Final = ("exposures", "metrics", "saved_queries", "semantic_models", "unit_tests", "functions", "sources", "nodes")
"""Where the manifest keeps its nodes."""

READ: Final[Mapping[Kind, Shape]] = {
    Kind.MANIFEST: {"metadata": _METADATA, **{section: {_ALL: _NODE} for section in (*SECTIONS, "groups")}, "child_map": {_ALL: None}},
    Kind.CATALOG: {"metadata": _METADATA, "errors": None, "nodes": {_ALL: _TABLE}, "sources": {_ALL: _TABLE}},
    Kind.RUN_RESULTS: {
        "metadata": _METADATA,
        "args": dict.fromkeys(("which", "rpc_method", "target", "select", "models", "exclude", "selector", "selector_name", "empty")),
        "elapsed_time": None,
        "results": {_ALL: _RESULT},
    },
    Kind.SOURCES: {"metadata": _METADATA, "elapsed_time": None, "results": {_ALL: None}},
}

_QUIET: Final = frozenset({"success", "pass", "skipped", "no-op", "reused"})
"""Results whose SQL nobody wants to see."""


def trim(raw: bytes, kind: Kind) -> dict[str, Any]:
    """What is read of an artifact. Raises `BadBody` where it is not one whole JSON object."""
    text = _Text(raw.decode("utf-8-sig", "replace"))
    try:
        trimmed = dict(_sections(text, READ[kind]))
    except RecursionError:
        raise BadBody("it nests too deep") from None
    except (ValueError, IndexError) as error:
        raise BadBody(f"it is no whole JSON object: {error}" if raw.strip() else "it is empty") from None
    if kind is Kind.RUN_RESULTS:
        for row in rows(trimmed.get("results")):
            if text_of(row.get("status")) in _QUIET:
                row.pop("compiled_code", None)
    return trimmed


class _Text:
    """A JSON text and how far it has been read; whoever iterates reads each value before the next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def next(self) -> str:
        """The next character that is no blank."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.text[self.at]

    def value(self) -> Any:
        """The next value, unpacked."""
        _ = self.next
        value, self.at = _DECODER.raw_decode(self.text, self.at)
        return value

    def entries(self) -> Iterator[str | None]:
        """Each key of the next object, or None for each item of the next list; its value comes next."""
        opening = self.next
        self.at += 1
        while self.next != _CLOSING[opening]:
            key = self._key() if opening == "{" else None
            yield key
            if self.next == ",":
                self.at += 1
            elif self.next != _CLOSING[opening]:
                raise ValueError(f"{self.next!r} after a value, at {self.at}")
        self.at += 1

    def _key(self) -> str:
        key = self.value()
        if not isinstance(key, str) or self.next != ":":
            raise ValueError(f"no key at {self.at}")
        self.at += 1
        return key


_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()
_CLOSING: Final = {"{": "}", "[": "]"}


def _sections(text: _Text, shape: Shape) -> Iterator[tuple[str, Any]]:
    if text.next != "{":
        raise ValueError(f"it begins with {text.next!r}")
    for section in text.entries():
        if section and section in shape:
            yield section, _section(text, shape[section])
        else:
            _skip(text)


def _section(text: _Text, shape: Any) -> Any:
    """One section at the top; what has many entries is read entry by entry."""
    if text.next not in _CLOSING or shape is None or _ALL not in shape:
        return _shaped(text.value(), shape)
    if text.next == "[":
        return [_shaped(text.value(), shape[_ALL]) for _ in text.entries()]
    return {key: _shaped(text.value(), shape[_ALL]) for key in text.entries()}


def _skip(text: _Text) -> None:
    """The same, without keeping anything."""
    if text.next not in _CLOSING:
        text.value()
    else:
        for _ in text.entries():
            text.value()


def _shaped(value: Any, shape: Any) -> Any:
    """What a shape reads of a value."""
    if shape is None:
        return value
    if isinstance(shape, int):
        return value[:shape] if isinstance(value, str) else None
    if not isinstance(value, dict):
        return value if isinstance(value, str) else None
    if _ALL in shape:
        return {key: _shaped(item, shape[_ALL]) for key, item in value.items()}
    return {key: _shaped(value[key], inner) for key, inner in shape.items() if value.get(key) is not None}
