"""The sentences Prefect's notifications are made of, alone or somewhere inside another message."""

import re
from typing import Final

from mappers.prefect.message import InfrastructureMessage, RunMessage, enum_name, name, plain, text, time

WITH_ID: Final = re.compile(r" with id ([0-9A-Fa-f-]{36}) entered state ([^\n]{1,200})")
"""`Flow run NAME with id UUID entered state STATE`: names hold spaces, dots and underscores."""
OBSERVED: Final = re.compile(r" (?:observed in|entered) state `([^`\n]{1,200})`(?: at ([^\n]{10,48}))?")
"""`Flow run FLOW/RUN observed in state `STATE` at TIME.` (Prefect 2 says *entered*), then labelled lines."""
STATUS: Final = re.compile(r"Prefect (deployment|work pool|work queue) '([^'\n]{1,400})' has entered status '([^'\n]{1,80})'")
"""The subject of a notification about infrastructure."""
FLOW_RUN: Final = "Flow run "
MESSAGE: Final = "State message:"
UUID_LENGTH: Final = 36


def read_run(body: str, *, is_of_another: bool = False) -> RunMessage | None:
    """What this text says of a flow run; None where it holds no such sentence.

    `is_of_another`: the run is named elsewhere, so that the shorter sentence is a quotation: an error that a child run caused.
    """
    return _observed(body) or (None if is_of_another else _with_id(body))


def read_status(body: str) -> InfrastructureMessage | None:
    """What this text says of a deployment, work pool or work queue: by the subject, or by the body's labels alone."""
    url = _labelled(body, "URL:")
    if found := STATUS.search(body):
        thing, called, status = found[1].replace(" ", "-"), found[2], found[3]
    else:
        called, status = _labelled(body, "Name:"), _labelled(body, "Status:")
        thing = "deployment" if "/" in called else "work-queue" if "/work-queues/" in url else "work-pool"
    if not (name(called) and status):
        return None
    within, _, called = called.rpartition("/") if thing == "deployment" else ("", "", called)
    return InfrastructureMessage(thing=thing, name=name(called), status=plain(enum_name(status)), within=name(within), url=url)


def _with_id(body: str) -> RunMessage | None:
    found = WITH_ID.search(body)
    if not found:
        return None
    return RunMessage(run=found[1], state=name(found[2].strip(" .`'\"")), run_name=name(_subject(body, found.start())))


def _observed(body: str) -> RunMessage | None:
    found = OBSERVED.search(body)
    run = re.split(r"[\\%\"',]", _labelled(body, "Flow run ID:"), maxsplit=1)[0]
    if not (found and run) or (len(run) < UUID_LENGTH and body.endswith(run)):  # cut short
        return None
    flow, _, run_name = _subject(body, found.start()).partition("/")  # a flow's name cannot hold a slash, a run's can
    _, _, message = body.partition(MESSAGE)
    return RunMessage(
        run=run,
        state=name(found[1]),
        run_name=name(run_name),
        flow=name(flow),
        text=text(message.strip()),
        at=time((found[2] or "").strip().rstrip(".")),
        url=_labelled(body, "Flow run URL:"),
    )


def _subject(body: str, end: int) -> str:
    """What stands between `Flow run ` and `end` on the same line."""
    start = body.rfind("\n", 0, end) + 1
    begin = body.find(FLOW_RUN, start, end)
    return body[begin + len(FLOW_RUN) : end] if begin >= 0 else ""


def _labelled(body: str, label: str) -> str:
    """The rest of the first line that begins with `label`."""
    start = 0 if body.startswith(label) else body.find(f"\n{label}") + 1
    if start == 0 and not body.startswith(label):
        return ""
    end = body.find("\n", start)
    return name(body[start + len(label) : end if end >= 0 else None])
