"""What dbt's own log says of a command that wrote no results: `logs/dbt.log`, as text or as JSON."""

import re
from pathlib import Path
from typing import Final

from gateway.cli.gathering import MEMORY, read_log
from mappers.dbt_core.logs import read_log as commands_of

_TAIL: Final = 1024 * 1024
"""Bytes of the log that are looked at: its end."""
_BEGINS: Final = re.compile(r"^(\x1b\[0m)?={5,} ", re.MULTILINE)
"""The line above each command: `============== 10:42:55.013 | 0f5282ed-… ==============`."""
_STAMPED: Final = re.compile(r"^(\x1b\[0m)?(\d\d:\d\d:\d\d(\.\d+)? |={5,} )")
_ERROR: Final = "Encountered an error"
_MOST: Final = 10_000


def log_beside(folder: Path) -> Path:
    """Where dbt keeps its log when the target folder is where it usually is."""
    return folder.absolute().parent / "logs" / "dbt.log"


def ran_since(folder: Path) -> bool:
    """Whether dbt has run since something was last sent from this folder; true where nobody can tell."""
    try:
        return log_beside(folder).stat().st_mtime > (folder / MEMORY).stat().st_mtime
    except OSError:
        return True


def last_error(folder: Path) -> str:
    """What ended the last command; empty where its log is not there or does not say."""
    try:
        with log_beside(folder).open("rb") as file:
            file.seek(max(file.seek(0, 2) - _TAIL, 0))
            text = file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""
    last = _BEGINS.split(text)[-1]
    logged = commands_of(read_log(last.splitlines()).splitlines())
    if logged:
        return logged[-1].error
    return _message(last.partition(_ERROR)[2]) if _ERROR in last else ""


def _message(text: str) -> str:
    """The lines after the announcement, up to the next that has a time of its own."""
    lines: list[str] = []
    for line in text.split("\n")[1:]:
        if _STAMPED.match(line):
            break
        lines.append(line)
    return "\n".join(lines).strip()[:_MOST]
