"""Slack's Block Kit, Teams' adaptive cards and the older message cards as one list of pieces, in reading order.

https://docs.slack.dev/reference/block-kit and https://adaptivecards.io/explorer/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from html import unescape
from typing import Any, Final

_DEEPEST: Final = 60
_MOST_PIECES: Final = 3000
_LONGEST: Final = 20_000


class Kind(Enum):
    """What a piece is, whatever it was drawn with."""

    HEADER = auto()
    TEXT = auto()
    CODE = auto()
    FACT = auto()


@dataclass(frozen=True)
class Piece:
    """A piece of text; a fact has a label."""

    kind: Kind
    text: str
    label: str = ""


def pieces(message: dict[str, Any]) -> list[Piece]:
    """The pieces of a message; empty where it is drawn in no form that is known."""
    found: list[Piece] = []
    for piece in _walk(message, _DEEPEST):
        found.append(piece)
        if len(found) == _MOST_PIECES:
            break
    return found


def _walk(value: Any, depth: int) -> Iterator[Piece]:
    if isinstance(value, list) and depth:
        for item in value:
            yield from _walk(item, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _READERS.get(str(value.get("type") or value.get("@type") or "")[:40], _inside)(value, depth)


def _inside(block: dict[str, Any], depth: int) -> Iterator[Piece]:
    """What only holds other things: a message, an attachment, a container."""
    for key in ("blocks", "attachments", "content", "body", "items"):
        yield from _walk(block.get(key), depth - 1)


def _header(block: dict[str, Any], _: int) -> Iterator[Piece]:
    if text := _text(block.get("text")):
        yield Piece(Kind.HEADER, text)


def _section(block: dict[str, Any], _: int) -> Iterator[Piece]:
    parts = [block.get("text"), *_items(block.get("fields")), *_items(block.get("elements"))]
    for part in parts:
        text = _text(part)
        if text.startswith("```"):
            yield Piece(Kind.CODE, text.strip("`").strip("\n"))
        elif text:
            yield _labelled(text)


def _labelled(text: str) -> Piece:
    """`*Owners*` with its value on the lines below is a fact."""
    label, found, value = text.partition("*\n")
    if found and label.startswith("*") and "*" not in label[1:] and len(label) < 60:
        return Piece(Kind.FACT, value.strip(), label.strip("* "))
    return Piece(Kind.TEXT, text)


def _text_block(block: dict[str, Any], _: int) -> Iterator[Piece]:
    if text := _text(block.get("text")):
        yield Piece(Kind.HEADER if block.get("size") == "large" else Kind.TEXT, text)


def _rich_text(block: dict[str, Any], _: int) -> Iterator[Piece]:
    text = "".join(_text(inline) if isinstance(inline, dict) else str(inline)[:1000] for inline in _items(block.get("inlines")))
    if text:
        yield Piece(Kind.CODE, text)


def _fact_set(block: dict[str, Any], _: int) -> Iterator[Piece]:
    for fact in _items(block.get("facts")):
        if isinstance(fact, dict) and (label := _text(fact.get("title")) or _text(fact.get("name"))):
            yield Piece(Kind.FACT, _text(fact.get("value")), label.strip("*: "))


def _message_card(card: dict[str, Any], _: int) -> Iterator[Piece]:
    """What Elementary sent to Teams before adaptive cards."""
    if title := _text(card.get("title")):
        yield Piece(Kind.HEADER, title)
    for line in _text(card.get("text")).split("\n"):
        if line.strip():
            yield Piece(Kind.TEXT, line.strip())
    for section in _items(card.get("sections")):
        if isinstance(section, dict):
            label, text = (
                _text(section.get("activityTitle")).strip("*_: "),
                _text(section.get("activityText")) or _text(section.get("text")),
            )
            yield Piece(Kind.FACT, text, label) if label else Piece(Kind.TEXT, text)
            yield from _fact_set(section, 0)


def _nothing(_block: dict[str, Any], _depth: int) -> Iterator[Piece]:
    yield from ()


_READERS: Final = {
    "header": _header,
    "section": _section,
    "context": _section,
    "divider": _nothing,
    "table": _nothing,
    "Table": _nothing,
    "ActionSet": _nothing,
    "TextBlock": _text_block,
    "RichTextBlock": _rich_text,
    "FactSet": _fact_set,
    "MessageCard": _message_card,
}


def _items(value: object) -> list[Any]:
    return value[:500] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text object's text, or a bare string; without Slack's escapes."""
    said = value.get("text") if isinstance(value, dict) else value
    return unescape(said[:_LONGEST]).strip() if isinstance(said, str) else ""
