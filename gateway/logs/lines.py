"""A record as one line: for people, or as JSON for programs. What strangers wrote cannot begin a line of its own."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from gateway.logs.about import current
from gateway.logs.masking import masked

_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029",
}  # fmt: skip


def set_up(form: str = "text", level: str = "warning", stream: TextIO | None = None) -> None:
    """Records of this level and worse go to standard error (or `stream`): `text` for people, `json` for programs."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if form == "json" else TextLine())
    root = logging.getLogger()
    for other in root.handlers[:]:
        if getattr(other, "is_tocsins", False):
            root.removeHandler(other)
    handler.is_tocsins = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("asyncio", "httpx2", "httpcore2", "openai"):  # what they say below a warning is not about this program
        logging.getLogger(chatty).setLevel(logging.WARNING)


class TextLine(logging.Formatter):
    """`time LEVEL logger: message [name=value …]`; lines of a traceback are set in, so that none looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record; several lines where it has a traceback."""
        ids = " ".join(f"{name}={value}" for name, value in _said(record).items())
        text = f"{_time(record)} {record.levelname} {record.name}: {_message(record)}{f' [{ids}]' if ids else ''}"
        return "\n".join([_one_line(masked(text)), *(f"    | {_one_line(line)}" for line in _trace(self, record).splitlines())])


class JsonLine(logging.Formatter):
    """One object: `time`, `level`, `logger`, `message`, `process`, the ids it is about, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, in ASCII."""
        said: dict[str, Any] = {
            "time": _time(record), "level": record.levelname.lower(), "logger": record.name, "message": masked(_message(record)),
            "process": record.process,
        }  # fmt: skip
        said |= {name: masked(value) if isinstance(value, str) else value for name, value in _said(record).items() if name not in said}
        if trace := _trace(self, record):
            said["exception"] = trace
        return json.dumps(said)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit are a bug, and no reason to lose the line
        return f"{record.msg} {record.args!r}"


def _said(record: logging.LogRecord) -> Mapping[str, Any]:
    """The ids that it is about, and what else it bears (`extra`), as simple values."""
    own = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    return {name: _simple(value) for name, value in {**current(), **own}.items()}


def _simple(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    return masked("\n".join([*parts, record.stack_info] if record.stack_info else parts))


def _one_line(text: str) -> str:
    return text.translate(_CONTROL)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
