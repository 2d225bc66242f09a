"""dbt's JSON log (`--log-format json`), read where artifacts are not there: one line is one event.

It knows what artifacts do not: a command that ended before it wrote any, and sources whose freshness could not be asked,
which dbt 1.11 leaves out of `sources.json`. https://docs.getdbt.com/reference/events-logging
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mappers.contract import BadBody
from mappers.contract.inbound import parse_json
from mappers.dbt_core.shapes import first, name, table, text

_RESULTS: Final = frozenset(f"Log{kind}Result" for kind in ("Model", "Seed", "Snapshot", "Test", "Freshness", "Function"))
_ROWS: Final = _RESULTS | {"LogHookEndLine", "SkippingDetails", "LogSkipBecauseError"}
_MESSAGES: Final = frozenset({"RunResultError", "RunResultWarningMessage", "FirstRunResultError", "AfterFirstRunResultError"})
_ABOUT: Final = frozenset({"RunResultFailure", "RunResultWarning"})
"""dbt up to 1.4 names a node once, and says what became of it in the lines after that."""
_ERRORS: Final = frozenset({"MainEncounteredError", "RunningOperationCaughtError", "RunningOperationUncaughtError"})
_COMMAND: Final = _ERRORS | {"MainReportArgs", "CommandCompleted", "EndOfRunSummary", "FinishedRunningStats"}
_READ: Final = _ROWS | _MESSAGES | _ABOUT | _COMMAND
_LONGEST_LINE: Final = 200_000
_MOST_INVOCATIONS: Final = 50


@dataclass
class Invocation:
    """One dbt command, as its log tells of it."""

    id: str
    ended_at: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    """What ended the command itself, whatever became of the nodes."""
    whole: bool = False
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    _about: str = ""
    _by_name: dict[str, str] = field(default_factory=dict)

    def take(self, event: str, data: dict[str, Any]) -> None:
        """Adds what one event says."""
        node = table(data.get("node_info"))
        unique_id = text(node.get("unique_id"))
        if event in _ROWS and unique_id:
            self._row(unique_id, node, data)
        elif event in _COMMAND:
            self._command(event, data)
        else:
            self._about = unique_id or self._by_name.get(_named(event, data), self._about)
            row = self.rows.get(self._about)
            if row and event in _MESSAGES:
                row["message"] = "\n".join(filter(None, (row.get("message"), text(data.get("msg")))))[:_LONGEST_LINE]

    def _row(self, unique_id: str, node: dict[str, Any], data: dict[str, Any]) -> None:
        said = (text(node.get("node_status")).lower(), text(data.get("status")).lower())
        status = "skipped" if said[0].startswith("skip") else first(word for word in said if word not in ("none", "started"))
        self.rows[unique_id] = {"unique_id": unique_id, "status": status, "failures": data.get("num_failures")}
        self._by_name[text(node.get("node_name"))] = unique_id

    def _command(self, event: str, data: dict[str, Any]) -> None:
        if event == "MainReportArgs":
            self.args = table(data.get("args"))
            return
        if event == "CommandCompleted":
            self.args.setdefault("which", name(data.get("command")).removeprefix("dbt ").partition(" ")[0])
        elif event in _ERRORS:
            self.error = text(data.get("exc"))[:_LONGEST_LINE]
        self.whole = True


Line = str | dict[str, Any]
"""A line of a log, as it stands there or parsed."""


def read_log(lines: Iterable[Line]) -> list[Invocation]:
    """The commands a log tells of, at most 50; none where it is no log of dbt's."""
    found: dict[str, Invocation] = {}
    for event, invocation_id, at, data in _events(lines):
        if invocation_id not in found and len(found) < _MOST_INVOCATIONS:
            found[invocation_id] = Invocation(invocation_id)
        if invocation_id in found:
            found[invocation_id].ended_at = at or found[invocation_id].ended_at
            found[invocation_id].take(event, data)
    return list(found.values())


def _event(line: Line) -> dict[str, Any]:
    if isinstance(line, dict):
        return line
    if '"info"' not in line or len(line) > _LONGEST_LINE:
        return {}
    try:
        return table(parse_json(line))
    except BadBody:
        return {}


def is_event(line: str) -> bool:
    """Whether a line of a log is an event that is read; nothing is parsed for it."""
    return '"info"' in line and len(line) <= _LONGEST_LINE and any(f'"{event}"' in line for event in _READ)


def _events(lines: Iterable[Line]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for line in lines:
        event = _event(line)
        info = table(event.get("info"))
        kind, invocation = name(info.get("name")), name(info.get("invocation_id"))
        if kind and invocation and "data" in event:
            yield kind, invocation, text(info.get("ts")), table(event.get("data"))


def _named(event: str, data: dict[str, Any]) -> str:
    """The node a line without its id is about: `Runtime Error in test broken_sql (tests/broken_sql.sql)`."""
    said = text(data.get("msg"))[:1000] if event == "FirstRunResultError" else ""
    return text(data.get("node_name")) or said.partition(" (")[0].rpartition(" ")[2]
