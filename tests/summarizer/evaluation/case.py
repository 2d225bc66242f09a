"""The labelled failures: what stands in a file of `cases/`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from summarizer import Failure, Kind

_FOLDER: Final = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """One failure, with what a person says of it."""

    name: str
    failure: Failure
    kind: Kind
    says: tuple[str, ...]
    """Parts of the lines that tell the cause; none where none does."""
    secrets: tuple[str, ...]


def cases() -> list[Case]:
    """All of them, by name."""
    return [_read(path) for path in sorted(_FOLDER.glob("*.txt"))]


def _read(path: Path) -> Case:
    head, _, log = path.read_text("utf-8").partition("---\n")
    fields = [line.partition(": ")[::2] for line in head.splitlines()]
    one = dict(fields)
    says, secrets = (tuple(value for name, value in fields if name == wanted) for wanted in ("says", "secret"))
    return Case(path.stem, Failure(one["title"], log=log), Kind(one["kind"]), says, secrets)
