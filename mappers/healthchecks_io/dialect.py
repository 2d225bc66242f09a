"""Reading: from whatever the user's templates made of a check to fields by our names.

URL, headers and body are all templates, so a request is read from everywhere at once: a JSON body (flat, or with `$JSON`
inside), a broken one, a form; then the query; then the path.
https://github.com/healthchecks/healthchecks/blob/master/hc/integrations/webhook/transport.py (the placeholders)
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from mappers.contract import BadBody, Inbound
from mappers.contract.inbound import first_values

STATUSES: Final = frozenset({"down", "up", "grace", "new", "paused"})
"""What a check can be: https://healthchecks.io/docs/api/#get-check"""

_SPELLINGS: Final = {
    "code": ("code", "uuid", "check_id", "check_uuid"),
    "slug": ("slug", "check_slug"),
    "name": ("name", "check", "check_name"),
    "status": ("status", "state", "check_status"),
    "now": ("now", "time", "timestamp"),
    "body": ("body", "ping_body", "output", "message"),
    "exitstatus": ("exitstatus", "exit_status"),
    **{key: (key,) for key in ("tags", "desc", "last_ping", "n_pings", "update_url", "timeout", "grace", "schedule", "tz")},
}
_KNOWN: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BEGUN: Final = re.compile(r"[0-9a-f]{8}-|[0-9a-f]{1,8}$", re.IGNORECASE)
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_WORDED: Final = frozenset({"", "text", "title", "subject", "content", "msg", "summary"})
_SAID: Final = re.compile(r"\b(down|up)\b", re.IGNORECASE)
_VERBS: Final = (" now", " back", " is", " has gone", " went", " goes", " came", " comes", " status")
_AROUND: Final = " \t:-–—\"'`*_.,!|()[]🔴🟢🚨✅❌⚠️"
_SALVAGED: Final = 300_000
"""Characters looked at where JSON is broken; healthchecks.io keeps 100 kB of a ping's body."""


def fields_of(inbound: Inbound) -> dict[str, Any]:
    """Everything known about the check, by our names; the body speaks before the query, the query before the path."""
    found: dict[str, Any] = {}
    body = _body(inbound)
    addressed = inbound.query or inbound.path.strip("/")  # then a text alone is what a ping said, not what a template says
    sentence = _sentence({key: value for key, value in body.items() if key or not addressed})
    for layer in (body, inbound.query_values, _path(inbound.path), sentence):
        for key, value in layer.items():
            field = _KNOWN.get(key.lower())
            if field == "body" and isinstance(value, dict | list):  # `$BODY` without quotes, of a ping that was JSON
                value = json.dumps(value, ensure_ascii=False)
            if field and value not in (None, "") and not isinstance(value, dict | list):
                found.setdefault(field, value)
    return _with_whole_code(found, is_cut=is_cut_off(inbound))


def _with_whole_code(found: dict[str, Any], *, is_cut: bool) -> dict[str, Any]:
    """Of a body that is cut off, part of a UUID is no check's: the recovery will name another."""
    code = str(found.get("code", ""))
    if whole := _UUID.search(code):
        return {**found, "code": whole[0]}
    if is_cut and _BEGUN.match(code):
        return {key: value for key, value in found.items() if key != "code"}
    return found


def is_cut_off(inbound: Inbound) -> bool:
    """Whether a JSON body lacks its end."""
    text = inbound.text[:1] + inbound.text[-100:].rstrip()
    return text.startswith("{") and not text.endswith("}")


def _body(inbound: Inbound) -> Mapping[str, Any]:
    """What stands around `$JSON` comes first: its `$STATUS` is the transition, the one inside is the status at sending."""
    try:
        document = inbound.json
    except BadBody:
        return _salvage(inbound.text[:_SALVAGED]) or inbound.form or _unlabelled(inbound.text) or {"body": inbound.text, "": inbound.text}
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return {"body": document}
    inner = next((value for value in document.values() if isinstance(value, dict) and "status" in value), {})
    return {**document, **{key: value for key, value in inner.items() if document.get(key) in (None, "")}}


def _unlabelled(text: str) -> Mapping[str, str]:
    """A form that came without its content type."""
    found = first_values(text[:_SALVAGED]) if "=" in text[:60] and "\n" not in text.strip() else {}
    return found if any(key.lower() in _KNOWN for key in found) else {}


def _sentence(body: Mapping[str, Any]) -> dict[str, str]:
    """What a chat's template says in words, `$NAME is $STATUS`: for what no key tells. A ping's own body is not looked at."""
    for key, value in body.items():
        first = value.strip().partition("\n")[0][:300] if key.lower() in _WORDED and isinstance(value, str) else ""
        if found := _said(first):
            uuid = _UUID.search(first)
            before = _UUID.sub("", first[: found.start()]).replace("()", "").strip(_AROUND)
            for word in _VERBS:
                before = before.removesuffix(word).rstrip(_AROUND)
            name = before.removeprefix("The check ").removeprefix("Check ").strip(_AROUND) or first[found.end() :].strip(_AROUND)
            said = {"status": found[1].lower(), "body": value}
            return {**said, **({"name": name} if name else {}), **({"code": uuid[0]} if uuid else {})}
    return {}


def _said(line: str) -> re.Match[str] | None:
    """The word that is the status: a name may hold one itself (`pick-up is down`)."""
    found = list(_SAID.finditer(line))
    verbs = [match for match in found if line[: match.start()].rstrip(_AROUND).endswith(_VERBS)]
    ends = [match for match in found if match.start() == 0 or not line[match.end() :].strip(_AROUND)]
    return next(reversed(verbs or ends), None)


def _path(path: str) -> dict[str, str]:
    """`/{$CODE or $SLUG}/{$STATUS}`, in any order."""
    found: dict[str, str] = {}
    for segment in filter(None, map(unquote, path.split("/"))):
        field = "status" if segment.lower() in STATUSES else "code" if _UUID.fullmatch(segment) else "slug"
        found.setdefault(field, segment)
    return found


def _salvage(text: str) -> dict[str, Any]:
    """The known keys of JSON broken by a `$NAME` or `$BODY` with quotes or line breaks in it; the first of each counts.

    A value ends where the next key begins. In a ping's body any other key-like text belongs to the body.
    """
    found: dict[str, Any] = {}
    field, start = "", 0
    for match in _KEY.finditer(text):
        following = _KNOWN.get(match[1].lower(), "")
        if field == "body" and (not following or following in found):
            continue
        _keep(found, field, text[start : match.start()])
        field, start = following, match.end()
    _keep(found, field, text[start:].rstrip(" \t\r\n}]"))
    return found


def _keep(found: dict[str, Any], field: str, raw: str) -> None:
    raw = raw.strip()
    if not field or field in found or not raw:
        return
    try:
        value = json.loads(raw, strict=False)
    except (ValueError, RecursionError):
        value = raw.removeprefix('"').removesuffix('"')
    # `"status"` in a ping's body that precedes the real one is told from it by its value.
    if value != "" and (field != "status" or _is_status(value)):
        found[field] = value


def _is_status(value: object) -> bool:
    return isinstance(value, str) and value.lower() in STATUSES
