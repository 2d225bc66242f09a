"""`tocsin send`: uploads what dbt left in its target folder, after any dbt command, as one bundle."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.cli.common import utc_now
from gateway.cli.notify import NOT_NOW, REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.cli.gathering import Found, Gathered

_RUN_URLS: Final = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
"""Where CI services say which page shows the job."""


@dataclass
class _Said:
    """What is told at the end."""

    quiet: bool
    sent: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    status: int = 0

    def note(self, text: str) -> None:
        self.notes.append(text)
        if not self.quiet:
            click.echo(text)

    def problem(self, text: str, status: int) -> None:
        """Something that `--strict` ends with."""
        self.problems.append(text)
        self.status = max(self.status, status)
        click.echo(f"tocsin send: {text}", err=True)

    def waiting(self, error: str, seconds: float) -> None:
        """A try that failed and is not the last: whoever watches the job sees what it waits for."""
        if not self.quiet:
            click.echo(f"tocsin send: {error}; trying again in {seconds:.1f} s", err=True)


def _since(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time (UTC where no zone is named), or a span: that long ago."""
    from mappers.contract.source import parse_span

    if text is None:
        return None
    span = parse_span(text)
    try:
        found = utc_now() - timedelta(seconds=span) if isinstance(span, int) else datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no time: write 2026-03-02T09:00, or 2h for two hours ago") from None


