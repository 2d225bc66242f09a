"""What the last deed was, carried over the redirect in a short-lived cookie, so that the next page says it and offers to undo it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

COOKIE: Final = "tocsin_said"
_SHAPE: Final = re.compile(r"[a-z-]{1,30}(\.[0-9]{1,18}){0,100}")
_MOST_UNDONE: Final = 100
_SAYINGS: Final = {
    "read": ("Marked as read", "unread"),
    "read-all": ("Marked as read", "unread-all"),
    "unread-all": ("Unread again", None),
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
    "watched": ("Watched from now on", None),
    "unwatched": ("Not watched any more", None),
    "paused": ("Paused: nothing is waited for", None),
    "resumed": ("Watched again, from the next run on", None),
    "refused": ("You are not asked about it again", None),
    "thanks": ("Thank you: that was noted", None),
    "disabled": ("Disabled: nothing more is taken of it, and what it sent stays", None),
    "enabled": ("Enabled: what it sends is taken again", None),
    "source-deleted": ("Deleted: its name is free, and what it told stays readable", None),
    "secret-ended": ("That secret is not accepted any more", None),
    "tested": ("The test was taken: below is what it would become. Nobody is told", None),
    "test-refused": ("The test was taken; but the source has no valid secret, so it refuses what its sender sends", None),
    "member-added": ("Added; they can sign in with that address", None),
    "member-added-asked": ("Added; a mail tells them, and leads them to the sign-in page", None),
    "member-added-lately": ("Added; a mail told them within the last week, so none is sent again", None),
    "member-added-too-many": ("Added, but not told: the team sent as many mails to new members today as it may", None),
    "member-added-refused": ("Added, but not told: their address takes no mail", None),
    "member-added-no-server": ("Added, but not told: no mail server is configured. Tell them yourself", None),
    "member-changed": ("Changed: it counts from now on", None),
    "member-removed": ("Removed from the team; the person stays, with what they have elsewhere", None),
    "signed-out-everywhere": ("Signed out everywhere: every browser of theirs has to sign in anew", None),
    "token-ended": ("That token is not accepted any more", None),
    "unchanged": ("Nothing was changed", None),
    "check-now": ("It is looked at now; look again in a moment", None),
    "replayed": ("Queued to be mapped again; nobody hears twice of the same happening", None),
}
_SEVERAL: Final = {
    "read": "Marked as read: {}",
    "read-all": "Marked as read: {}",
    "unread": "Marked as unread: {}",
    "archive": "Archived: {}",
    "unarchive": "Moved back to the inbox: {}",
    "snooze": "Snoozed: {}; they come back to the top of your inbox",
    "mute": "Muted: {}; you hear of them no more until then",
    "unsnooze": "Back on top of your inbox: {}",
    "unmute": "Not muted any more: {}",
}
"""What is said of more than one."""
_ALL: Final = "read-all"
"""The deed that is taken back by its moment; all others are by the ids they were done to."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about what was just done, and the form that takes it back."""

    text: str
    undo: str | None = None
    """The deed that takes it back; None where nothing does."""
    action: str = "/notifications"
    fields: tuple[tuple[str, str], ...] = ()


def phrases(deed: str) -> tuple[str, str]:
    """What is said of a deed once it is done: to one, and to several, where `{}` stands for how many."""
    saying = _SAYINGS[deed][0]
    return f"{saying}.", f"{_SEVERAL.get(deed, saying)}."


def say(response: web.Response, deed: str, ids: Sequence[int] = (), *, secure: bool) -> web.Response:
    """Leaves word of a deed for the next page; of all that were read, how many and when."""
    kept = ids if len(ids) <= _MOST_UNDONE else ()
    response.set_cookie(COOKIE, ".".join([deed, *map(str, kept)]), max_age=60, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


def said(request: web.Request) -> Said | None:
    """What was said, None where nothing was, or nothing that we would say."""
    text = request.cookies.get(COOKIE, "")
    if not _SHAPE.fullmatch(text):
        return None
    deed, *rest = text.split(".")
    if deed not in _SAYINGS:
        return None
    saying, undo = _SAYINGS[deed]
    numbers = [int(number) for number in rest]
    if deed == _ALL:
        return _of_all(saying, undo, numbers)
    several = _SEVERAL.get(deed, saying).format(len(numbers)) if len(numbers) > 1 else saying
    return Said(f"{several}.", undo if numbers else None, fields=tuple(("id", str(number)) for number in numbers))


def _of_all(saying: str, undo: str | None, numbers: Sequence[int]) -> Said | None:
    """What was done to however many at one moment, given as its microseconds."""
    if len(numbers) != 2:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=numbers[1])
    except OverflowError:
        return None
    return Said(f"{saying}: {numbers[0]}.", undo, "/notifications/unread-all", (("read_at", moment.isoformat()),))
