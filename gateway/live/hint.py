"""What an open page is told: that something changed, and how many are unread. What it shows, it asks for itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CHANGED: Final = "changed"
RESYNC: Final = "resync"
BEAT: Final = "beat"


@dataclass(frozen=True, slots=True)
class Hint:
    """One message of the stream."""

    kind: str
    """`changed`; `resync`: look at everything anew, something may have been missed; `beat`: all is well, or is not."""
    ids: frozenset[int] = frozenset()
    """Notifications of this person that changed."""
    unread: Mapping[str, int] | None = field(default=None, compare=False)
    """How many are unread, by category; None where nobody counted."""
    well: bool = True
    """Of a beat: whether changes are heard of at present."""

    def and_then(self, later: "Hint") -> "Hint":
        """Both in one, for somebody who was slow to take the first."""
        if later.kind == BEAT:
            return later if self.kind == BEAT else self
        if RESYNC in (self.kind, later.kind):
            return Hint(RESYNC, unread=later.unread)
        return Hint(CHANGED, self.ids | later.ids, later.unread) if self.kind == CHANGED else later

    def written(self) -> bytes:
        """As an event of the stream. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream"""
        return f"event: {self.kind}\ndata: {json.dumps(self._said(), separators=(',', ':'))}\n\n".encode()

    def _said(self) -> dict[str, object]:
        if self.kind == BEAT:
            return {"ok": self.well}
        said: dict[str, object] = {"ids": sorted(self.ids)} if self.kind == CHANGED else {}
        if self.unread is not None:
            said["counts"] = {"total": sum(self.unread.values()), "by_category": dict(self.unread)}
        return said
