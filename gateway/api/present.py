"""From rows to what goes over the wire."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.api.models import (
    BarCounts,
    BarSource,
    Conversation,
    DeliveryToMe,
    Detail,
    FailureSummary,
    Happening,
    Item,
    Member,
    MemberCounts,
    RunHistory,
    UrgentBar,
)
from gateway.domain.history import History
from gateway.domain.links import absolute
from gateway.storage.inbox import Bar
from mappers.contract import Category, Level

_WHY: Final = {
    "noted": "it was noted; nothing is open because of it",
    "first": "it began to fail",
    "reopened": "it failed again after it had recovered",
    "escalated": "it got worse",
    "grew": "something more began to fail in it",
    "repeat": "it happened again after you had read it",
    "resolved": "it recovered, and you had been told that it failed",
    "passed": "it failed and has recovered since; we heard of the failure only later",
    "flapping": "it keeps failing and recovering; you hear nothing more of it until it is stable",
    "reminder": "it is still open",
}

_SENT: Final = {"digest": "Part of a digest of yours, because {}.", "reminder": "A reminder, because {}."}


def links(row: Mapping[str, Any], public_url: str) -> dict[str, str]:
    """Links as a reader can follow them: paths are resolved against the team's base URL."""
    return absolute(row["links"] or {}, row["base_url"] or public_url)


def _fields(row: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    return {
        **row,
        "links": links(row, public_url),
        "tags": row["tags"] or [],
        "members": MemberCounts(firing=row["firing"], total=max(row["members_total"], row["firing"])),
        "occurrences": row["count"],
        **{name: bool(row[name]) for name in ("muted", "snoozed")},
        **{f"{name}_until": row[f"{name}_until"] if row[name] else None for name in ("muted", "snoozed")},
    }


def item(row: Mapping[str, Any], public_url: str) -> Item:
    """One entry of a list."""
    return Item.model_validate(_fields(row, public_url))


def detail(
    row: Mapping[str, Any],
    members: Iterable[Mapping[str, Any]],
    timeline: Iterable[Mapping[str, Any]],
    deliveries: Iterable[Mapping[str, Any]],
    summary: Mapping[str, Any] | None,
    useful: bool | None,
    past: History | None,
    public_url: str,
) -> Detail:
    """One notification whole."""
    return Detail.model_validate(
        {
            **_fields(row, public_url),
            "facts": row["facts"] or {},
            "impact": row["impact"] or [],
            "summary": FailureSummary.model_validate({**summary, "useful": useful}) if summary else None,
            "history": _history(past) if past else None,
            "why": why(row),
            "member_list": [_member(one, row, public_url) for one in members],
            "timeline": [Happening.model_validate({**one, "members": len(one["members"])}) for one in timeline],
            "deliveries": [DeliveryToMe.model_validate({**one, "why": _why_sent(one)}) for one in deliveries],
        }
    )


def _history(past: History) -> RunHistory:
    usual, last = (span.total_seconds() if span is not None else None for span in (past.usual, past.last))
    return RunHistory(last_success=past.last_success, failed_in_a_row=past.failed_in_a_row, usual_seconds=usual, last_seconds=last)


def _member(one: Mapping[str, Any], row: Mapping[str, Any], public_url: str) -> Member:
    details = one["details"]
    shown_links = links({"links": details.get("links"), "base_url": row["base_url"]}, public_url)
    return Member(
        key=one["key"], label=one["label"] or row["title"], firing=one["firing"], level=one["level"], since=one["since"],
        message=details.get("message", ""), facts=details.get("facts", {}), links=shown_links,
        owners=details.get("owners", []), impact=details.get("impact", []),
    )  # fmt: skip


def why(row: Mapping[str, Any]) -> str:
    """Why a person got this, in a sentence."""
    category = Category(row["category"]).value.replace("_", " ")
    reason = "noted" if row["reason"] in ("first", "reopened") and _is_note(row) else row["reason"]
    return f"You are in team {row['team']} and subscribed to {category}; you got this because {_WHY.get(reason, reason)}."


def _why_sent(one: Mapping[str, Any]) -> str:
    """Why a message went to the person, in a sentence."""
    return _SENT.get(one["kind"], "Because {}.").format(_WHY.get(one["reason"], one["reason"]))


def _is_note(row: Mapping[str, Any]) -> bool:
    """Whether it was closed at once: it tells of something that cannot fail or recover."""
    return row["status"] == "resolved" and row["opened_at"] is not None and row["opened_at"] == row["resolved_at"]


def bar(found: Bar, public_url: str) -> UrgentBar:
    """Open urgent threads, already worst first then oldest, as conversations in that order; and how many there are in all."""
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for row in found.rows:
        grouped.setdefault(row["conversation_id"] or -row["id"], []).append(row)
    conversations = [_conversation(key, members, public_url) for key, members in grouped.items()]
    conversations.sort(key=lambda one: (-Level(one.level).weight, one.since.timestamp() if one.since else 0.0))
    return UrgentBar(
        items=conversations,
        more=found.more,
        counts=BarCounts(total=found.total, unacknowledged=found.unacknowledged),
        sources=[BarSource.model_validate(one) for one in found.sources],
        just_resolved=[item(row, public_url) for row in found.over],
    )


def _conversation(key: int, rows: list[Mapping[str, Any]], public_url: str) -> Conversation:
    worst = rows[0]
    everywhere = all(row["acknowledged_at"] is not None for row in rows)
    opened = [row["opened_at"] for row in rows if row["opened_at"]]
    return Conversation(
        id=abs(key), subject=worst["subject"] or worst["title"], team=worst["team"], source=worst["source"], pipeline=worst["pipeline"],
        environment=worst["environment"], level=worst["level"], category=worst["category"], title=worst["title"], message=worst["message"],
        links=links(worst, public_url), since=min(opened, default=None),
        acknowledged_at=max(row["acknowledged_at"] for row in rows) if everywhere else None,
        acknowledged_by=worst["acknowledged_by"] if everywhere else None, items=[item(row, public_url) for row in rows],
    )  # fmt: skip
