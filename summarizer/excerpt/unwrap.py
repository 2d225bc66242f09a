"""Log lines that are JSON, as a person would have written them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from summarizer.text import tidy

_MESSAGE: Final = ("msg", "message", "event", "log", "textPayload", "body")
_LEVEL: Final = ("level", "levelname", "severity", "log_level")
_MORE: Final = ("exception", "exc_info", "stack_trace", "stack", "error")
_MARK: Final = " ⏎ "
"""Stands where the message had a line end."""


def unwrap(line: str) -> str:
    """The level and the message of a JSON log line (dbt's, structlog's, a container's); any other line as it is."""
    if not line.startswith("{") or not line.endswith("}"):
        return line
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return line
    outer = said if isinstance(said, dict) else {}
    # dbt puts both into "info": https://docs.getdbt.com/reference/events-logging
    inner = outer["info"] if isinstance(outer.get("info"), dict) else outer
    if not any(isinstance(inner.get(name), str) for name in _MESSAGE):
        return line
    message, more = _first(inner, _MESSAGE), _first(inner, _MORE)
    return " ".join(text for text in (_first(inner, _LEVEL), message, more) if text) if message or more else ""


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    text = next((value for name in names if isinstance(value := values.get(name), str) and value.strip()), "")
    return _MARK.join(part for line in text.splitlines() if (part := tidy(line).strip()))
