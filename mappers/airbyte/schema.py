"""What changed in a source's schema, column by column, from the list that Airbyte writes into its notice.

`buildSummary` in https://github.com/airbytehq/airbyte-platform/tree/main/airbyte-notification
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mappers.contract.columns import Verdict
from mappers.contract.text import one_line

_SIGNS: Final = {
    **dict.fromkeys("+＋", ("added", False)),
    **dict.fromkeys("-－", ("removed", True)),
    **dict.fromkeys("~～?", ("changed its type", True)),
}
_MOST: Final = 500


@dataclass(frozen=True)
class Change:
    """One stream or column and what became of it."""

    name: str
    fate: str
    breaks: bool
    """Removed and retyped columns, removed streams and new primary keys break whoever reads them; what is added does not."""

    @property
    def verdict(self) -> str:
        return f"{self.fate} ({Verdict.BREAKS if self.breaks else Verdict.HARMLESS})"


def changes(sections: Iterable[str]) -> tuple[Change, ...]:
    """The changes listed in a notice; empty where it lists none in a form that is known."""
    return tuple(change for section in sections if "(+" in section for change in _listed(section))[:_MOST]


def _listed(section: str) -> Iterator[Change]:
    in_fields, stream = False, ""
    for line in section.split("\n")[:_MOST]:
        sign, _, rest = line.strip().partition(" ")
        name = one_line(rest[:500], 120)
        if sign == "•" and "(+" in name:
            in_fields, stream = name.startswith("Fields"), ""
        elif sign == "•" and in_fields:
            stream = name
        elif sign == "•" and stream:
            yield Change(stream, name[:1].lower() + name[1:], breaks=True)
        elif sign in _SIGNS and name and in_fields:
            fate, breaks = _SIGNS[sign]
            yield Change(f"{stream}.{name}" if stream else name, f"column {fate}", breaks)
        elif sign in ("~", "～") and name:
            stream = name
        elif sign in _SIGNS and name:
            fate, breaks = _SIGNS[sign]
            stream = ""
            yield Change(name, f"stream {fate}", breaks)
