"""Bodies of somebody's own: any template that names a flow run by its id and says what state it is in.

Everything said is spread out as labels with their values (`flowRun.stateName`, `*State:* Failed`, `{"title": "State", "value":
"Failed"}`) and as texts. The run is certain, for its id is a UUID; the rest is as good as the labels are.
"""

import html
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mappers.prefect.message import (
    InfrastructureMessage,
    Message,
    Nothing,
    RunMessage,
    count,
    enum_name,
    is_bookkeeping,
    mapping,
    name,
    plain,
    text,
    time,
    words,
)
from mappers.prefect.states import read_state

LEAVES: Final = 300
"""Values looked at in one body."""
DEPTH: Final = 8
LONGEST: Final = 20_000
"""Characters of one text looked at."""

UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
LINK: Final = re.compile(rf"(https?://[^\s\"'<>|()\[\]]{{1,500}}/)?(?:flow-)?runs/flow-run/({UUID})")
RESOURCE: Final = re.compile(rf"prefect\.flow-run\.({UUID})")
ANY: Final = re.compile(rf"(?<![0-9A-Za-z-]){UUID}(?![0-9A-Za-z-])")
OTHER: Final = re.compile(
    r"(?i)(?:(?:flow|event|deployment|state|task|block|worker|automation|task[ _-]?run|queue|pool)[ _-]?id|follows)\W{1,6}$"
    r"|prefect\.(?!flow-run)[a-z-]+\.$"
)
OTHER_LABEL: Final = re.compile(r"(?:flow|event|deployment|state|task|taskrun|block|worker|automation|(?:work)?(?:queue|pool))id|follows")
"""What calls an id that of something else."""
EVENT: Final = re.compile(r"""["']follows\\?["']\s?:|["']event\\?["']\s?:\s?\{?\\?["']prefect\.""")
"""What an event of Prefect's begins with; the run comes at its end."""
LINE: Final = re.compile(r"^[\W_]{0,6}([A-Za-z][A-Za-z _.-]{1,40}?)(?:[*_`]{0,3}:[*_`]{0,3}[ \t]|:\*\n)[ \t]*([^\n]+)$", re.MULTILINE)
"""`State: Failed`, `*State:*` with what follows on the next line."""
PAIR: Final = re.compile(
    r"""(?:\b([A-Za-z][\w.-]{1,40})=|['"]([A-Za-z][\w.-]{1,40})['"]:[ ])(?:UUID\()?"""
    r"""(?:'([^'\n]{0,2000})'|"([^"\n]{0,2000})"|([\w.-]{1,80}))"""
)
"""`state_name='Failed'`, `'prefect.state-name': 'Failed'`: an object as Python prints it."""
TAG: Final = re.compile(r"<[^<>\n]{1,300}>")

RUN: Final = ("flowrunid", "runid", "flowrun", "run", "resource", "resourceid", "prefectresourceid")
STATE: Final = (
    *("flowrunstatename", "prefectstatename", "statename", "flowrunstate", "runstate", "state", "newstate", "currentstate"),
    *("flowrunstatus", "runstatus", "status", "event", "eventtype"),
)
TYPE: Final = ("flowrunstatetype", "prefectstatetype", "statetype")
FLOW: Final = ("flowname", "flow", "pipeline", "pipelinename", "workflow", "job", "jobname")
DEPLOYMENT: Final = ("deploymentname", "deployment")
RUN_NAME: Final = ("flowrunname", "runname", "flowrun", "run", "prefectresourcename", "name")
MESSAGE: Final = ("flowrunstatemessage", "prefectstatemessage", "statemessage", "flowrunmessage", "errormessage", "error", "exception")
PROSE: Final = ("message", "msg", "description", "details", "reason", "text", "body", "content", "traceback")
TIME: Final = ("flowrunstatetimestamp", "prefectstatetimestamp", "statetimestamp", "timestamp", "occurred", "time", "when", "at", "date")
ATTEMPT: Final = ("flowrunruncount", "prefectruncount", "runcount", "attempt")
WRAPPERS: Final = frozenset(("data", "body", "payload", "content", "details", "customdetails", "run"))
"""What a body is put into: says nothing of what is in it."""
GENERAL: Final = frozenset(("id", "name", "type", "message", "timestamp", "state", "status"))
FIELD_LABELS: Final = ("title", "name", "label", "key")
"""What calls a value in a list of fields, as Slack, Teams and Discord show them."""

