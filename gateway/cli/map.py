"""`tocsin map KIND FILE`: what a payload would become, without a database and without consequences."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import plain_errors

if TYPE_CHECKING:
    from gateway.cli.written import Written, WrittenSource
    from mappers.contract import Inbound, SourceKind, SourceSettings


@click.command("map")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: drafts, signals, follow_ups, ignored, unmapped. One line for each request."
)
@click.option("--source", metavar="TEAM/SLUG", help="Read FILE as this source of tocsin.toml would, with its settings and environment.")
@plain_errors
def map_command(kind: str, file: Path, as_json: bool, source: str | None) -> None:
    """Print what FILE would become as a request of KIND, and why anything is ignored.

    FILE is a body, or a capture with its method, path, headers and body; `-` reads standard input. Third-party kinds are those that
    tocsin.toml allows.
    """
    from dataclasses import replace

    from gateway.cli.written import read_written
    from gateway.config.environment import read_environment
    from mappers.contract import Capture

    written = read_written(read_environment())
    known = written.kinds()
    if kind not in known:
        raise click.ClickException(f"there is no kind {kind!r}; there are {', '.join(sorted(known))}")
    meant = _source(written, source, kind) if source else None
    settings = _settings(known[kind], meant)
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    for number, capture in enumerate(Capture.read(raw)):
        if number and not as_json:
            click.echo()
        inbound = replace(capture.inbound, settings=settings, environment=(meant.environment or None) if meant else None)
        meaning = read(known[kind], inbound)
        click.echo(json.dumps(meaning, ensure_ascii=False) if as_json else _plain(meaning))


def _source(written: "Written", name: str, kind: str) -> "WrittenSource":
    found = next((source for source in written.sources if source.name == name), None)
    if found is None:
        there = ", ".join(source.name for source in written.sources) or "none"
        where = written.path or "tocsin.toml (which is not here; TOCSIN_CONFIG names another)"
        raise click.ClickException(f"there is no [[source]] {name} in {where}; there are: {there}")
    if found.kind != kind:
        raise click.ClickException(f"{name} is a source of kind {found.kind}, not {kind}")
    return found


def _settings(kind: "SourceKind", source: "WrittenSource | None") -> "SourceSettings":
    from pydantic import ValidationError

    from gateway.config.faults import of_settings

    try:
        return kind.read_settings(source.settings if source else {})
    except ValidationError as error:
        raise click.ClickException("\n".join(of_settings(error, kind.settings.model_fields))) from None


def read(kind: "SourceKind", inbound: "Inbound") -> dict[str, Any]:
    """What a mapper makes of one request, whose settings are read already, as JSON values."""
    from mappers.contract import Mapped, Unmapped

    unmapped: str | None = None
    try:
        mapped = kind.map(inbound)
    except Unmapped as reason:
        mapped, unmapped = Mapped(), reason.reason
    return {
        "drafts": [draft.model_dump(mode="json", exclude_defaults=True) for draft in mapped.drafts],
        "signals": [signal.model_dump(mode="json", exclude_defaults=True) for signal in mapped.signals],
        "follow_ups": [follow_up.model_dump(mode="json") for follow_up in mapped.follow_ups],
        "ignored": mapped.ignored,
        "unmapped": unmapped,
    }


def _plain(meaning: dict[str, Any]) -> str:
    lines: list[str] = []
    if meaning["unmapped"]:
        lines.append(f"UNMAPPED  {meaning['unmapped']}")
    if meaning["ignored"]:
        lines.append(f"IGNORED   {meaning['ignored']}")
    for draft in meaning["drafts"]:
        state = draft.get("state", "firing").upper()
        lines.append(f"{state:<9} {draft['category']} {draft['level']}: {draft['title']}")
        if "member" in draft:
            lines.append(f"          member    {draft['member']['label']}")
        identity = ", ".join(f"{key}={value}" for key, value in draft["event_data"].items())
        lines.append(f"          thread    {draft['slug']} ({identity})")
        lines += [
            f"          {name:<9} {draft[name]}" for name in ("environment", "pipeline", "run", "occurred_at", "hold") if name in draft
        ]
        lines += [f"          {name:<9} {', '.join(draft[name])}" for name in ("owners", "tags", "impact") if name in draft]
        lines += [f"          {label}: {value}" for name in ("links", "facts") for label, value in draft.get(name, {}).items()]
        lines += [f"          {line}" for line in draft.get("message", "").splitlines()[:6]]
    for signal in meaning["signals"]:
        lines.append(f"RUN       {signal['pipeline']} {signal['run']} is {signal['phase']}")
    for follow_up in meaning["follow_ups"]:
        lines.append(f"FETCH     {follow_up['operation']} {follow_up['ids']}")
    return "\n".join(lines) or "Nothing."
