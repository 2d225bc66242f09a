"""One thread while a batch is recorded: its state, how it is presented, and what must be written and told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from gateway.domain.episode import Ending, Episode, current, ending
from gateway.domain.judge import CLEARS_PUT_ASIDE, Alert, Reason, Verdict
from gateway.domain.thread import WHOLE, Occurrence, Thread, settled, step
from gateway.engine.happening import Happening
from gateway.storage.teams import Team
from gateway.storage.thread_statements import OF_THE_FIRST_REPORT, OPEN
from gateway.storage.threads import RESOLVED, UNSEEN, Stored, kept_swings
from mappers.contract import Category, Draft, Level, State

_LOUD: Final = {Alert.AUDIENCE, Alert.READERS}
SHOWN: Final = frozenset({Reason.FIRST, Reason.REOPENED, Reason.ESCALATED, Reason.GREW, Reason.REPEAT, Reason.PASSED, Reason.FLAPPING})


@dataclass(slots=True)
class Ledger:
    """What the batch has made of one thread so far."""

    id: int
    thread: Thread
    row: dict[str, Any]
    saved: Mapping[str, Any]
    """The row as it is in the database."""
    team: Team
    conversation: str | None = None
    """Identity of the conversation to attach to, where the thread just became visible."""
    shrank: bool = False
    """Whether the member that the thread speaks of may have recovered while others fire."""
    was_episode: int | None = None
    """The number under which people were told of the open episode, where it has another one now."""
    member_rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Stored members of which only the state changed."""
    ended: set[str] = field(default_factory=set)
    occurrence_rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[str, Occurrence] = field(default_factory=dict)
    seen_open: set[datetime] = field(default_factory=set)
    """When those episodes opened that people could know of."""
    episodes: dict[datetime, Episode] = field(default_factory=dict)
    """Those that changed, by when they opened."""
    is_out_of_order: bool = False
    """Whether something was folded in between, so that earlier episodes may be other than they are stored."""
    alert: Alert = Alert.NOBODY
    reason: Reason = Reason.NOTHING_OPEN
    news: str = ""
    stale: bool = False
    owners: set[tuple[str, bool]] = field(default_factory=set)
    permissions: set[str] = field(default_factory=set)
    audience_anew: bool = False
    """Whether owners and permissions replace those stored, or join them."""
    logs: dict[str, Any] | None = None
    """Where more of the log of what was reported last can be had."""
    touched: bool = False
    """Whether there is anything to write."""

    @classmethod
    def open(cls, stored: Stored, teams: Mapping[int, Team]) -> "Ledger":
        """A ledger for a thread as it is stored."""
        opened = stored.thread.opened_at if stored.thread.is_open else None
        return cls(
            id=stored.id, thread=stored.thread, row=dict(stored.row), saved=stored.row, team=teams[stored.row["team_id"]],
            seen_open={opened} if opened else set(),
        )  # fmt: skip

    @property
    def team_id(self) -> int:
        """The team it belongs to."""
        team_id: int = self.row["team_id"]
        return team_id

    def seen(self, verdict: Verdict) -> Verdict:
        """The verdict as people see it: what nobody saw before, for it was on hold, is their first of it."""
        unseen = self.row["status"] == UNSEEN and verdict.reason is Reason.REOPENED
        return replace(verdict, reason=Reason.FIRST) if unseen else verdict

    def apply(self, verdict: Verdict, happening: Happening, known: Occurrence | None, now: datetime) -> None:
        """Takes over what the judge said of a happening; `known` is what was known under its key."""
        occurrence = verdict.occurrence or happening.occurrence
        before, self.thread = self.thread, verdict.thread
        self.is_out_of_order |= occurrence != known and (known is not None or self._is_late(happening, before))
        if before.opened_at != self.thread.opened_at:
            self._note_episode(settled(before, occurrence.at))
        self.known[occurrence.key] = occurrence
        self._follow_members(before, happening)
        if before.is_open and self.thread.is_open and before.episode != self.thread.episode and self.was_episode is None:
            self.was_episode = before.episode
        if happening.occurrence.state is not State.RESOLVED:
            self._add_audience(happening, anew=not before.firing)
            self.row["first_at"] = min(self.row["first_at"] or occurrence.at, occurrence.at)
            if not (self._is_late(happening) and happening.lead.level.weight <= before.weight()):
                self._present(happening.lead, verdict.reason, happening)
        self.shrank = self.thread.is_open and (self.shrank or verdict.reason is Reason.SHRANK)
        if occurrence != known:
            self._write_occurrence(occurrence, verdict, happening, now)
        self.settle(verdict.reason, now, occurrence.at)
        if verdict.reason in SHOWN:
            self.conversation = happening.conversation

    def settle(self, reason: Reason, now: datetime, at: datetime, ended_by: Ending = Ending.SENDER) -> None:
        """Brings the stored columns in line with the folded thread."""
        self.touched = True
        self._note_episode(self.thread, ended_by)
        thread, row = self.thread, self.row
        row["status"] = OPEN if thread.is_open else RESOLVED if reason in SHOWN or row["status"] != UNSEEN else UNSEEN
        shown = [member for member in thread.firing.values() if member.held_until is None]
        level = max((member.level for member in shown), key=lambda one: one.weight, default=thread.level or Level(row["level"]))
        row["level"], row["weight"] = level.value, level.weight
        row["urgent"] = self.team.policy.is_urgent(row["urgent_stated"], Category(row["category"]), level) and (
            thread.is_open or reason is not Reason.PASSED
        )
        row["firing"], row["episode"], row["count"] = len(shown), thread.episode, thread.count
        row["opened_at"], row["resolved_at"] = thread.opened_at, thread.resolved_at
        row["folded_at"], row["folded_resolved"], row["folded_key"] = thread.last or (None, None, None)
        row["swings"], row["flapping"] = kept_swings(thread.swings), thread.is_flapping
        timers = (thread.swings.stable_at, *(member.held_until for member in thread.firing.values()))
        row["due_at"] = min((timer for timer in timers if timer), default=None)
        row["silence_at"] = row["silence_at"] if thread.firing else None
        row["last_at"] = max(row["last_at"] or at, at)
        if reason in CLEARS_PUT_ASIDE:
            row["acknowledged_at"], row["acknowledged_by"] = None, None

    def speak_for(self, details: Mapping[str, Any], run: str | None) -> None:
        """Lets a member that still fires stand for the thread; what recovered does not speak for it any more."""
        self.row |= {name: details[name] for name in ("message", "links", "facts", "impact", "excerpt") if name in details} | {"run": run}

    def tell(self, reason: Reason, alert: Alert, news: str, *, stale: bool) -> None:
        """Notes whom to tell; of several alerts for the same people the first, or the louder, speaks."""
        if alert is Alert.NOBODY:
            return
        louder = self.alert is Alert.READERS and alert is Alert.AUDIENCE
        if self.alert is Alert.NOBODY or louder or (reason in CLEARS_PUT_ASIDE and self.reason not in CLEARS_PUT_ASIDE):
            self.alert, self.reason, self.news, self.stale = alert, reason, news, stale

    @property
    def reminder_at(self) -> datetime | None:
        """When to remind people of it; None where it is not open, or nobody was told of it, or it flaps."""
        row = self.row
        if not self.thread.is_open or self.thread.is_flapping or row["told_at"] is None:
            return None
        acknowledged = row["acknowledged_at"] is not None
        return self.team.policy.remind_at(row["told_at"], urgent=row["urgent"], acknowledged=acknowledged, reminded=row["reminded"])

    def plan_reminder(self, now: datetime) -> None:
        """Notes that people are told now, and when they are to be reminded."""
        if self.alert is Alert.REMINDED:
            self.row["told_at"], self.row["reminded"] = now, self.row["reminded"] + 1
        elif self.alert is Alert.AUDIENCE:
            self.row["told_at"], self.row["reminded"] = None if self.stale else now, 0
        self.row["remind_at"] = self.reminder_at

    def close(self, occurrence: Occurrence, message: str, now: datetime) -> None:
        """Ends the episode by something other than a sender's word; `message` says why."""
        self.ended |= self.thread.firing.keys()
        self.thread = step(self.thread, occurrence)
        self.settle(Reason.RESOLVED, now, occurrence.at, ending(occurrence))
        self.occurrence_rows[occurrence.key] = self._occurrence_row(occurrence, Reason.RESOLVED, now) | {
            "title": self.row["title"],
            "message": message,
        }

    @property
    def episode_rows(self) -> list[dict[str, Any]]:
        """The episodes that are to be written, with how often all are told of them now: a repeat goes to those alone who had read it."""
        is_told = self.alert not in (Alert.NOBODY, Alert.READERS) and self.thread.opened_at in self.seen_open
        told = self.thread.opened_at if is_told else None
        if told is not None and told not in self.episodes:
            self._note_episode(self.thread)
        about = {name: self.row[name] for name in ("team_id", "source_id", "category", "environment", "pipeline")}
        return [
            {
                "notification_id": self.id, **about, "opened_at": one.opened_at, "resolved_at": one.resolved_at,
                "ended_by": one.ended_by and one.ended_by.value, "happenings": one.happenings, "flapped": one.flapped,
                "alerts": int(one.opened_at == told),
            }
            for one in self.episodes.values()
        ]  # fmt: skip

    @property
    def changes(self) -> dict[str, Any]:
        """The columns that are to be written."""
        return {name: value for name, value in self.row.items() if value != self.saved[name]}

    def written(self) -> None:
        """Everything noted so far is saved and told."""
        self.saved = dict(self.row)
        self.conversation = self.was_episode = None
        self.shrank = self.touched = False
        self.owners, self.permissions, self.audience_anew = set(), set(), False
        self.member_rows, self.moved, self.ended, self.occurrence_rows = {}, {}, set(), {}
        self.episodes, self.is_out_of_order = {}, False
        self.alert, self.reason, self.news, self.stale = Alert.NOBODY, Reason.NOTHING_OPEN, "", False

    def conflicts_with(self, alert: Alert, *, stale: bool) -> bool:
        """Whether what was noted so far must be told before this: a failure, a recovery and what is said quietly do not mix."""
        if Alert.NOBODY in (alert, self.alert):
            return False
        return stale != self.stale or (alert is not self.alert and not {alert, self.alert} <= _LOUD)

    def _is_late(self, happening: Happening, thread: Thread | None = None) -> bool:
        """Whether something that happened after it is known already."""
        last = (thread or self.thread).last
        return last is not None and happening.occurrence.order < last

    def _note_episode(self, thread: Thread, ended_by: Ending = Ending.SENDER) -> None:
        one = current(thread, ended_by)
        if one is None:
            return
        if thread.is_open:
            self.seen_open.add(one.opened_at)
        if one.opened_at in self.seen_open:
            self.episodes[one.opened_at] = one

    def _follow_members(self, before: Thread, happening: Happening) -> None:
        fires = happening.occurrence.state is State.FIRING
        drafts = {draft.member.key if draft.member else WHOLE: draft for draft in happening.drafts} if fires else {}
        for key in before.firing.keys() - self.thread.firing.keys():
            self.moved.pop(key, None)
            self.ended.add(key)
            if key in self.member_rows:
                self.member_rows[key] |= {"firing": False, "held_until": None}
        for key, member in self.thread.firing.items():
            known = before.firing.get(key)
            state = {
                "firing": True,
                "level": member.level.value,
                "since": member.since,
                "run": member.run,
                "held_until": member.held_until,
                "episode": self.thread.episode,
            }
            draft = drafts.get(key)
            if draft and not (known and self._is_late(happening)):
                self.ended.discard(key)
                self.moved.pop(key, None)
                label = draft.member.label if draft.member else ""
                self.member_rows[key] = {"notification_id": self.id, "key": key, "label": label, **state, "details": _details(draft)}
            elif key in self.member_rows:
                self.member_rows[key] |= state
            elif member != known or self.thread.episode != before.episode:
                self.ended.discard(key)
                self.moved[key] = state

    def _present(self, draft: Draft, reason: Reason, happening: Happening) -> None:
        row = self.row
        if reason is Reason.SAME_OCCURRENCE:
            self._fill_in(draft)
            return
        if row["title"] and draft.level.weight < self.thread.weight():
            return
        if reason is Reason.PASSED and row["title"]:
            return
        row |= {
            "category": draft.category.value, "title": draft.title, "level": draft.level.value,
            "message": draft.message or (row["message"] if reason is Reason.REPEAT else ""),
            "links": dict(draft.links), "facts": dict(draft.facts), "tags": list(draft.tags), "impact": list(draft.impact),
            "pipeline": draft.pipeline, "run": draft.run, "excerpt": draft.excerpt, "urgent_stated": draft.urgent,
            "source_app": draft.source_app, "source_model": draft.source_model, "source_ref": draft.source_id,
            "expires_at": draft.expires_at,
        }  # fmt: skip
        self.logs = draft.logs.model_dump() if draft.logs else None
        origin = happening.origin
        row["silence_at"] = origin.received_at + origin.silence if draft.closes_itself else None

    def _fill_in(self, draft: Draft) -> None:
        """What another report of the same happening adds to a thread without members: the longer text, and further links and facts."""
        row = self.row
        if draft.member is not None or not row["title"]:
            return
        if len(draft.message) > len(row["message"]):
            row["message"], row["excerpt"] = draft.message, draft.excerpt or row["excerpt"]
        row["links"], row["facts"] = {**draft.links, **row["links"]}, {**draft.facts, **row["facts"]}

    def _add_audience(self, happening: Happening, *, anew: bool) -> None:
        """While anything fires, a thread belongs to the owners of all its members, and asks for all their permissions."""
        if anew:
            self.owners, self.permissions, self.audience_anew = set(), set(), True
        owners = [word for one in happening.drafts for word in one.owners] or happening.origin.owners
        self.owners |= {(word, False) for word in owners} | {(word, True) for one in happening.drafts for word in one.tags}
        self.permissions |= {word for one in happening.drafts for word in one.permissions}

    def _write_occurrence(self, occurrence: Occurrence, verdict: Verdict, happening: Happening, now: datetime) -> None:
        lead = happening.lead
        row = self._occurrence_row(occurrence, verdict.reason, now) | {
            "event_id": happening.origin.event_id,
            "attempt": lead.attempt,
            "title": lead.title,
            "message": lead.message,
        }
        first = self.occurrence_rows.get(occurrence.key, {})
        self.occurrence_rows[occurrence.key] = row | {name: first[name] for name in OF_THE_FIRST_REPORT if name in first}

    def _occurrence_row(self, occurrence: Occurrence, reason: Reason, now: datetime) -> dict[str, Any]:
        return {
            "notification_id": self.id,
            "key": occurrence.key,
            "event_id": None,
            "state": occurrence.state.value,
            "occurred_at": occurrence.at,
            "recorded_at": now,
            "run": occurrence.run,
            "attempt": None,
            "reason": reason.value,
            "episode": self.thread.episode,
            "members": {key: level.value for key, level in occurrence.members.items()},
            "held_until": occurrence.held_until,
            "spares_own_run": occurrence.spares_own_run,
            "final": occurrence.final,
        }


def _details(draft: Draft) -> Mapping[str, Any]:
    return {
        "message": draft.message,
        "facts": dict(draft.facts),
        "links": dict(draft.links),
        "owners": list(draft.owners),
        "impact": list(draft.impact),
        "excerpt": draft.excerpt,
    }
