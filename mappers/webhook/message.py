"""One message, and what a text of the settings says about it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import BadBody, Inbound
from mappers.contract.inbound import parse_json
from mappers.webhook.language import EVERY, Choice, Every, Path, Root, Step, Text

_LONGEST: Final = 20_000
_LONGEST_JSON: Final = 2000
_MOST: Final = 200
_MOST_NAMES: Final = 12
_KEY: Final = re.compile(r'[{,]\s*"([^"\\]{1,80})"\s*:\s*')
_SALVAGED: Final = 300_000
_MOST_KEYS: Final = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """What paths begin at: the message, or an item of the list that `each` names."""

    value: Any
    outer: Any = None
    """What holds that list; of a list in a list, the item of the outer one."""


class Message:
    """What a request says: JSON, a form, or the query where there is no body. Text that holds JSON is looked into."""

    def __init__(self, inbound: Inbound) -> None:
        self._headers, self._query = inbound.headers, inbound.query_values
        self._opened: dict[str, Any] = {}
        self._said: dict[Path, str] = {}
        self.salvaged = False
        self.body = self._body(inbound)

    def _body(self, inbound: Inbound) -> Any:
        try:
            return inbound.json
        except BadBody:
            pass
        text = inbound.text.strip()
        if text.startswith(("{", "[")):
            self.salvaged = True
            return _salvage(text[:_SALVAGED])
        return inbound.form or (text or inbound.query_values)

    @property
    def whole(self) -> Item:
        """The message as what paths begin at."""
        return Item(self.body, self.body)

    def items(self, path: Path) -> list[Item] | None:
        """The items of the list at `path`, of all lists where it has a `[*]`; None where there is no list.

        A `[*]` at its end changes nothing for a list; of an object it means its values.
        """
        every = path.steps[-1:] == (EVERY,)
        steps = path.steps[:-1] if every else path.steps
        last = max((place for place, step in enumerate(steps) if step is EVERY), default=-1)
        if self.salvaged or path.root not in (Root.HERE, Root.MESSAGE):
            return None
        if last < 0:
            found = self.opened(self._walk(self.body, steps))
            holder = self._walk(self.body, steps[:-1]) if steps else self.body
            if every:
                found = _inner(found)
            return [Item(one, holder) for one in found] if isinstance(found, list) else None
        found_items: list[Item] = []
        for holder in self._walk(self.body, steps[: last + 1]) or ():
            found = self.opened(self._walk(holder, steps[last + 1 :]))
            if every:
                found = _inner(found)
            found_items += [Item(one, holder) for one in (found if isinstance(found, list) else [found]) if one is not None]
        return found_items

    def names(self, path: Path, here: Item) -> str:
        """What there is in place of what `path` names: where the way to it ends, and the names that stand there."""
        if path.root in (Root.HEADER, Root.QUERY):
            return ""
        if self.salvaged:
            return f"; the JSON is broken, and these names are left: {_listed(self.body)}"
        value = {Root.MESSAGE: self.body, Root.OUTER: here.outer}.get(path.root, here.value)
        for place, step in enumerate(path.steps):
            value = self.opened(value)
            inner = None if isinstance(step, Every) else self._walk(value, (step,))
            if inner is None:
                return f"; {_where(path.steps[:place])} {_shape(value)}"
            value = inner
        return f"; there {_shape(value)}" if isinstance(value, dict | list) else ""

    def find(self, path: Path, here: Item) -> Any:
        """What stands at `path`; None where nothing does. With `[*]` in the path a list."""
        if path.root is Root.HEADER:
            return self._headers.get(str(path.steps[0]))
        if path.root is Root.QUERY:
            return self._query.get(str(path.steps[0]))
        if self.salvaged:  # of broken JSON only names are left, not what lay within what
            return self.body.get(next((step for step in reversed(path.steps) if isinstance(step, str)), ""))
        return self._walk({Root.MESSAGE: self.body, Root.OUTER: here.outer}.get(path.root, here.value), path.steps)

    def _walk(self, value: Any, steps: tuple[Step, ...]) -> Any:
        for place, step in enumerate(steps):
            value = self.opened(value)
            if isinstance(step, Every):
                return self._every(value, steps[place + 1 :])
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
            if value is None:
                return None
        return value

    def _every(self, value: Any, rest: tuple[Step, ...]) -> list[Any]:
        found: list[Any] = []
        for item in _inner(value) or ():
            inner = self._walk(item, rest)
            if isinstance(inner, list) and any(step is EVERY for step in rest):
                found += inner
            elif inner is not None:
                found.append(inner)
        return found

    def opened(self, value: Any) -> Any:
        """What a text that holds JSON holds; any other value as it is."""
        if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
            return value
        if value not in self._opened:
            try:
                self._opened[value] = parse_json(value)
            except BadBody:
                self._opened[value] = None
        return self._opened[value]

    def value(self, choice: Choice, here: Item) -> Any:
        """The first of the alternatives that says something; None where none does. A text of the settings always does."""
        for one in choice:
            found = one if isinstance(one, str) else self.find(one, here)
            if isinstance(one, str) or says(found):
                return found
        return None

    def say(self, text: Text, here: Item, *, all_of_it: bool = True) -> str:
        """The text about this message. With `all_of_it`, empty where one of its references finds nothing."""
        if text.is_constant:
            return text.constant
        found = [part if isinstance(part, str) else self._said_by(part, here) for part in text.parts]
        looked_up = [said for said, part in zip(found, text.parts, strict=True) if not isinstance(part, str)]
        missing = any(said is None for said in looked_up) if all_of_it else not any(looked_up)
        return "" if missing else "".join(said or "" for said in found)

    def _said_by(self, choice: Choice, here: Item) -> str | None:
        for one in choice:
            if isinstance(one, str):
                return one
            if one in self._said:  # what does not depend on the item is put into words once
                said = self._said[one]
            else:
                said = words(self.find(one, here))
                if one.root not in (Root.HERE, Root.OUTER):
                    self._said[one] = said
            if said:
                return said
        return None

    def several(self, text: Text, here: Item) -> tuple[str, ...]:
        """A text that names one list says its items, any other what stands between its commas."""
        if len(text.parts) == 1 and isinstance(text.parts[0], tuple):
            found = self.value(text.parts[0], here)
            if isinstance(found, list):
                return tuple(word for word in map(words, found[:_MOST]) if word)
        return tuple(word.strip() for word in self.say(text, here)[:_LONGEST].split(","))


def _inner(value: Any) -> list[Any] | None:
    """The items of a list, or the values of an object."""
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else None


def _where(steps: tuple[Step, ...]) -> str:
    written = "".join(f".{one}" if isinstance(one, str) else f"[{one}]" for one in steps if not isinstance(one, Every))
    return written.removeprefix(".") or "there"


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return f"is an object with {_listed(value)}"
    if isinstance(value, list):
        return f"is a list of {len(value)}; its items are written [*], or [0] for the first"
    return "is nothing" if value is None else f"is {words(value)[:60]!r}"


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join([*(name[:60] for name in list(names)[:_MOST_NAMES]), *(["…"] if len(names) > _MOST_NAMES else [])]) or "nothing in it"


def says(value: Any) -> bool:
    """Whether a value says something: not null, not empty, not blank."""
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != [] and value != {}


def words(value: Any) -> str:
    """A value as text: plain ones as they are, lists of them with commas, everything else as JSON."""
    if isinstance(value, str):
        return value[:_LONGEST].strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(10**30) < value < 10**30 else ""
    if isinstance(value, float):
        return f"{value:.15g}"
    if not says(value):
        return ""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value[:_MOST]):
        return ", ".join(filter(None, map(words, value[:_MOST])))[:_LONGEST]
    return json.dumps(value, ensure_ascii=False, default=str)[:_LONGEST_JSON] if _is_shallow(value) else ""


def _is_shallow(value: Any, levels: int = 60) -> bool:
    """Whether JSON can be written without running out of stack."""
    layer = [value]
    for _ in range(levels):
        layer = [inner for item in layer if isinstance(item, dict | list) for inner in (item.values() if isinstance(item, dict) else item)]
        if not layer:
            return True
    return False


def _salvage(text: str) -> Mapping[str, Any]:
    """The keys of broken JSON, whatever they lay within; the first of each counts, and a value ends where the next key begins."""
    found: dict[str, Any] = {}
    name, start = "", 0
    for match in _KEY.finditer(text):
        _keep(found, name, text[start : match.start()])
        name, start = match[1], match.end()
        if len(found) > _MOST_KEYS:
            break
    _keep(found, name, text[start:])
    return found


def _keep(found: dict[str, Any], name: str, raw: str) -> None:
    raw = raw.strip()
    if not name or name in found or not raw or raw[0] in "{[":
        return
    bare = raw.rstrip(" \t\r\n}]")
    try:
        found[name] = json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        found[name] = bare.removeprefix('"').removesuffix('"')
