"""Reading: from whatever way Uptime Kuma sent it to one `Notice`.

Its webhook sends `{"heartbeat", "monitor", "msg"}` as JSON, as the form field `data`, or as three query values; a custom
body is a template the user writes, of which `msg` (`[name] [🔴 Down] text`) is what people usually keep.
https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from mappers.contract import Inbound, parse_time
from mappers.contract.text import one_line

_NUMBERS: Final = {"0": "down", "1": "up", "2": "pending", "3": "maintenance"}
_MARKS: Final = {"] [🔴 Down]": "down", "] [✅ Up]": "up"}
_WORDS: Final = {"🔴 Down": "down", "✅ Up": "up"}
_AROUND: Final = " \t:-–—|*\"'`"
_OBJECT: Final = "[object Object]"
"""What `{{ monitorJSON }}` becomes without `| json`."""
_SPELLINGS: Final = {
    "id": ("monitorid", "monitor_id", "id"),
    "name": ("name", "monitorname", "monitor_name", "monitor", "service"),
    "status": ("status", "state"),
    "time": ("time", "timestamp"),
    "msg": ("msg", "message", "body", "text", "content"),
}
_KNOWN: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SALVAGED: Final = 300_000
"""Characters looked at where a custom body is not JSON."""


@dataclass(frozen=True)
class Notice:
    """One message, whatever its dialect: Kuma's own three parts, empty where it did not send them."""

    msg: str
    heartbeat: dict[str, Any]
    monitor: dict[str, Any]

    @cached_property
    def status(self) -> str:
        """`down`, `up`, `pending`, `maintenance`, `test`; another word or nothing where it is none of these."""
        word = text_of(self.heartbeat.get("status")).rpartition(" ")[2].lower()  # a template says `🔴 Down`
        return _NUMBERS.get(word, word) or self.bracketed[1]

    @cached_property
    def name(self) -> str:
        """What people call the monitor."""
        return text_of(self.monitor.get("name")) or text_of(self.bracketed[0])

    @cached_property
    def identity(self) -> str:
        """Best first: the monitor's number, its name."""
        return text_of(self.monitor.get("id")) or text_of(self.heartbeat.get("monitorID")) or self.name

    @cached_property
    def time(self) -> datetime | None:
        """`time` is UTC whatever the server's zone, which only `localDateTime` follows."""
        local = f"{text_of(self.heartbeat.get('localDateTime'))}{text_of(self.heartbeat.get('timezoneOffset'))}"
        return parse_time(self.heartbeat.get("time")) or parse_time(local)

    @cached_property
    def text(self) -> str:
        """What the check itself said: `Request failed with status code 503`."""
        return string(self.heartbeat.get("msg")) or self.bracketed[2] or self.msg

    @property
    def is_reminder(self) -> bool:
        """Sent every `resendInterval` beats while the monitor stays down."""
        return self.status == "down" and self.heartbeat.get("important") in (False, 0)

    @cached_property
    def bracketed(self) -> tuple[str, str, str]:
        """`msg` as name, status and text; three times nothing where it has not that form."""
        return _bracketed(self.msg)


def read(inbound: Inbound) -> Notice:
    """The message a request carries. Total: what cannot be understood is a notice that says nothing."""
    document = next(_objects(inbound), None)
    return _notice(_salvage(inbound.text[:_SALVAGED]) if document is None else document)


def _objects(inbound: Inbound) -> Iterator[dict[str, Any]]:
    """Every JSON object a request can be read as, the likeliest first; the query's three values make one too."""
    for text in _candidates(inbound) if inbound.body else ():
        document = _json(text)
        if isinstance(document, dict):
            yield document
    query = inbound.query_values
    if "msg" in query:
        yield {"msg": query["msg"], "heartbeat": _json(query.get("heartbeat", "")), "monitor": _json(query.get("monitor", ""))}


