"""Anything that can send a request: cron jobs, scripts, health checks, and what speaks apprise, PagerDuty or Opsgenie.

The shape is ours; docs/connect-generic.md tells it.
"""

import hashlib
import json
from typing import Final

from mappers.contract import (
    Category,
    Draft,
    Example,
    Inbound,
    Mapped,
    Member,
    Phase,
    RunSignal,
    SourceKind,
    SourceSettings,
    State,
    Unmapped,
    duration,
)
from mappers.contract.signature import Scheme
from mappers.generic.fields import messages
from mappers.generic.notice import Notice, read, read_each
from mappers.generic.values import links_of, long_text, text_of, words_of
from mappers.generic.words import Sense

_PHASES: Final = {
    Sense.FAILING: Phase.FAILED,
    Sense.FINE: Phase.SUCCEEDED,
    Sense.UNDERWAY: Phase.RUNNING,
    Sense.RETRYING: Phase.RETRYING,
    Sense.CANCELLED: Phase.CANCELLED,
}
_STATES: Final = {Sense.FAILING: State.FIRING, Sense.FINE: State.RESOLVED, Sense.NOTE: State.NOTE, Sense.CANCELLED: State.NOTE}
_SILENT: Final = {Sense.UNDERWAY: "it is under way", Sense.RETRYING: "it will be tried again"}
_KEYS: Final = ("idempotency-key", "webhook-id")


class GenericSettings(SourceSettings):
    """Settings of a generic source."""

    category: Category | None = None
    """What its messages are about where they do not say; without it `job_failure` for a run or a job, else `incident`."""


def _map(inbound: Inbound) -> Mapped:
    notices = read_each(list(messages(inbound)), inbound)
    drafts = tuple(_draft(notice, inbound) for notice in notices if notice.word.sense in _STATES)
    signals = tuple(_signal(notice, inbound) for notice in notices if notice.pipeline and notice.word.sense in _PHASES)
    if drafts:
        return Mapped(drafts=drafts, signals=signals)
    reasons = dict.fromkeys(_SILENT.get(notice.word.sense, notice.word.said) for notice in notices)
    return Mapped(signals=signals, ignored="; ".join(reasons) or "an empty list")


def _draft(notice: Notice, inbound: Inbound) -> Draft:
    fields, state = notice.fields, _STATES[notice.word.sense]
    firing = state is State.FIRING
    return Draft(
        slug="generic-note" if state is State.NOTE else "generic-check",
        event_data=notice.identity,
        member=_member(notice),
        category=notice.category,
        level=notice.level,
        state=state,
        title=notice.title,
        pipeline=notice.pipeline or None,
        run=notice.run or None,
        attempt=_attempt(notice),
        occurrence=f"{notice.since.isoformat()} failing" if firing and notice.since and not notice.run else None,
        occurred_at=notice.at or (notice.since if firing and not notice.run else None),
        urgent=fields.get("urgent"),
        message=_message(notice, inbound),
        links=_links(notice),
        facts=notice.facts,
        owners=words_of(fields.get("owners")),
        tags=words_of(fields.get("tags")),
        environment=text_of(fields.get("environment"), 80) or None,
        closes_itself=firing and fields.get("closes") is True,
        impact=words_of(fields.get("impact")),
        excerpt=(long_text(fields.get("log")) or long_text(fields.get("error"))) if firing else "",
    )


def _signal(notice: Notice, inbound: Inbound) -> RunSignal:
    """A message that names no run is one of its own: what pings can be watched."""
    return RunSignal(
        pipeline=notice.pipeline,
        run=notice.run or (notice.at or inbound.received_at).isoformat(),
        phase=Phase.LATE if notice.category is Category.LATE_RUN and notice.word.sense is Sense.FAILING else _PHASES[notice.word.sense],
        at=notice.at,
        attempt=_attempt(notice),
        state=text_of(notice.fields.get("status"), 80),
        url=text_of(notice.fields.get("runurl") or notice.fields.get("url"), 2000),
        started_at=notice.since if notice.run else None,
        environment=text_of(notice.fields.get("environment"), 80) or None,
    )


def _member(notice: Notice) -> Member | None:
    given = notice.fields.get("member")
    if isinstance(given, dict):
        label = text_of(given.get("label") or given.get("name") or given.get("key"))
        key = text_of(given.get("key") or given.get("id")) or label
    else:
        key = label = text_of(given)
    return Member(key=key, label=label or key) if key else None


def _attempt(notice: Notice) -> int | None:
    said = text_of(notice.fields.get("attempt"), 9)
    return int(said) if said.isdecimal() else None


def _message(notice: Notice, inbound: Inbound) -> str:
    """A recovery tells how long it lasted, where the message says since when."""
    until = notice.at or inbound.received_at
    if notice.word.sense is not Sense.FINE or notice.since is None or notice.since >= until:
        return notice.message
    lasted = f"{'Took' if notice.run else 'Lasted'} {duration(until - notice.since)}"
    return f"{lasted}: {notice.message}" if notice.message else f"{lasted}."


def _links(notice: Notice) -> dict[str, str]:
    named = {"Open": "url", "Open run": "runurl", "Open log": "logurl", "Dashboard": "dashboardurl", "Runbook": "runbookurl"}
    links = {label: text_of(notice.fields.get(name), 2000) for label, name in named.items()}
    return links | links_of(notice.fields.get("links"))


def _request_key(inbound: Inbound) -> str | None:
    """The sender's own id of the message; else who, what and when, where the time is told."""
    if key := next((inbound.headers[name] for name in _KEYS if inbound.headers.get(name)), None):
        return key
    try:
        found = list(messages(inbound))
        if len(found) != 1 or isinstance(found[0], str):
            return None
        if own := text_of(found[0].get("requestid")):
            return own
        notice = read(found[0], inbound)
    except Unmapped:
        return None
    if notice.at is None:
        return None
    said = [notice.identity, str(_member(notice)), notice.word.sense, notice.level, notice.run, _attempt(notice), notice.at.isoformat()]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


_EXAMPLE: Final = (
    b'{"name": "nightly backup", "status": "failed", "message": "rsync: No space left on device (28)", "level": "error",'
    b' "category": "job_failure", "run": "2026-11-22", "at": "2026-11-22T02:10:00Z", "url": "https://ci.example.org/jobs/backup/812",'
    b' "owners": ["data-platform"], "tags": ["backup"]}'
)

SOURCE: Final = SourceKind(
    kind="generic",
    title="Scripts and checks",
    auth=(Scheme.TOKEN, Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.HMAC, Scheme.STANDARD_WEBHOOKS, Scheme.GITHUB),
    event_types=("failed", "warning", "late", "ok", "info", "cancelled", "running"),
    map=_map,
    request_key=_request_key,
    methods=("GET", "POST", "PUT"),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    settings=GenericSettings,
    steps=(
        'Where it fails: curl -fsS -m 10 --retry 3 "{url}" -d name=backup -d status=failed --data-urlencode "message=$error"',
        'Where it works again: curl -fsS -m 10 --retry 3 "{url}" -d name=backup -d status=ok',
        "Or both in one line after any command: backup.sh; curl -fsS -m 10 --retry 3 {url}/backup/$?",
        "Proxies may log the address. Instead of a token in it: auth = { bearer = [...] }, and the header Authorization: Bearer {token}.",
    ),
)
