"""`tocsin map KIND FILE`: what a payload would become, without a database and without consequences."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import kinds_of, plain_errors

if TYPE_CHECKING:
    from mappers.contract import Inbound, SourceKind


@click.command("map")
@click.argument("kind")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: drafts, signals, follow_ups, ignored, unmapped. One line for each request."
)
@plain_errors
def map_command(kind: str, file: Path, as_json: bool) -> None:
    """Print what FILE would become as a request of KIND, and why anything is ignored.

    FILE is a body, or a capture with its method, path, headers and body; `-` reads standard input.
    """
    from mappers.contract import Capture

    known = kinds_of(None)
    if kind not in known:
        raise click.ClickException(f"there is no kind {kind!r}; there are {', '.join(sorted(known))}")
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    for number, capture in enumerate(Capture.read(raw)):
        if number and not as_json:
            click.echo()
        meaning = read(known[kind], capture.inbound)
        click.echo(json.dumps(meaning, ensure_ascii=False) if as_json else _plain(meaning))


def read(kind: "SourceKind", inbound: "Inbound") -> dict[str, Any]:
    """What a mapper makes of one request, as JSON values."""
    from dataclasses import replace

    from mappers.contract import Mapped, Unmapped

    unmapped: str | None = None
    try:
        mapped = kind.map(replace(inbound, settings=kind.read_settings({})))
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
        lines += [f"          {name:<9} {draft[name]}" for name in ("pipeline", "run", "occurred_at", "hold") if name in draft]
        lines += [f"          {name:<9} {', '.join(draft[name])}" for name in ("owners", "tags", "impact") if name in draft]
        lines += [f"          {label}: {value}" for name in ("links", "facts") for label, value in draft.get(name, {}).items()]
        lines += [f"          {line}" for line in draft.get("message", "").splitlines()[:6]]
    for signal in meaning["signals"]:
        lines.append(f"RUN       {signal['pipeline']} {signal['run']} is {signal['phase']}")
    for follow_up in meaning["follow_ups"]:
        lines.append(f"FETCH     {follow_up['operation']} {follow_up['ids']}")
    return "\n".join(lines) or "Nothing."
