"""`run_results.json`: what the nodes of one dbt command came to.

https://docs.getdbt.com/reference/artifacts/run-results-json
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mappers.contract import Draft, Level, Mapped, Phase, RunSignal, State, Unmapped, parse_time
from mappers.dbt_core.contracts import is_violation, violation
from mappers.dbt_core.impact import Impact
from mappers.dbt_core.nodes import TESTS, label
from mappers.dbt_core.shapes import first, table, text, words
from mappers.dbt_core.threads import CONTRACTS, OPERATIONS, Report, thread_of
from mappers.dbt_core.trim import CODE_READ, MESSAGE_READ

_RUNNING: Final = frozenset({"build", "run", "test", "seed", "snapshot", "retry", "run-operation"})
"""Commands whose results are about data. `docs generate`, `compile`, `show` and `clone` mark what they touch, failing
tests included, as a success."""

_PARTIAL: Final = "partial success"
_LEVELS: Final = {
    "error": Level.ERROR,
    "runtime error": Level.ERROR,
    "fail": Level.ERROR,
    _PARTIAL: Level.ERROR,  # some batches of a microbatch model failed; dbt's own exit code is an error
    "warn": Level.WARNING,
    "success": Level.SUCCESS,
    "pass": Level.SUCCESS,
}
_SKIPPED: Final = "skipped"
_SILENT: Final = frozenset({"no-op", "reused"})
"""Statuses of nodes that did not run: they say nothing about the node."""


@dataclass(frozen=True)
class _Result:
    """One readable row."""

    unique_id: str
    status: str
    row: dict[str, Any]

    @property
    def level(self) -> Level:
        return _LEVELS[self.status]

    @property
    def message(self) -> str:
        """dbt's message; it is left out of some results: Fusion's, and of operations up to 1.11."""
        said = text(self.row.get("message"))[:MESSAGE_READ]
        if self.status == _PARTIAL:
            return f"{label(self.unique_id)}: not all of its batches succeeded ({said or self.status})"
        return said or f"{label(self.unique_id)}: {self.status}"

    @property
    def failed(self) -> bool:
        return _LEVELS.get(self.status) is Level.ERROR


def read_results(report: Report) -> Mapped:
    """Failures, warnings and recoveries of exactly the nodes this command ran."""
    command = report.artifact.command
    if command and command not in _RUNNING:
        return Mapped(ignored=f"results of `dbt {_spoken(command)}`: it runs neither models nor tests, and marks all of them as a success")
    results = list(_results(report))
    if not results and _is_cut_off(report):
        raise Unmapped("the body is cut off, and nothing in what is left of it failed")
    if report.artifact.body.get("results") and not results:
        raise Unmapped("no result in it has a unique_id and a status known here")
    drafts = tuple(_drafts(report, results))
    return Mapped(
        drafts=drafts,
        signals=_signals(report, results),
        ignored=None if drafts else "no node of this run passed, failed or warned",
    )


def _results(report: Report) -> list[_Result]:
    """The readable rows that mean something."""
    results = (_Result(text(row.get("unique_id")), text(row.get("status")).strip().lower(), row) for row in report.artifact.results)
    known = (result for result in results if result.unique_id and result.status in _KNOWN)
    return [result for result in known if _believed(report, result)]


_KNOWN: Final = frozenset(_LEVELS) | _SILENT | {_SKIPPED}


def _believed(report: Report, result: _Result) -> bool:
    """Where the command is unknown, what might come from `docs generate` is not taken for a recovery.

    Of a body that is cut off no recovery is: command, target and `--empty` stand at its end.
    With `--empty` every table is read as if it had no rows, so that data tests pass whatever the data are.
    """
    if _is_cut_off(report):
        return _LEVELS.get(result.status) is not Level.SUCCESS
    if str(report.artifact.args.get("empty"))[:4] == "True" and result.status == "pass" and result.unique_id.startswith("test."):
        return False
    if report.artifact.command or report.artifact.is_logged or result.status != "success":
        return True
    return not result.unique_id.startswith(TESTS)


def _is_cut_off(report: Report) -> bool:
    """Whether an artifact lacks its end. A log that does says everything else before."""
    return not report.artifact.whole and not report.artifact.is_logged


def _drafts(report: Report, results: list[_Result]) -> Iterator[Draft]:
    impact = Impact(
        [result.unique_id for result in results if result.status == _SKIPPED],
        [result.unique_id for result in results if result.failed],
        report.manifest,
    )
    for result in results:
        if result.status not in _LEVELS:
            continue
        if result.level is Level.SUCCESS:
            yield from _recoveries(report, result)
        else:
            yield _failure(report, result, impact)
            if is_violation(result.message):
                yield violation(report, result.unique_id, result.message)


def _recoveries(report: Report, result: _Result) -> Iterator[Draft]:
    thread = thread_of(result.unique_id)
    yield report.recovery(thread, result.unique_id, f"{label(result.unique_id)}: {result.status}")
    if result.unique_id.startswith("model."):
        yield report.recovery(CONTRACTS, result.unique_id, f"{label(result.unique_id)} was built: its contract holds")


def _failure(report: Report, result: _Result, impact: Impact) -> Draft:
    message = _told(report, result)
    return report.draft(
        thread_of(result.unique_id),
        result.unique_id,
        State.FIRING,
        result.level,
        message,
        facts=_facts(report, result),
        impact=impact.of(result.unique_id) if result.failed else (),
        excerpt=_excerpt(result, message),
        closes_itself=_is_cut_off(report) and not report.scope.target,  # it may be of another target's thread
    )


def _told(report: Report, result: _Result) -> str:
    """dbt's message. Of an operation the results never hold one: the log does."""
    if thread_of(result.unique_id) is OPERATIONS and not result.row.get("message"):
        return report.error or f"{label(result.unique_id)} failed; dbt writes the reason into its log alone"
    return result.message


