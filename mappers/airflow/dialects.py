"""Reading: our own callbacks' JSON; the context of a user's own callback, dumped as it came; a text as it is sent to Slack.

ours      {"tocsin": "airflow", "event": "task", "state": "failed", "dag_id": …, "run_id": …}
context   {"dag_id": …, "task_id": …, "exception": …}, also nested ("ti": {…}) or as Python prints it
          ("<TaskInstance: orders_dag.load manual__2026-11-22 [failed]>")
text      lines "*Dag*: orders_dag", as in the many recipes for Slack, in `text` or anywhere else
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappers.airflow.message import Message
from mappers.airflow.shapes import names, number, string, table
from mappers.contract import BadBody, Inbound, Phase, Unmapped, parse_time
from mappers.contract.text import clean, one_line

_PHASES: Final = {
    **dict.fromkeys(("failed", "failure", "fail", "error", "failing", "task_failed", "dag_failed", "upstream_failed"), Phase.FAILED),
    **dict.fromkeys(("up_for_retry", "retry", "retrying", "task_retry"), Phase.RETRYING),
    **dict.fromkeys(("success", "succeeded", "successful", "ok", "completed", "recovered", "resolved"), Phase.SUCCEEDED),
    **dict.fromkeys(("running", "started", "start", "restarting", "deferred", "up_for_reschedule"), Phase.RUNNING),
    **dict.fromkeys(("queued", "scheduled", "none"), Phase.SCHEDULED),
    **dict.fromkeys(("late", "sla_miss", "sla_missed", "missed", "deadline", "deadline_missed"), Phase.LATE),
    **dict.fromkeys(("skipped", "removed", "cancelled"), Phase.CANCELLED),
}
_SPELLINGS: Final = {
    "dag_id": ("dag_id", "dagid", "dag", "dag name", "dag id", "dag_name", "pipeline"),
    "task_id": ("task_id", "taskid", "task", "task name", "task id", "task_name", "task_instance_id"),
    "run_id": ("run_id", "dag_run_id", "runid", "run", "run id", "dag run", "dag_run"),
    "state": ("state", "status", "task_state", "dag_state", "task state", "event_type", "alert_type", "current_state"),
    "try_number": ("try_number", "try", "attempt", "try number"),
    "max_tries": ("max_tries", "retries", "max tries"),
    "map_index": ("map_index", "map index"),
    "clear_number": ("clear_number",),
    "log_url": ("log_url", "log", "logs", "log url", "log_link", "logs url", "url", "link", "task_log_url", "log link"),
    "dag_url": ("dag_url", "dag_link", "dag_run_url"),
    "exception": ("exception", "error", "error_message", "exception_message", "error message"),
    "said": ("message", "msg", "details", "description"),
    "traceback": ("traceback", "stacktrace", "stack_trace", "formatted_exception"),
    "reason": ("reason",),
    "at": ("at", "timestamp", "time", "event_time", "ts_now"),
    "logical_date": ("logical_date", "execution_date", "ts", "execution time", "execution date", "logical date", "run_after"),
    "started_at": ("started_at", "start_date", "start_time"),
    "ended_at": ("ended_at", "end_date", "end_time"),
    "operator": ("operator",),
    "owners": ("owners", "owner", "dag_owner", "task_owner"),
    "tags": ("tags", "dag_tags"),
    "downstream": ("downstream", "downstream_task_ids"),
}
_FIELDS: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
_INNER: Final = ("ti", "task_instance", "dag_run", "dag", "task", "context", "data", "payload", "alert", "body", "event")
"""Where a context keeps more of itself; what stands outside counts more."""
_PRINTED: Final = (
    re.compile(
        r"<TaskInstance: (?P<dag_id>[\w\-]{1,250})\.(?P<task_id>[\w.\-]{1,250}) (?P<run_id>\S{1,250})"
        r"(?: map_index=(?P<map_index>\d{1,9}))? \[(?P<state>\w{1,30})\]>"
    ),
    re.compile(
        r"<DagRun (?P<dag_id>[\w.\-]{1,250}) @ (?P<logical_date>[^>]{1,60}?): (?P<run_id>[^,>]{1,250}), (?:state:)?(?P<state>\w{1,30})"
    ),
    re.compile(r"<DAG: (?P<dag_id>[\w.\-]{1,250})>"),
    re.compile(r"<Task\(\w{1,100}\): (?P<task_id>[\w.\-]{1,250})>"),
)
"""How Python prints the context's objects in Airflow 2; a task's state counts before its run's."""
_MODEL: Final = re.compile(
    r"\b(dag_id|task_id|run_id|try_number|map_index|max_tries|state)=(?:'([^'\n]{1,250})'|<TaskInstanceState\.(\w{1,30})|(-?\d{1,9})\b)"
)
"""How Airflow 3 prints a task instance: `id=UUID('…') task_id='load_orders' dag_id='orders_dag' …`."""
_LINE: Final = re.compile(r"^[^\w<]{0,12}([A-Za-z][A-Za-z _]{1,24})[^\w:=]{0,4}[:=]+[ \t*_`]{0,6}(\S[^\n]{0,1999})$", re.MULTILINE)
_LINK: Final = re.compile(r"<(https?://[^|>\s]{1,1900})(?:\|[^>]{0,100})?>")
_KEY: Final = re.compile(r'[{,]\s{0,20}"(\w{1,40})"\s{0,20}:')
_OURS: Final = ("tocsin", "event", "missed", "deadline")
_TEXTS: Final = ("exception", "said", "traceback")
_SALVAGED: Final = 200_000


