"""Airbyte: syncs that fail and recover, connections it switches off, and schemas that change at the source.

https://docs.airbyte.com/platform/cloud/managing-airbyte-cloud/manage-airbyte-cloud-notifications
"""

from typing import Any, Final

from mappers.airbyte.notice import Notice, What, number, read
from mappers.airbyte.schema import Change, changes
from mappers.contract import (
    Category,
    Draft,
    Example,
    Inbound,
    Level,
    Mapped,
    Phase,
    RunSignal,
    SourceKind,
    State,
    Unmapped,
    duration,
)
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line

_FAILED: Final = "airbyte-sync-failed"
_SWITCHED_OFF: Final = "airbyte-connection-disabled"
_BROKEN: Final = "airbyte-schema-broken"
_PHASES: Final = {What.QUEUED: Phase.SCHEDULED, What.FAILED: Phase.FAILED, What.SUCCEEDED: Phase.SUCCEEDED}
_MOST_FACTS: Final = 25


def _map(inbound: Inbound) -> Mapped:
    notice = read(inbound)
    if notice.what is What.TEST:
        return Mapped(ignored="a test of Airbyte's notification settings")
    signals = (_signal(notice),) if notice.what in _PHASES and notice.job else ()
    if notice.what is What.QUEUED:
        return Mapped(signals=signals, ignored="the sync waits for capacity: nothing to tell anyone yet")
    if notice.what is What.SUCCEEDED:
        return Mapped(drafts=_recoveries(notice), signals=signals)
    return Mapped(drafts=(_DRAFTS[notice.what](notice),), signals=signals)


def _failure(notice: Notice) -> Draft:
    error = _error(notice)
    loaded = number(notice.data.get("recordsCommitted")) or 0
    partly = f"{loaded} {'record was' if loaded == 1 else 'records were'} loaded before it failed." if loaded else ""
    return Draft(
        **_thread(notice, _FAILED),
        category=Category.JOB_FAILURE,
        level=Level.ERROR,
        title=f"{notice.label} failed to sync",
        message="\n\n".join(filter(None, (error, partly))) or f"The sync of {notice.label} failed.",
        excerpt=error,
    )


def _recoveries(notice: Notice) -> tuple[Draft, ...]:
    """A connection that syncs is neither failing nor switched off, whatever it was switched off for."""
    loaded = number(notice.data.get("recordsCommitted"))
    message = f"Synced{f' in {duration(notice.took)}' if notice.took else ''}{f': {loaded} records loaded' if loaded is not None else ''}."
    titles = {
        _FAILED: (Category.JOB_FAILURE, f"{notice.label} failed to sync"),
        _SWITCHED_OFF: (Category.JOB_FAILURE, f"{notice.label} is switched off"),
        _BROKEN: (Category.SCHEMA_CHANGE, f"{notice.label} is switched off by a schema change"),
    }
    return tuple(
        Draft(**_thread(notice, slug), category=category, state=State.RESOLVED, level=Level.SUCCESS, title=title, message=message)
        for slug, (category, title) in titles.items()
    )


def _warning(notice: Notice) -> Draft:
    """On the thread of the connection that is switched off, so that doing it is a rise in level and heard by all."""
    return Draft(
        **_thread(notice, _SWITCHED_OFF),
        category=Category.JOB_FAILURE,
        level=Level.WARNING,
        title=f"{notice.label} keeps failing",
        message=_with_error(notice, "It keeps failing. Airbyte will switch the connection off if that goes on."),
        excerpt=_error(notice),
    )


def _disabled(notice: Notice) -> Draft:
    return Draft(
        **_thread(notice, _SWITCHED_OFF),
        category=Category.JOB_FAILURE,
        level=Level.ERROR,
        title=f"{notice.label} is switched off",
        message=_with_error(
            notice, "Airbyte switched the connection off because it kept failing. It syncs no more until it is switched on again."
        ),
        excerpt=_error(notice),
    )


def _schema_changed(notice: Notice) -> Draft:
    """A note: the change is made, and nothing takes it back."""
    found = changes(notice.paragraphs)
    return Draft(
        **_schema(notice, "airbyte-schema-changed", found),
        state=State.NOTE,
        level=_level(found, Level.WARNING, Level.INFO),
        title=f"Schema of {notice.label} changed",
        message=_changed(notice, found, "Airbyte has taken over what changed at the source"),
    )


def _schema_to_review(notice: Notice) -> Draft:
    """Nothing says that it was reviewed: the next sync runs on the old schema."""
    found = changes(notice.paragraphs)
    return Draft(
        **_schema(notice, "airbyte-schema-review", found),
        level=_level(found, Level.WARNING, Level.WARNING),
        title=f"Schema of {notice.label} changed: review needed",
        message=_changed(notice, found, "The source changed, and Airbyte waits for you to approve it"),
        closes_itself=True,
    )


def _schema_broken(notice: Notice) -> Draft:
    found = changes(notice.paragraphs)
    return Draft(
        **_schema(notice, _BROKEN, found),
        level=Level.ERROR,
        title=f"{notice.label} is switched off by a schema change",
        message=_changed(notice, found, "The source changed, and Airbyte switched the connection off until the change is approved"),
    )


_DRAFTS: Final = {
    What.FAILED: _failure,
    What.WARNED: _warning,
    What.DISABLED: _disabled,
    What.CHANGED: _schema_changed,
    What.TO_REVIEW: _schema_to_review,
    What.BROKEN: _schema_broken,
}


