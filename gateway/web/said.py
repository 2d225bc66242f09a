"""What the last deed was, carried over the redirect in a short-lived cookie, so that the next page says it and offers to undo it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

COOKIE: Final = "tocsin_said"
_SHAPE: Final = re.compile(r"[a-z-]{1,30}(\.[0-9]{1,18}){0,100}")
_MOST_UNDONE: Final = 100
_SAYINGS: Final = {
    "read": ("Marked as read", "unread"),
    "unread": ("Marked as unread", "read"),
    "archive": ("Archived", "unarchive"),
    "unarchive": ("Moved back to the inbox", "archive"),
    "dismiss": ("Dismissed from your bar; it comes back if it gets worse", "undismiss"),
    "undismiss": ("Back on your bar", "dismiss"),
    "acknowledge": ("Acknowledged: everybody sees that you are on it", "unacknowledge"),
    "unacknowledge": ("Acknowledgement taken back", "acknowledge"),
    "resolve": ("Resolved: who was told that it failed is told so", None),
    "nothing": ("Nothing was selected", None),
    "nothing-unread": ("Nothing was unread", None),
    "mute": ("Muted: you hear of it no more until then", "unmute"),
    "unmute": ("Not muted any more", None),
    "snooze": ("Snoozed: it comes back to the top of your inbox", "unsnooze"),
    "unsnooze": ("Back on top of your inbox", None),
    "held": ("Mail is held; what comes meanwhile leaves when this ends", None),
    "released": ("Mail leaves again", None),
    "mail-again": ("Mail goes to that address again", None),
    "session-ended": ("That browser is signed out", None),
    "saved": ("Saved", None),
    "thanks": ("Thank you: that was noted", None),
    "unchanged": ("Nothing was changed", None),
    "replayed": ("Queued to be mapped again; nobody hears twice of the same happening", None),
}
_COUNTED: Final = frozenset({"read", "unread", "archive", "unarchive"})


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about what was just done."""

    text: str
    undo: str | None
    """The deed that takes it back."""
    ids: tuple[int, ...]


def say(response: web.Response, deed: str, ids: Sequence[int] = (), *, secure: bool) -> web.Response:
    """Leaves word of a deed for the next page."""
    kept = ids if len(ids) <= _MOST_UNDONE else ()
    response.set_cookie(COOKIE, ".".join([deed, *map(str, kept)]), max_age=60, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


def said(request: web.Request) -> Said | None:
    """What was said, None where nothing was, or nothing that we would say."""
    text = request.cookies.get(COOKIE, "")
    if not _SHAPE.fullmatch(text):
        return None
    deed, *numbers = text.split(".")
    if deed not in _SAYINGS:
        return None
    saying, undo = _SAYINGS[deed]
    ids = tuple(int(number) for number in numbers)
    counted = f"{saying}: {len(ids)}" if deed in _COUNTED and len(ids) > 1 else saying
    return Said(f"{counted}.", undo if ids else None, ids)