def _candidates(inbound: Inbound) -> Iterator[str]:
    yield inbound.text  # a custom body too: it comes labelled as a form, whatever it is
    yield inbound.form.get("data", "")
    yield inbound.text[inbound.text.find("{") : inbound.text.rfind("}") + 1]


def _notice(document: dict[str, Any]) -> Notice:
    """Kuma's own parts where they are, under the template's names too; for the rest, the fields a custom body names."""
    fields = {key.lower(): _unquoted(value) for key, value in document.items()}
    fields |= next((inner for inner in fields.values() if isinstance(inner, dict) and {"heartbeat", "monitor"} <= inner.keys()), {})
    heartbeat, monitor = (
        mapping(fields.get(part)) or mapping(fields.get(f"{part}json")) or next(filter(known, map(mapping, fields.values())), {})
        for part, known in (("heartbeat", _is_heartbeat), ("monitor", _is_monitor))
    )
    custom: dict[str, Any] = {}
    for key, value in fields.items():
        if key in _KNOWN and value not in (None, "", _OBJECT) and not isinstance(value, dict | list):
            custom.setdefault(_KNOWN[key], value)
    texts = [text for text in (custom.get("msg"), *fields.values()) if isinstance(text, str)]
    if not heartbeat and "status" not in custom and not any(_bracketed(text)[1] for text in texts):
        custom = {**_sentence(texts), **custom}
    return Notice(
        msg=next((text for text in texts if _bracketed(text)[1]), string(custom.get("msg"))),
        heartbeat=heartbeat or {key: custom[key] for key in ("status", "time") if key in custom},
        monitor=monitor or {key: custom[key] for key in ("id", "name") if key in custom},
    )


def _unquoted(value: Any) -> Any:
    """An object that a template put between quotes."""
    inner = _json(value) if isinstance(value, str) and value.lstrip().startswith("{") else None
    return inner if isinstance(inner, dict) else value


def _is_heartbeat(found: dict[str, Any]) -> bool:
    return "status" in found and ("monitorID" in found or "important" in found or "time" in found or "msg" in found)


def _is_monitor(found: dict[str, Any]) -> bool:
    return "name" in found and not _is_heartbeat(found)


def _sentence(texts: list[str]) -> dict[str, str]:
    """Status and name of `Warehouse is 🔴 Down`: a template's words, marked as Kuma's `{{ status }}` marks them."""
    for text in texts:
        line = text.partition("\n")[0][:500]
        for mark, status in _WORDS.items():
            before, found, after = line.partition(mark)
            if found:
                name = before.strip(_AROUND).removesuffix(" is").removesuffix(" is now").strip(_AROUND) or after.strip(_AROUND)
                return {"status": status, **({"name": name} if name else {})}
    return {}


def _bracketed(msg: str) -> tuple[str, str, str]:
    """`[name] [🔴 Down] text` taken apart; the name may hold brackets and quotes itself."""
    for mark, status in _MARKS.items():
        before, found, after = msg.partition(mark)
        if found:
            return before[1:] if before.startswith("[") else before[before.rfind("[") + 1 :], status, after.strip()
    return "", "", ""


def _salvage(text: str) -> dict[str, Any]:
    """A custom body that is not JSON (a quote in a monitor's name is enough): the keys it names, and all of it as the last of them."""
    found: dict[str, Any] = {}
    matches = list(_KEY.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text.rstrip(" \t\r\n}]"))]
    for match, end in zip(matches, ends, strict=False):
        raw = text[match.end() : end].strip()
        if raw and match[1].lower() not in found:
            value = _json(raw)
            found[match[1].lower()] = raw.removeprefix('"').removesuffix('"') if value is None else value
    return {**found, "": text.strip()} if found else {"msg": text.strip()}


def _json(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def string(value: object) -> str:
    """`value` where it is text, else none."""
    return value if isinstance(value, str) else ""


def text_of(value: object) -> str:
    """A string or a number as one short line."""
    return one_line(str(value)[:1000], 150) if isinstance(value, str | int) and not isinstance(value, bool) else ""
