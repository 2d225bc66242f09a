"""`tocsin summarize FILE`: what a log says went wrong, as people would be told."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from gateway.cli.common import plain_errors, quiet_logging

if TYPE_CHECKING:
    from summarizer import Outcome

_WHY: Final = {
    "no_model": "",
    "redaction": "Nothing was sent and nothing is shown: it cannot be said that the text is free of secrets, mostly because it is none. "
    "Save the log as UTF-8 text.",
    "nothing_to_read": "There is nothing to read in it. Give it the log of the run that failed, or - and pipe the log in.",
    "unusable": "The model's answer did not stand up to the log; this is what rules say.",
}

_PACKED: Final = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_LOOKED_AT: Final = 65_536


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--title", default="", help="What failed, as a notification would say it.")
@click.option("--tool", default="", help="Who reports it, as in dbt_core.")
@click.option("--rules", "rules_alone", is_flag=True, help="Ask no model, whatever is configured.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
@plain_errors
def summarize(file: Path, title: str, tool: str, rules_alone: bool, as_json: bool) -> None:
    """Say what went wrong by a log (- for standard input): by rules, and by a model where AUTO_GENERATE_LLM_FAILURE_SUMMARIES is on."""
    quiet_logging()
    outcome = asyncio.run(_summarize(file, title or (file.name if str(file) != "-" else "a failure"), tool, rules_alone=rules_alone))
    if as_json:
        said = outcome.summary.model_dump(mode="json") if outcome.summary else None
        click.echo(json.dumps({"summary": said, "why_not": outcome.why_not}, ensure_ascii=False))
    else:
        _tell(outcome)
    if outcome.summary is None:
        raise SystemExit(1)


async def _summarize(file: Path, title: str, tool: str, *, rules_alone: bool) -> "Outcome":
    from gateway.config.environment import read_environment
    from gateway.workers.reading import reading_of
    from summarizer import Failure, Outcome, Redactor, WhyNot, summarize

    reading = reading_of(read_environment())
    model = None if rules_alone else reading.model
    with sys.stdin.buffer if str(file) == "-" else file.open("rb") as log:
        try:
            begun = _Begun(log)
            if not begun.first:
                return Outcome(None, WhyNot.NOTHING_TO_READ)
            return await summarize(Failure(title, log=begun, tool=tool), Redactor.for_secrets(reading.secrets), model)
        finally:
            if reading.model is not None:
                await reading.model.close()


class _Begun:
    """An open log, looked into: whether it has anything in it, and is no archive."""

    def __init__(self, log: BinaryIO) -> None:
        self._log = log
        self.first = log.read(_LOOKED_AT)
        if packed := next((name for magic, name in _PACKED.items() if self.first.startswith(magic)), None):
            raise click.ClickException(f"this is a {packed} archive: unpack it first, and give its text (or - to read it from a pipe)")

    def read(self, size: int, /) -> bytes:
        """The next part; empty at the end."""
        part, self.first = self.first[:size], self.first[size:]
        return part or self._log.read(size)


def _tell(outcome: "Outcome") -> None:
    summary, why_not = outcome.summary, outcome.why_not or ""
    if summary is None:
        click.echo(_WHY.get(why_not, f"No summary: {why_not}."), err=True)
        return
    by = f"AI ({summary.model}), checked against the log; it may be wrong" if summary.origin == "model" else "rules"
    click.echo(f"{summary.headline}\n  by {by}; kind {summary.kind}, confidence {summary.confidence}")
    if summary.cause and summary.cause != summary.headline:
        click.echo(f"\n{summary.cause}")
    for one in summary.evidence:
        click.echo(f"\n{one.line:>7}| {one.quote}")
    for step in summary.next_steps:
        click.echo(f"\n→ {step}")
    if summary.missing:
        click.echo(f"\nTo be surer: {summary.missing}")
    if why_not and (said := _WHY.get(why_not, f"The model was of no use: {why_not}.")):
        click.echo(f"\n{said}", err=True)
