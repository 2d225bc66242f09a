"""Reading an inbox, what its owner wants to hear, and putting things away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gateway.client import values
from gateway.client.call import ROOT, Call, get, send
from gateway.client.failures import Failures
from gateway.client.values import Conversation, Page, UnreadCount
from gateway.client.words import Category, Level, moment, several, text

Preferences = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Calls(Failures):
    """Every call. Who reads is the person whose token it is; a foreign id is `NotFound`."""

    def get_user_notification_preferences(self, team: str | None = None) -> Call[Preferences]:
        """What the person hears, over which channel, from which level on."""
        return get(f"{ROOT}/preferences", dict, {"team": team or self.team})

    def update_user_notification_preferences(
        self, changes: Mapping[str, Any] | None = None, /, *, team: str | None = None, **named: Any
    ) -> Call[Preferences]:
        """Changes what is given and gives what is in force then. The names are those of `get_user_notification_preferences`."""
        return send("PUT", f"{ROOT}/preferences", dict, {**(changes or {}), **named}, {"team": team or self.team})

    def get_filtered_notifications(
        self,
        team: str | None = None,
        *,
        category: Category | Iterable[Category] = (),
        level: Level | Iterable[Level] = (),
        urgent_only: bool = False,
        read_status: Literal["all", "read", "unread"] = "all",
        status: Literal["all", "open", "resolved"] = "all",
        source: str | None = None,
        pipeline: str | None = None,
        owner: str | None = None,
        tag: str | None = None,
        muted: bool = False,
        archived: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        q: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Call[Page]:
        """A page of the inbox within a filter, newest first; `q` is searched for in the text."""
        query = {
            "team": team or self.team, "category": several(category), "level": several(level), "urgent_only": urgent_only or None,
            "read_status": None if read_status == "all" else read_status, "status": None if status == "all" else status,
            "source": source, "pipeline": pipeline, "owner": owner, "tag": tag, "muted": muted or None, "archived": archived or None,
            "since": since and moment(since), "until": until and moment(until), "q": q, "limit": limit, "cursor": cursor,
        }  # fmt: skip
        return get(f"{ROOT}/filtered", values.page, query)

    def get_urgent_notifications_for_user(self, team: str | None = None) -> Call[tuple[Conversation, ...]]:
        """The urgent bar: what is urgent and open and not put aside; worst, then oldest."""
        return get(f"{ROOT}/urgent-bar", values.conversations, {"team": team or self.team})

    def get_unread_count(self, team: str | None = None) -> Call[UnreadCount]:
        """How many entries are unread, in all and by category."""
        return get(f"{ROOT}/unread-count", values.counts, {"team": team or self.team})

    def mark_read(self, ids: int | Iterable[int], *, read: bool = True) -> Call[tuple[int, ...]]:
        """Marks up to 500 entries as read, or unread again; gives those that were the person's."""
        return send("PUT", f"{ROOT}/v1", values.marked, {"ids": several(ids), "read": read})

    def resolve_notification(self, notification_id: int) -> Call[None]:
        """Closes a notification by its id, for everyone. `resolve` does it by what it is about."""
        return send("POST", f"{ROOT}/{int(notification_id)}/resolve", values.done)

    def cancel_scheduled(self, notification_id: int) -> Call[None]:
        """Takes a scheduled notification back. `Conflict`: it was sent already."""
        return send("DELETE", f"{ROOT}/{int(notification_id)}", values.done)

    def delete_by_source(
        self, source_app: str, source_model: str | None = None, source_id: object = None, *, team: str | None = None
    ) -> Call[int]:
        """Deletes what was created about this object, or about all of this model or application; gives how many."""
        query = {"source_app": source_app, "source_model": source_model, "source_id": None if source_id is None else text(source_id)}
        return send("DELETE", f"{ROOT}/", values.deleted, query={**query, "team": team or self.team})
