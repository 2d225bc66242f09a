"""Telling something: the fields of a notification as a call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.client import values
from gateway.client.call import ROOT, Call, send
from gateway.client.values import Created
from gateway.client.words import (
    MESSAGE_LIMIT,
    TITLE_LIMIT,
    Category,
    Deduplicate,
    Level,
    State,
    head,
    present,
    several,
    text,
)

_LISTS: Final = ("users", "permissions", "owners", "tags")
_TEXTS: Final = {
    "slug": 80, "environment": 80, "occurrence": 200, "pipeline": 200, "run": 200, "source_app": 200, "source_model": 200, "source_id": 200,
}  # fmt: skip
Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Creating:
    """Calls that create. `team` is the team where a call names none."""

    team: str | None = None

    def create_notification(
        self,
        title: str,
        message: str = "",
        level: Level = "info",
        team: str | None = None,
        slug: str | None = None,
        event_data: Mapping[str, Any] | None = None,
        permissions: Iterable[str] = (),
        links: Mapping[str, str] | None = None,
        *,
        category: Category | None = None,
        member: str | tuple[str, str] | None = None,
        state: State | None = None,
        occurrence: str | None = None,
        pipeline: str | None = None,
        run: str | None = None,
        environment: str | None = None,
        urgent: bool | None = None,
        users: Iterable[str | int] | None = None,
        owners: Iterable[str] = (),
        tags: Iterable[str] = (),
        facts: Mapping[str, Any] | None = None,
        source_app: str | None = None,
        source_model: str | None = None,
        source_id: object = None,
        deduplicate: Deduplicate | None = None,
        expires_at: datetime | None = None,
        scheduled_time: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Created | None]:
        """Tells a team, or only `users`, something. The same `slug` and `event_data` is the same thread. None: it was skipped.

        `event_data` names the problem and never a run, a time or a text. `member` is what exactly fails inside the thread, alone or
        with the label people read. `users` are e-mail addresses or ids. Without `state`, warnings and errors stay open until resolved.
        """
        given = {
            "title": title, "message": message, "level": level, "team": team, "slug": slug, "event_data": event_data,
            "permissions": permissions, "links": links, "category": category, "member": member, "state": state,
            "occurrence": occurrence, "pipeline": pipeline, "run": run, "environment": environment, "urgent": urgent, "users": users,
            "owners": owners, "tags": tags, "facts": facts, "source_app": source_app, "source_model": source_model,
            "source_id": source_id, "deduplicate": deduplicate, "expires_at": expires_at, "scheduled_time": scheduled_time,
        }  # fmt: skip
        return self._creation(given, idempotency_key)

    def notify_user(
        self,
        user: str | int,
        title: str,
        message: str = "",
        level: Level = "info",
        url: str | None = None,
        source_app: str | None = None,
        source_model: str | None = None,
        source_id: object = None,
        deduplicate: bool | Deduplicate = True,
        expires_at: datetime | None = None,
        *,
        team: str | None = None,
        category: Category | None = None,
        state: State | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Created | None]:
        """Tells one person something. While they have not read it, the same again is skipped (None), unless `deduplicate=False`.

        What is the same: the source triple where it is given, else the title. `url` may be a path on the team's own site.
        """
        triple = present({"source_app": source_app, "source_model": source_model, "source_id": source_id})
        source = {name: text(value) for name, value in triple.items()}
        mode = ("skip-unread" if deduplicate else "never") if isinstance(deduplicate, bool) else deduplicate
        given = {
            "title": title, "message": message, "level": level, "team": team, "category": category, "state": state, "users": [user],
            "links": {"Open": url} if url else None, "deduplicate": mode, "expires_at": expires_at, **source,
            # a thread of their own: people named on one thread hear of each other's
            "event_data": {"user": user, **(source or {"title": head(title, TITLE_LIMIT)})},
        }  # fmt: skip
        return self._creation(given, idempotency_key)

    def resolve(
        self,
        title: str,
        message: str = "",
        team: str | None = None,
        slug: str | None = None,
        event_data: Mapping[str, Any] | None = None,
        *,
        member: str | tuple[str, str] | None = None,
        environment: str | None = None,
        occurrence: str | None = None,
        run: str | None = None,
        source_app: str | None = None,
        source_model: str | None = None,
        source_id: object = None,
        idempotency_key: str | None = None,
    ) -> Call[Created | None]:
        """Says that what was created with the same identity is over. None: nothing was open.

        Identity is team, environment, slug and event_data; where that was not given, the source triple, else the title.
        """
        given = {
            "title": title, "message": message, "level": "success", "state": "resolved", "team": team, "slug": slug,
            "event_data": event_data, "member": member, "environment": environment, "occurrence": occurrence, "run": run,
            "source_app": source_app, "source_model": source_model, "source_id": source_id,
        }  # fmt: skip
        return self._creation(given, idempotency_key)

    def _creation(self, given: Mapping[str, Any], key: str | None) -> Call[Created | None]:
        fields = present({**given, "team": given.get("team") or self.team})
        fields |= {name: head(fields[name], limit) for name, limit in _TEXTS.items() if name in fields}
        fields |= {name: several(fields[name]) for name in _LISTS if name in fields}
        # an empty list of users is nobody; what else is empty says nothing
        fields = {name: value for name, value in fields.items() if value not in ("", []) or name in ("title", "users")}
        fields |= {"title": head(fields["title"], TITLE_LIMIT), "message": head(fields.get("message", ""), MESSAGE_LIMIT)}
        if isinstance(fields.get("member"), tuple):
            fields["member"] = dict(zip(("key", "label"), fields["member"], strict=True))
        if "event_data" in fields:
            fields["event_data"] = {text(name): _scalar(value) for name, value in fields["event_data"].items()}
        if "links" in fields:
            fields["links"] = {head(label, 60): text(target) for label, target in fields["links"].items()}
        if "facts" in fields:
            fields["facts"] = {head(label, 60): head(value, 500) for label, value in fields["facts"].items()}
        return send("POST", f"{ROOT}/", values.created, fields, key=key)


def _scalar(value: object) -> Scalar:
    return value if value is None or isinstance(value, bool | int) else text(value)