def _facts(report: Report, result: _Result) -> dict[str, str]:
    failures = result.row.get("failures")
    known = report.manifest.facts(result.unique_id) if report.manifest else {}
    return {
        "Command": f"dbt {_spoken(report.artifact.command)}" if report.artifact.command else "",
        "Failures": str(failures) if type(failures) in (int, float) and result.unique_id.startswith(TESTS) else "",
        "Failing rows": _failing_rows(report, result),
        "Failed batches": _failed_batches(result),
        **known,
    }


def _failing_rows(report: Report, result: _Result) -> str:
    """The table with the failing rows: in the result itself since v5, in the manifest before."""
    if not result.unique_id.startswith(TESTS):
        return ""
    stored = report.manifest.stored_failures(result.unique_id) if report.manifest else ""
    return first((text(result.row.get("relation_name")), stored))


def _failed_batches(result: _Result) -> str:
    batches = table(result.row.get("batch_results")).get("failed")
    if not isinstance(batches, list) or not batches:
        return ""
    return f"{len(batches)}, first {' to '.join(words(batches[0], 2))}"


def _excerpt(result: _Result, message: str) -> str:
    """What the summary may quote: the message and the SQL that led to it."""
    code = text(result.row.get("compiled_code"))[:CODE_READ].strip()
    return f"{message}\n\nCompiled SQL:\n{code}" if code else message


def _signals(report: Report, results: list[_Result]) -> tuple[RunSignal, ...]:
    """One signal per command, unless an orchestrator reports the run itself. What was cut off may hold a failure."""
    run = report.scope.run_of(report.artifact)
    failed = any(result.failed for result in results)
    if run is None or not report.scope.is_own_run(report.artifact) or not (failed or report.artifact.whole):
        return ()
    return (
        RunSignal(
            pipeline=report.pipeline,
            run=run,
            phase=Phase.FAILED if failed else Phase.SUCCEEDED,
            at=report.at,
            state="error" if failed else "success",
            name=f"dbt {_spoken(report.artifact.command)}" if report.artifact.command else "dbt",
            started_at=_started_at(report),
        ),
    )


def _started_at(report: Report) -> datetime | None:
    """Noted since dbt 1.10; before that, the end less the time it took."""
    noted = parse_time(report.artifact.metadata.get("invocation_started_at"))
    took = report.artifact.body.get("elapsed_time")
    if noted or report.at is None or not isinstance(took, int | float) or not 0 <= took < 10**7:
        return noted
    return report.at - timedelta(seconds=took)


def _spoken(command: str) -> str:
    return "docs generate" if command == "generate" else command