def read(inbound: Inbound) -> Message:
    """What a request tells of. Raises `Unmapped` where it names no DAG, or in no state."""
    return _message(fields_of(inbound))


def fields_of(inbound: Inbound) -> dict[str, Any]:
    """Everything that is said, by our own names; the body counts before the form, the form before the query."""
    found: dict[str, Any] = {}
    try:
        document = inbound.json
    except BadBody as error:
        document = _broken(inbound, error)
    for layer in (*_layers(document), inbound.form, inbound.query_values):
        _take(found, layer)
    if "dag_id" not in found:
        text = _text(document) or inbound.text[:_SALVAGED]
        _take(found, _of_lines(text))
        if "state" not in found and (state := _in_words(text)):
            found["state"] = state
    return found


def _broken(inbound: Inbound, error: BadBody) -> object:
    """JSON that was cut, or broken by a quote in an error text: a value ends where the next key that is known begins."""
    text = inbound.text[:_SALVAGED]
    if not text.lstrip().startswith(("{", "[")):
        return text
    found: dict[str, str] = {}
    key, start = "", 0
    for match in _KEY.finditer(text):
        if match[1].lower() in _FIELDS or match[1] in (*_INNER, *_OURS):
            _keep(found, key, text[start : match.start()])
            key, start = match[1], match.end()
    _keep(found, key, text[start:].rstrip(" \t\r\n}],\\"))
    if not found:
        raise Unmapped(str(error))
    return found


def _keep(found: dict[str, str], key: str, raw: str) -> None:
    """Only an error's text may hold a quote; after the one that ends any other value stands what the cut left of the next key."""
    said = raw.strip().rstrip("}]").rstrip()
    if not key or key in found or said.startswith(("{", "[")):
        return
    said = said.removeprefix('"')
    if _FIELDS.get(key.lower()) in _TEXTS:
        found[key] = said.removesuffix('"').replace("\\n", "\n").replace('\\"', '"')
    else:
        found[key] = said.partition('"')[0]


def _layers(document: object) -> Iterator[Mapping[str, Any]]:
    """From outside in: the body, and what it holds of the context's own objects, whole or as Python prints them."""
    if isinstance(document, list):
        document = next((one for one in document if isinstance(one, dict)), None)
    body = table(document)
    yield body
    inner = [held for name in _INNER if (held := table(body.get(name)))]
    for one in inner:
        yield one
        yield from (held for name in _INNER if (held := table(one.get(name))))
    texts = [value[:3000] for one in (body, *inner) for value in list(one.values())[:200] if isinstance(value, str)]
    for text in texts:
        if "task_id='" in text:
            yield {name: quoted or state or plain for name, quoted, state, plain in _MODEL.findall(text)}
    for printed in _PRINTED:
        yield from (match.groupdict() for text in texts if text.startswith("<") and (match := printed.search(text)))