def _thread(notice: Notice, slug: str) -> dict[str, Any]:
    """What all drafts of a connection have in common. The run is named only by the notices that are about one."""
    about_a_run = notice.what in _PHASES
    return {
        "slug": slug,
        "event_data": {"connection": notice.connection},
        "pipeline": notice.label,
        "run": notice.job or None if about_a_run else None,
        "occurred_at": notice.finished if about_a_run else None,
        "links": {"Open connection": notice.url},
        "facts": _facts(notice),
    }


def _schema(notice: Notice, slug: str, found: tuple[Change, ...]) -> dict[str, Any]:
    thread = _thread(notice, slug)
    thread["facts"] = {**{change.name: change.verdict for change in found[:_MOST_FACTS]}, **thread["facts"]}
    return {**thread, "category": Category.SCHEMA_CHANGE}


def _level(found: tuple[Change, ...], unknown: Level, harmless: Level) -> Level:
    if not found:
        return unknown
    return Level.ERROR if any(change.breaks for change in found) else harmless


def _changed(notice: Notice, found: tuple[Change, ...], what: str) -> str:
    """One line a change; an old version's own words where it lists them in another form."""
    lines = [f"{change.name}: {change.verdict}" for change in found]
    said = [line.strip(" *•") for line in notice.text.split("\n")[1:200] if line.strip().startswith(("*", "•"))]
    listed = "\n".join(lines or said)
    return f"{what}:\n\n{listed}" if listed else f"{what}."


def _error(notice: Notice) -> str:
    """Why it failed, in Airbyte's words: of the summary, of the section that says so, or of the sentence."""
    told = notice.data.get("errorMessage")
    if isinstance(told, str) and told.strip():
        return told.strip()
    for section in notice.paragraphs:
        if section.startswith("*Failure reason:*"):
            return section.removeprefix("*Failure reason:*").strip("` \n").removeprefix("[null] ")
    for start, end in (("This happened with ", "\n\nYou can access"), ("The most recent attempted ", "\n\nWorkspace ID")):
        said = notice.text.partition(start)[2].partition(end)[0].strip()
        if said and said != "null":
            return said
    return ""


def _with_error(notice: Notice, sentence: str) -> str:
    error = _error(notice)
    return f"{sentence}\n\n{error}" if error else sentence


def _facts(notice: Notice) -> dict[str, str]:
    data, took = notice.data, notice.took
    extracted, loaded = number(data.get("recordsEmitted")), number(data.get("recordsCommitted"))
    volume = [str(data[key])[:40] for key in ("bytesEmittedFormatted", "bytesCommittedFormatted") if isinstance(data.get(key), str)]
    cause = [str(data[key])[:60].lower().replace("_", " ") for key in ("failureOrigin", "failureType") if isinstance(data.get(key), str)]
    return {
        "Source": notice.source,
        "Destination": notice.destination,
        "Workspace": notice.workspace,
        "Duration": duration(took) if took is not None else "",
        "Records": f"{extracted} extracted, {loaded} loaded" if extracted is not None and loaded is not None else "",
        "Volume": f"{volume[0]} extracted, {volume[1]} loaded" if len(volume) == 2 else "",
        "Failed in": ", ".join(cause),
        "Job": notice.job,
    }


def _signal(notice: Notice) -> RunSignal:
    return RunSignal(
        pipeline=notice.label,
        run=notice.job,
        phase=_PHASES[notice.what],
        at=notice.finished,
        state=notice.what,
        url=notice.url,
        started_at=notice.started,
    )


def _request_key(inbound: Inbound) -> str | None:
    """A job of a connection and how it ended: Airbyte gives its requests no id."""
    try:
        notice = read(inbound)
    except Unmapped:
        return None
    if notice.what not in _PHASES or not notice.job:
        return None
    return one_line(f"{notice.connection} {notice.job} {notice.what}", 200)


_EXAMPLE: Final = b"""{
  "text": "Your connection Orders from Postgres to BigQuery just failed...\\nThis happened with no such table\\n\\nJob ID: 9988",
  "data": {
    "workspace": {"id": "b510e39b-e9e2-4833-9a3a-963e51d35fb4", "name": "Prod", "url": ""},
    "connection": {
      "id": "64d901a1-2520-4d91-93c8-9df438668ff0",
      "name": "Orders",
      "url": "https://airbyte.example.org/connections/64d901a1-2520-4d91-93c8-9df438668ff0"
    },
    "source": {"id": "c0655b08-1511-4e72-b7da-24c5d54de532", "name": "Postgres", "url": ""},
    "destination": {"id": "5621c38f-8048-4abb-85ca-b34ff8d9a298", "name": "BigQuery", "url": ""},
    "jobId": 9988,
    "startedAt": "2026-11-22T02:00:00Z",
    "finishedAt": "2026-11-22T02:04:10Z",
    "recordsEmitted": 89,
    "recordsCommitted": 0,
    "success": false,
    "durationInSeconds": 250,
    "errorMessage": "no such table"
  }
}"""

SOURCE: Final = SourceKind(
    kind="airbyte",
    title="Airbyte",
    auth=(Scheme.TOKEN,),  # Airbyte posts to a URL and can send no header of yours
    event_types=tuple(What),
    map=_map,
    request_key=_request_key,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    steps=(
        "In Airbyte, open Settings, then Notifications of the workspace.",
        (
            "Switch Webhook on for Failed syncs, Successful syncs, Automatic connection updates, Connection updates requiring action, "
            "Warning - repeated failures, and Sync disabled - repeated failures. Without the successful syncs nothing is ever resolved."
        ),
        "Paste this address for each of them: {url}",
        "Press Test beside an address: Airbyte shows that it worked, and the event is listed here as ignored.",
        "Save changes.",
    ),
)