def _options(command: Any) -> Any:
    """Everything that can be said about an upload."""
    for option in reversed((
        click.option("--target-dir", "folders", multiple=True, type=click.Path(file_okay=False, path_type=Path), envvar="DBT_TARGET_PATH",
                     help="Where dbt writes its artifacts; may be given several times. Default: DBT_TARGET_PATH, else target."),
        click.option("--url", envvar="TOCSIN_HOOK_URL", help="The source's address. Default: TOCSIN_HOOK_URL."),
        click.option("--token", envvar="TOCSIN_HOOK_TOKEN", default="", help="The source's bearer token. Default: TOCSIN_HOOK_TOKEN."),
        click.option("--hmac", "secret", envvar="TOCSIN_HOOK_HMAC", default="",
                     help="Sign with this secret instead: X-Signature, hex HMAC-SHA256. Default: TOCSIN_HOOK_HMAC."),
        click.option("--exit-code-of", "exit_code", type=click.IntRange(0, 255), metavar="N",
                     help="What dbt ended with ($?). It is told, and this command ends with it too."),
        click.option("--log", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
                     help="dbt's JSON log (--log-format json) of this command; - reads standard input."),
        click.option("--pipeline", help="What the orchestrator that reports the run calls it."),
        click.option("--run", help="The orchestrator's id of this run."),
        click.option("--run-url", help="The page of this run. Default: the CI job's, on the usual services."),
        click.option("--target", help="The dbt target, where --target was not given to dbt."),
        click.option("--owner", "owners", multiple=True, help="Who owns what dbt names no owner for; may be given several times."),
        click.option("--since", callback=_since, help="Leave out what was written before this time, or longer ago than 2h."),
        click.option("--strict", is_flag=True, help="End with an error where something could not be sent."),
        click.option("--timeout", type=click.FloatRange(min=0, min_open=True),
                     help="Seconds for all tries together. Default: 10, and one more for each MB."),
        click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Print problems alone."),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command()
@_options
def send(
    folders: Sequence[Path], url: str | None, token: str, secret: str, log: Path | None, since: datetime | None, as_json: bool, quiet: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Upload what dbt wrote: results, sources, catalog and manifest, cut down to what is read.

    Run it after every dbt command. What was sent before is not sent again. A gateway that is down or says no never fails the job,
    unless --strict is given: then this ends with 1 where it was refused or something is broken, and 75 where it could not be
    reached. It ends with 2 where the command itself is wrong.
    """
    from gateway.cli.upload import address

    if not url:
        raise click.UsageError("where to? Give --url or set TOCSIN_HOOK_URL, as in https://tocsin.acme.test/webhooks/acme/dbt")
    try:
        url = address(url)
    except ValueError as error:
        raise click.UsageError(f"--url (TOCSIN_HOOK_URL): {error}") from None
    said = _Said(quiet=quiet or as_json)
    about = _about(given)
    if log:
        about["log"] = _log(log, said)
    gathered = [_gathered(folder, url, since, said) for folder in folders or (Path("target"),)]
    _upload(gathered, about, said, url=url, token=token, secret=secret, timeout=given["timeout"], dry_run=given["dry_run"])
    if as_json:
        click.echo(json.dumps({"sent": said.sent, "notes": said.notes, "problems": said.problems}, ensure_ascii=False))
    status = said.status if given["strict"] else 0
    sys.exit(given["exit_code"] or status)


def _about(given: dict[str, Any]) -> dict[str, Any]:
    """What is known of the run besides its artifacts."""
    about: dict[str, Any] = {
        "pipeline": given["pipeline"],
        "run": given["run"],
        "url": given["run_url"] or _page_of_this_job(),
        "target": given["target"],
        "owners": list(given["owners"]),
    }
    if given["exit_code"] is not None:
        about["command"] = {"metadata": {"generated_at": utc_now().isoformat()}, "exit_code": given["exit_code"]}
    return {name: value for name, value in about.items() if value}


def _page_of_this_job() -> str:
    at, repository, run = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if at and repository and run:
        return f"{at}/{repository}/actions/runs/{run}"
    return next((page for name in _RUN_URLS if (page := os.environ.get(name))), "")


def _log(path: Path, said: _Said) -> str:
    from gateway.cli.gathering import read_log

    try:
        with click.open_file(str(path), encoding="utf-8", errors="replace") as lines:
            kept = read_log(lines)
    except OSError as error:
        said.problem(f"{path} cannot be read: {error.strerror or error}", REFUSED)
        return ""
    if not kept:
        said.note(f"{path}: no result in it; was dbt run with --log-format json?")
    return kept


def _gathered(folder: Path, url: str, since: datetime | None, said: _Said) -> "tuple[Path, Gathered]":
    from gateway.cli.gathering import FILES, gather, remembered

    sizes = [path.stat().st_size for name in FILES.values() if (path := folder / name).is_file()]
    with _progress(sum(sizes), said.quiet) as step:
        gathered = gather(folder, remembered(folder, url), since, step)
    for words in gathered.broken:
        said.problem(words, REFUSED)
    for words in gathered.left_out:
        said.note(words)
    return folder, gathered


@contextmanager
def _progress(size: int, quiet: bool) -> "Iterator[Callable[[Path, int], None]]":
    """A bar for large files, where a person looks on."""
    if quiet or size < 5_000_000 or not sys.stderr.isatty():
        yield lambda _path, _size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading artifacts", total=size)
        yield lambda path, done: bar.update(task, advance=done, description=f"read {path.name}")


def _upload(
    gathered: "list[tuple[Path, Gathered]]", about: dict[str, Any], said: _Said, *,
    url: str, token: str, secret: str, timeout: float | None, dry_run: bool,
) -> None:  # fmt: skip
    from gateway.cli.gathering import bodies, remember

    found = _chosen([one for _, each in gathered for one in each.found])
    project = next((each.project for _, each in gathered if each.project), "")
    about = {**about, **({"project": project} if project else {})}
    if not any(each.news for _, each in gathered) and not about.get("log"):
        error = _failed_without_results([folder for folder, _ in gathered], about)
        if error is None:
            said.note(f"nothing new in {', '.join(str(folder) for folder, _ in gathered)}")
            return
        about["command"] = {**about["command"], "error": error}
    elif error := _failed_operation([folder for folder, _ in gathered], found, about):
        about["command"] = {**about["command"], "error": error}
    parts = [one.in_words for one in found]
    words = ", ".join([*parts, *(["dbt's log"] if "log" in about else []), *(["dbt's exit code"] if "command" in about else [])])
    done = True
    for body in bodies(found, about, lambda words: said.problem(words, REFUSED)):
        if dry_run:
            said.note(f"would send {words}: {_size(len(body))}")
            done = False
        else:
            done = _post(url, body, words, said, token=token, secret=secret, timeout=timeout) and done
            if said.status == NOT_NOW:
                break  # nor would it take the rest
    if done:  # also where there was nothing but an exit code: it is not told again
        for folder, each in gathered:
            remember(folder, url, each.found)


def _failed_without_results(folders: list[Path], about: dict[str, Any]) -> str | None:
    """What ended a dbt that wrote nothing, as far as its log says; None where nothing failed, or was told before."""
    from gateway.cli.dbt_log import last_error, ran_since

    if not about.get("command", {}).get("exit_code") or not any(ran_since(folder) for folder in folders):
        return None
    return next((error for folder in folders if (error := last_error(folder))), "")


def _failed_operation(folders: list[Path], found: "list[Found]", about: dict[str, Any]) -> str:
    """Why `dbt run-operation` failed: its results do not say; empty for any other command."""
    from gateway.cli.dbt_log import last_error

    if not about.get("command", {}).get("exit_code") or not any(one.command == "run-operation" for one in found):
        return ""
    return next((error for folder in folders if (error := last_error(folder))), "")


def _chosen(found: "list[Found]") -> "list[Found]":
    """One manifest and one catalog: a job has one project, and the last folder wins."""
    from mappers.dbt_core.bundle import Kind

    single = {one.kind: one for one in found if one.kind in (Kind.MANIFEST, Kind.CATALOG)}
    return [one for one in found if one.kind not in single or single[one.kind] is one]


def _post(url: str, body: bytes, words: str, said: _Said, *, token: str, secret: str, timeout: float | None) -> bool:
    from gateway.cli.upload import post, seconds_for, shown
    from gateway.client import TocsinError, Unavailable, Unreachable

    try:
        receipt = post(url, body, token=token, secret=secret, timeout=timeout or seconds_for(len(body)), waiting=said.waiting)
    except TocsinError as error:
        told = str(error).replace("TOCSIN_URL", "TOCSIN_HOOK_URL")
        said.problem(f"{words} was not sent: {told}", NOT_NOW if isinstance(error, Unreachable | Unavailable) else REFUSED)
        return False
    said.sent.append({"id": receipt.id, "status": receipt.status, "bytes": len(body), "what": words})
    said.note(f"sent {words} to {shown(url)}: {receipt.status} as event {receipt.id} ({_size(len(body))})")
    return True


def _size(count: int) -> str:
    return f"{count / 1_048_576:.1f} MB" if count >= 1_048_576 else f"{max(count // 1024, 1)} kB"
