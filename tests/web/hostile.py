"""Captured requests of every sender with markup in every text that can hold some, and a reader of pages that sees what became of it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode

from mappers.contract import Draft, Inbound, SourceKind, State, Unmapped
from tests.mappers.test_contract import CASES, KINDS, request_of

EVIL = "\"'></bdi><script>window.hit=1</script><img src=x onerror=window.hit=2>"
LARGEST, LEAVES, FIXTURES = 60_000, 60, 3


def poisoned(kind: str) -> list[Draft]:
    """What some requests of this kind become, each text of theirs poisoned that can be without becoming something else."""
    found: list[Draft] = []
    for path in (path for path in CASES if path.parent.name == kind):
        inbound = request_of(path)
        if len(inbound.body) <= LARGEST and any(draft.state is State.FIRING for draft in drafts(KINDS[kind], inbound)):
            made = drafts(KINDS[kind], replace(inbound, body=_poisoned(KINDS[kind], inbound)))
            found += [draft for draft in made if draft.state is State.FIRING and "window.hit" in draft.model_dump_json()]
        if len(found) >= FIXTURES:
            break
    return [draft.model_copy(update={"hold": None, "expires_at": None, "permissions": []}) for draft in found[:FIXTURES]]


def drafts(kind: SourceKind, inbound: Inbound) -> Sequence[Draft]:
    try:
        return kind.map(inbound).drafts
    except Unmapped:
        return ()


def _poisoned(kind: SourceKind, inbound: Inbound) -> bytes:
    """Text by text, as long as the request stays what it is to the mapper."""
    before, body = shape(drafts(kind, inbound)), inbound.body
    parts = _Parts(body)
    for place in sorted(range(len(parts.texts)), key=lambda place: " " not in parts.texts[place])[:LEAVES]:
        for text in _versions(parts.texts[place]):
            tried = parts.joined({place: text})
            if shape(drafts(kind, replace(inbound, body=tried))) == before:
                parts.texts[place], body = text, tried
                break
    return body


class _Parts:
    """The texts of a body, and the body with others in their place: JSON (also within JSON), a form, or a text that is one."""

    def __init__(self, body: bytes) -> None:
        self.texts: list[str] = []
        self._whole = self._read(body.decode("utf-8", "replace"))

    def joined(self, changes: dict[int, str]) -> bytes:
        texts = [changes.get(place, text) for place, text in enumerate(self.texts)]
        written: str = self._written(self._whole, texts)
        return written.encode()

    def _read(self, text: str) -> Any:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if isinstance(document, dict | list):
            return ("json", self._taken(document))
        pairs = parse_qsl(text, keep_blank_values=True)
        if len(pairs) > 1:
            return ("form", [(name, self._place(value)) for name, value in pairs])
        return ("text", self._place(text))

    def _place(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def _taken(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._taken(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._taken(one) for one in value]
        if not isinstance(value, str):
            return ("is", value)
        return self._read(value) if value.startswith("{") else ("text", self._place(value))

    def _written(self, whole: Any, texts: list[str]) -> str:
        how, rest = whole
        if how == "text":
            return texts[rest]
        if how == "form":
            return urlencode([(name, texts[place]) for name, place in rest])
        return json.dumps(self._put(rest, texts))

    def _put(self, value: Any, texts: list[str]) -> Any:
        if isinstance(value, dict):
            return {key: self._put(one, texts) for key, one in value.items()}
        if isinstance(value, list):
            return [self._put(one, texts) for one in value]
        return value[1] if value[0] == "is" else self._written(value, texts)


def _versions(text: str) -> tuple[str, ...]:
    return (text + EVIL, EVIL + text)


def shape(found: Sequence[Draft]) -> list[tuple[Any, ...]]:
    return [(draft.category, draft.state, draft.level) for draft in found]


class Reader(HTMLParser):
    """Collects what nobody but an attacker would have put there."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_ours = given.get("src", "").startswith("/static/")
        if tag in ("script", "img", "style", "iframe", "object") and not is_ours:
            self.wrong.append(f"<{tag} {given}>")
        for name, value in given.items():
            scheme = value.strip().lower().partition(":")[0]
            if name.startswith("on") or name == "style" or (name in ("href", "src", "action") and scheme in ("javascript", "data")):
                self.wrong.append(f'{name}="{value}"')


def wrong(page: str) -> list[str]:
    """What stands in a page that should not."""
    reader = Reader()
    reader.feed(page)
    return reader.wrong
