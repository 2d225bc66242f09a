"""How a dbt command itself ended: one that cannot parse the project writes no results, nor did a `--fail-fast` up to 1.4.

Exit code 1 means that nodes failed, 2 that the command did. https://docs.getdbt.com/reference/exit-codes
"""

from mappers.contract import Draft, Level, Mapped, Phase, RunSignal, State
from mappers.dbt_core.shapes import text
from mappers.dbt_core.threads import Report


def read_command(report: Report, told: bool, failed: bool) -> Mapped:
    """The command's own failure, or its recovery. `told`: there are results beside it; `failed`: and a failure among them."""
    body = report.artifact.body
    error, exit_code = text(body.get("error"))[:20_000].strip(), body.get("exit_code")
    went_wrong = bool(error) or (type(exit_code) is int and exit_code != 0)
    if went_wrong and not failed:
        return Mapped(drafts=(_failure(report, error, exit_code, told),), signals=_signals(report, Phase.FAILED))
    if exit_code is None and not told:
        return Mapped(ignored="the log tells of no node that ran and of no error")
    signals = () if told else _signals(report, Phase.SUCCEEDED)
    return Mapped(drafts=(report.of_command(State.RESOLVED, Level.SUCCESS, "dbt ran to its end"),), signals=signals)


def _failure(report: Report, error: str, exit_code: object, told: bool) -> Draft:
    command = f"dbt {report.artifact.command}".strip()
    ended = f"{command} ended with exit code {exit_code}" if type(exit_code) is int else f"{command} ended with an error"
    how = "and none of the nodes it reports failed" if told else "and wrote no results"
    facts = {"Command": command if report.artifact.command else "", "Exit code": str(exit_code) if type(exit_code) is int else ""}
    return report.of_command(State.FIRING, Level.ERROR, error or f"{ended} {how}.", facts=facts, excerpt=error)


def _signals(report: Report, phase: Phase) -> tuple[RunSignal, ...]:
    run = report.scope.run_of(report.artifact)
    if run is None or not report.scope.is_own_run(report.artifact):
        return ()
    return (
        RunSignal(
            pipeline=report.pipeline, run=run, phase=phase, at=report.at, state=phase.value, name=f"dbt {report.artifact.command}".strip()
        ),
    )