STATE_WORDS: Final = (
    *("DBT_TEST_FAILED", "Timed ?Out", "Failed", "Crashed", "Late", "Completed", "Cancelled", "Cancelling", "AwaitingRetry", "Retrying"),
    *("Running", "Pending", "Scheduled", "Paused", "Suspended", "Submitting", "InfrastructurePending", "AwaitingConcurrencySlot"),
)
_WORD: Final = "(" + "|".join(STATE_WORDS) + ")"
IN_STATE: Final = re.compile(rf"(?i:\b(?:state|status|is|now|entered|has|to)|→|->|=>)[\s:=*_`'\"]{{1,6}}{_WORD}\b")
STATE_WORD: Final = re.compile(rf"\b{_WORD}\b(?! [\w])")
"""A state by itself: not the beginning of a name (`Failed orders`)."""
ANY_STATE_WORD: Final = re.compile(rf"\b{_WORD}\b", re.IGNORECASE)
HAPPENED: Final = re.compile(rf"\bprefect\.(?:flow-run|task-run|deployment|work-pool|work-queue)\.(?!{UUID})([A-Za-z][\w.-]{{0,80}})")
STATUS_EVENT: Final = re.compile(r"\bprefect\.(deployment|work-pool|work-queue)\.(not-ready|ready|paused)\b")


class Said(NamedTuple):
    """A body spread out."""

    labels: dict[str, str]
    """Plain label → the first value under it."""
    texts: list[str]
    """Every value that is a text, in order."""


def read_loosely(value: Any) -> Message | None:
    """What a body of somebody's own says of a flow run, or of a deployment, pool or queue; None where it names none."""
    said = spread(value)
    happened = next((found for leaf in said.texts[:50] if (found := HAPPENED.search(leaf))), None)
    if happened and is_bookkeeping(happened[1].rstrip(".")):
        return Nothing(f"{happened[0]} alerts nobody")
    return _run(said) or _status(said)


def names_run(said: Said) -> bool:
    """Whether a label gives a flow run's id."""
    return any(ANY.search(said.labels.get(label, "")) for label in RUN)


def spread(value: Any) -> Said:
    """The labels and texts of a body, within bounds."""
    said = Said({}, [])
    for number, (label, leaf) in enumerate(_leaves(value, (), DEPTH)):
        if number >= LEAVES:
            break
        for word in label:
            said.labels.setdefault(word, leaf)
        said.texts.append(leaf)
    for leaf in said.texts[:50]:
        for found in LINE.finditer(leaf):
            said.labels.setdefault(plain(found[1]), found[2].strip(" \t*_`'\",;"))
        for found in PAIR.finditer(leaf):
            said.labels.setdefault(plain(found[1] or found[2]), found[3] or found[4] or found[5] or "")
    return said


