"""From the rows of deliveries to the messages their readers get, as things stand at that moment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.channels.message import IN_FULL, Kind, MemberLine, Message, Part, Summary
from gateway.domain.history import History, history
from gateway.domain.identity import fingerprint
from gateway.domain.judge import Reason
from gateway.domain.links import absolute
from gateway.domain.unsubscribing import Unsubscribing
from gateway.storage import mail_contents, readings, runs
from gateway.storage.database import Transaction
from gateway.storage.mail_contents import Told
from mappers.contract import Category, Level
from summarizer import Redactor, Unsure


@dataclass(frozen=True, slots=True)
class Desk:
    """What letters are written with, whatever they tell."""

    public_url: str
    unsubscribing: Unsubscribing
    redactor: Redactor = field(default_factory=Redactor)
    """Takes secrets out of what senders said: a mail goes where nobody can take it back."""

    def safe(self, text: str) -> str:
        """The text without secrets; of a text that cannot be made safe, only that."""
        try:
            return self.redactor.clean(text)
        except Unsure:
            return "(left out of the mail: it may hold a secret)"

    def safe_value(self, label: str, text: str) -> str:
        """The same of what stands behind a label: a password by its label alone is one too."""
        return self.safe(f"{label}: {text}").removeprefix(f"{label}: ")


def letters(transaction: Transaction, ids: Sequence[int], *, desk: Desk, now: datetime) -> dict[int, Message]:
    """The messages of these deliveries; none for one where there is nobody, or nothing any more, to tell.

    Readers who are told the same share one tuple of parts, so that it is laid out once.
    """
    told = mail_contents.told(transaction, ids, now=now)
    envelopes = {number: one for number, one in mail_contents.envelopes(transaction, ids).items() if told.get(number)}
    wanted = sorted({one.notification_id for number in envelopes for one in told[number]})
    desk_of = _Parts(transaction, wanted) if wanted else None
    return {number: _message(number, one, desk_of.of(told[number], one, desk), desk, now) for number, one in envelopes.items() if desk_of}


def letter(transaction: Transaction, delivery_id: int, *, desk: Desk, now: datetime) -> Message | None:
    """The message of one delivery; None where there is nobody, or nothing any more, to tell."""
    return letters(transaction, [delivery_id], desk=desk, now=now).get(delivery_id)


def _message(delivery_id: int, envelope: Mapping[str, Any], parts: tuple[Part, ...], desk: Desk, now: datetime) -> Message:
    kind = Kind(envelope["kind"])
    category = None if kind is Kind.DIGEST else parts[0].category
    return Message(
        delivery_id=delivery_id,
        kind=kind,
        to_address=envelope["email"],
        to_name=envelope["name"],
        zone=envelope["settings"].get("timezone", "UTC"),
        team=envelope["team"],
        environment="" if kind is Kind.DIGEST else parts[0].environment,
        subject=envelope["subject"],
        is_reply=envelope["is_reply"],
        conversation=fingerprint("mail-thread", envelope["conversation_id"], desk.public_url)[:24],
        public_url=desk.public_url,
        parts=parts,
        written_at=now,
        folded=envelope["folded"],
        unsubscribe=desk.unsubscribing.link(
            desk.public_url, user_id=envelope["user_id"], team_id=envelope["team_id"], category=category, made_at=envelope["created_at"]
        ),
    )


class _Parts:
    """The notifications of many mails, each looked up and laid out once."""

    def __init__(self, transaction: Transaction, ids: Sequence[int]) -> None:
        self._threads = mail_contents.threads(transaction, ids)
        several = [number for number, row in self._threads.items() if row["members_total"] > 1 or row["firing"] > 1]
        self._members = mail_contents.failing_members(transaction, several) if several else {}
        alone = [number for number in self._threads if number not in set(several)]
        self._alone = mail_contents.only_members(transaction, alone) if alone else {}
        over = [number for number, row in self._threads.items() if row["status"] == "resolved"]
        self._endings = mail_contents.endings(transaction, over) if over else {}
        self._owners = mail_contents.owners(transaction, ids)
        self._summaries = readings.summaries(transaction, ids)
        places = {(row["source_id"], row["environment"], row["pipeline"]) for row in self._threads.values()}
        self._histories = {
            (source_id, environment, pipeline): history(
                runs.recent_ends(transaction, source_id=source_id, environment=environment, pipeline=pipeline)
            )
            for source_id, environment, pipeline in places
            if source_id is not None and pipeline
        }
        self._made: dict[tuple[tuple[Told, ...], str, int], tuple[Part, ...]] = {}

    def of(self, told: Sequence[Told], envelope: Mapping[str, Any], desk: Desk) -> tuple[Part, ...]:
        base = envelope["base_url"] or desk.public_url
        in_full = IN_FULL if envelope["kind"] == Kind.DIGEST and len(told) > IN_FULL else len(told)
        key = (tuple(told), base, in_full)
        if key not in self._made:
            self._made[key] = tuple(self._part(one, base, desk, in_full=place < in_full) for place, one in enumerate(told))
        return self._made[key]

    def _part(self, told: Told, base: str, desk: Desk, *, in_full: bool) -> Part:
        row, ending = self._threads[told.notification_id], self._endings.get(told.notification_id)
        is_closed = ending is not None and ending.is_closing
        of_all = ending.message if ending and (is_closed or row["members_total"] <= 1) else ""
        members = self._members.get(row["id"], [])
        newest = max((one["since"] for one in members), default=None) if told.reason == Reason.GREW else None
        all_recovered = row["status"] == "resolved" and row["members_total"] > 1  # what was last said is of one of them
        own = {} if all_recovered else row["facts"] or {}
        facts = _common([one["details"].get("facts", {}) for one in members]) if members else own
        skipped = dict.fromkeys(name for one in members for name in one["details"].get("impact", ()))
        return Part(
            notification_id=row["id"],
            title=desk.safe(_named(row["title"], self._alone.get(row["id"], ""))),
            category=Category(row["category"]),
            level=Level(row["level"]),
            urgent=row["urgent"],
            is_open=row["status"] == "open",
            reason=told.reason,
            environment=row["environment"],
            message=desk.safe(row["message"]) if in_full and not all_recovered else "",
            excerpt=desk.safe(row["excerpt"]) if in_full else "",
            told_by=next((one["label"] for one in members if _speaks(one["details"], row)), ""),
            opened_at=row["opened_at"],
            resolved_at=row["resolved_at"],
            occurrences=row["count"],
            of_runs=bool(row["run"]),
            firing=row["firing"],
            members_total=max(row["members_total"], row["firing"]),
            members=tuple(
                MemberLine(one["label"], Level(one["level"]), desk.safe(one["details"].get("message", "")), one["since"] == newest)
                for one in sorted(members, key=lambda one: one["since"] != newest)
            ),
            links=absolute(row["links"] or {}, base),
            facts={label: desk.safe_value(label, text) for label, text in facts.items()},
            owners=tuple(self._owners.get(row["id"], ())),
            impact=tuple(skipped or row["impact"] or ()),
            summary=_summary(self._summaries.get(row["id"])) if row["status"] == "open" else None,
            is_closed=is_closed,
            recovery=desk.safe(of_all) if in_full else "",
            history=self._histories.get((row["source_id"], row["environment"], row["pipeline"]), History()),
        )


def _common(each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is true of all of them: the file of one failing test is no fact about the others."""
    return {label: text for label, text in each[0].items() if all(one.get(label) == text for one in each)}


def _speaks(details: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return bool(row["message"]) and all(details.get(name) == row[name] for name in ("message", "excerpt"))


def _named(title: str, member: str) -> str:
    """The thread's title, which speaks for all its members, with the one that fails: `dbt tests failing in shop` says nobody which."""
    is_named = not member or re.search(rf"(?<!\w){re.escape(member)}(?!\w)", title)
    return title if is_named else f"{title}: {member}"


def _summary(kept: Mapping[str, Any] | None) -> Summary | None:
    """What is worth a reader's time: rules that found no cause say nothing that the error does not."""
    if kept is None or (kept["origin"] == "rules" and not kept["cause"]):
        return None
    return Summary(
        headline=kept["headline"],
        cause=kept["cause"] or "",
        evidence=tuple(one["quote"] for one in kept["evidence"]),
        next_steps=tuple(kept["next_steps"]),
        model=kept["model"] or "" if kept["origin"] == "model" else "",
    )