def _take(found: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """An event's kind (`event`) is also where some say the state; our own says its state beside it."""
    for key, value in list(layer.items())[:300]:
        field = _FIELDS.get(key.lower()) if isinstance(key, str) else None
        if key in _OURS:
            field = key
        if field and value not in (None, "", "None") and (field == "deadline" or not _is_object(field, value)):
            found.setdefault(field, value)


def _is_object(field: str, value: object) -> bool:
    """An object of the context stands where a name is looked for: it is read as a layer of its own."""
    if isinstance(value, str):
        return field not in ("exception", "said", "traceback", "log_url") and (value.startswith("<") or "task_id='" in value)
    return isinstance(value, dict)


def _text(document: object) -> str:
    """The text of a message as it is sent to a chat: `text`, attachments, blocks, or the body itself."""
    if isinstance(document, str):
        return document
    parts: list[str] = []
    queue: list[object] = [document]
    while queue and len(parts) < 200:
        one = queue.pop(0)
        if isinstance(one, str):
            parts.append(one[:20_000])
        elif isinstance(one, dict):
            queue.extend(
                one[key] for key in ("text", "content", "message", "title", "attachments", "blocks", "fields", "body") if key in one
            )
        elif isinstance(one, list):
            queue.extend(one[:100])
    return "\n".join(parts)


def _of_lines(text: str) -> dict[str, str]:
    """`*Task*: load_orders` and the like, one a line."""
    found: dict[str, str] = {}
    for label, value in _LINE.findall(clean(text)[:_SALVAGED]):
        field = _FIELDS.get(label.strip().lower())
        if field:
            link = _LINK.search(value)
            found.setdefault(field, link[1] if link and field.endswith("url") else value.strip().strip("*_`").strip())
    return found


def _in_words(text: str) -> str:
    words = set(re.findall(r"[a-z_]{2,20}", text[:5000].lower()))
    if words & {"sla", "deadline"} and words & {"missed", "miss", "misses"}:
        return "late"
    if words & {"retry", "retrying", "up_for_retry"}:
        return "up_for_retry"
    return (
        "failed"
        if words & {"failed", "failure", "fail", "fails"}
        else "success"
        if words & {"success", "succeeded", "successfully"}
        else ""
    )


def _message(found: Mapping[str, Any]) -> Message:
    dag = _name(found, "dag_id")
    if not dag:
        raise Unmapped("names no DAG: neither our callbacks' message nor a context with its `dag_id`")
    state = string(found.get("state")).split(".")[-1] or string(found.get("event"))
    phase = _PHASES.get(state.lower().strip())
    if found.get("exception") and (not state or phase is Phase.RUNNING):  # a dumped context may be older than its error
        phase, state = Phase.FAILED, "failed"
    if phase is None:
        raise Unmapped(f"unknown state {one_line(state[:200], 60)!r}" if state else f"names the DAG {dag} and no state")
    times = {name: parse_time(found.get(name)) for name in ("at", "ended_at", "started_at", "logical_date", "deadline")}
    return Message(
        dag=dag,
        phase=phase,
        state=one_line(state[:200], 60),
        task=_name(found, "task_id"),
        run=_name(found, "run_id"),
        map_index=number(found.get("map_index")),
        try_number=number(found.get("try_number")),
        max_tries=number(found.get("max_tries")),
        clear_number=number(found.get("clear_number")),
        at=times["at"] or times["ended_at"],
        logical_date=times["logical_date"],
        started_at=times["started_at"],
        deadline=times["deadline"],
        error=(string(found.get("exception")) or string(found.get("said")))[:10_000],
        trace=string(found.get("traceback"))[-20_000:],
        reason=_name(found, "reason"),
        log_url=string(found.get("log_url")),
        dag_url=string(found.get("dag_url")),
        operator=_name(found, "operator"),
        owners=names(found.get("owners")),
        tags=names(found.get("tags")),
        downstream=names(found.get("downstream")),
        missed=tuple(_missed(found.get("missed"))),
    )


def _name(found: Mapping[str, Any], field: str) -> str:
    return one_line(string(found.get(field))[:1000], 200)


def _missed(given: object) -> Iterator[tuple[str, Any]]:
    for one in given[:200] if isinstance(given, list) else ():
        task = one_line(string(table(one).get("task_id"))[:1000], 200)
        if task:
            yield task, parse_time(table(one).get("logical_date"))