def _leaves(value: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text and number with what it may be called: its own key, and its key within its parent's."""
    if isinstance(value, str):
        inner = mapping(value) if depth else {}
        if not inner:
            yield _called(path), value[:LONGEST]
        value = inner
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _called(path), str(value)[:80]
    if depth == 0:
        return
    if isinstance(value, dict):
        label = next((value[key] for key in FIELD_LABELS if isinstance(value.get(key), str)), "")
        if label and isinstance(value.get("value"), str):
            yield (plain(name(label)),), value["value"][:LONGEST]
            return
        for key, item in list(value.items())[:LEAVES]:
            yield from _leaves(item, (*path, key if isinstance(key, str) else ""), depth - 1)
    elif isinstance(value, list):
        for item in value[:LEAVES]:
            yield from _leaves(item, path, depth - 1)


def _called(path: tuple[str, ...]) -> tuple[str, ...]:
    """`flowrunid` for `data.flowRun.id`: what everything has is called by whose it is."""
    parts = [part for key in path[-3:] if (part := plain(key[:80]))]
    if not parts or parts[-1] not in GENERAL:
        return tuple(parts[-1:])
    return ("".join([part for part in parts[:-1] if part not in WRAPPERS][-1:]) + parts[-1],)


def _run(said: Said) -> RunMessage | None:
    run, link = _run_id(said)
    if not run:
        return None
    type_ = enum_name(_first(said, TYPE))
    state = _state(said, type_)
    return RunMessage(
        run=run,
        state=state or type_,
        type=type_,
        run_name=_name(said, RUN_NAME),
        flow=_name(said, FLOW),
        deployment=_name(said, DEPLOYMENT),
        text=_message(said),
        at=time(*(said.labels.get(label) for label in TIME)),
        attempt=count(_first(said, ATTEMPT)),
        url=link,
        tags=words(_first(said, ("tags",)).strip("[]()").replace("'", "").replace('"', "").split(",")),
    )


def _run_id(said: Said) -> tuple[str, str]:
    """The flow run's id, and the link it was found in."""
    for leaf in said.texts:
        if found := LINK.search(leaf):
            return found[2].lower(), found[0] if found[1] else ""
    for pattern in (RESOURCE, None):
        for label in RUN:
            value = said.labels.get(label, "")
            if (found := pattern.search(value) if pattern else None) or (pattern is None and ANY.fullmatch(value.strip())):
                return (found[1] if found else value.strip()).lower(), ""
    for leaf in said.texts:
        if found := RESOURCE.search(leaf):
            return found[1].lower(), ""
    if said.labels.get("event", "").startswith("prefect.") or any(EVENT.search(leaf) for leaf in said.texts):
        return "", ""  # the ids in what is left of an event are not the run's
    own = said.labels.get("id", "").strip()
    if ANY.fullmatch(own):
        return own.lower(), ""
    others = {value.strip().lower() for label, value in said.labels.items() if OTHER_LABEL.fullmatch(label)}
    named = (one for leaf in said.texts for one in ANY.finditer(leaf) if not OTHER.search(leaf[: one.start()][-40:]))
    runs = list(dict.fromkeys(one[0].lower() for one in named if one[0].lower() not in others))
    return (runs[0], "") if len(runs) == 1 else ("", "")


def is_event(body: str) -> bool:
    """Whether this is what is left of an event of Prefect's: its run comes at its end, and other states before its own."""
    return EVENT.search(body[:600]) is not None


def _state(said: Said, type_: str) -> str:
    unread = ""
    for label in STATE:
        value = _state_name(said.labels.get(label, ""))
        if value and read_state(value, type_):
            return value
        unread = unread or (value if label in STATE[:8] and len(value) < 60 else "")
    for leaf in said.texts:
        found = [match for pattern in (IN_STATE, STATE_WORD) if (match := pattern.search(leaf))]
        if found:
            return min(found, key=lambda match: match.start(1))[1]
    return next((match[1] for leaf in said.texts if (match := ANY_STATE_WORD.search(leaf))), unread)


def _state_name(value: str) -> str:
    """`Failed` of `prefect.flow-run.Failed`, of `StateType.FAILED` and of `Failed('boom')`."""
    return enum_name(value.partition("(")[0])


def _first(said: Said, labels: tuple[str, ...]) -> str:
    return next((value for label in labels if (value := said.labels.get(label, "").strip())), "")


def _name(said: Said, labels: tuple[str, ...]) -> str:
    for label in labels:
        value = name(said.labels.get(label, "").strip(" *_`"))
        if value and not ANY.search(value) and not value.startswith(("{", "[", "prefect.")):
            return value
    return ""


def _message(said: Said) -> str:
    """What a label calls the error; else the longest that a label calls a message; else the longest sentence."""
    told = next((value for label in MESSAGE if (value := said.labels.get(label, "")).strip()), "")
    told = told or max((said.labels.get(label, "") for label in PROSE), key=len)
    if not told.strip():
        told = max((leaf for leaf in said.texts if leaf.count(" ") >= 2), key=len, default="")
    if told.lstrip().startswith("<"):
        told = TAG.sub(" ", told)
    return text(html.unescape(told) if "&" in told and ";" in told else told)


def _status(said: Said) -> InfrastructureMessage | None:
    """A deployment, work pool or work queue that is called by one of Prefect's events."""
    for leaf in said.texts:
        if found := STATUS_EVENT.search(leaf):
            thing = found[1]
            called = _name(said, (f"{plain(thing)}name", plain(thing), "resourcename", "name"))
            called = called or name(leaf[: found.start()].strip().partition(" ")[0])
            within = _name(said, FLOW if thing == "deployment" else ("workpoolname", "workpool"))
            if called:
                within = within if thing != "work-pool" else ""
                return InfrastructureMessage(thing=thing, name=called, status=plain(found[2]), within=within, at=time(_first(said, TIME)))
    return None
