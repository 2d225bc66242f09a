"""What Airbyte writes for Slack: `text` and `blocks`, with links as `<url|name>`.

https://docs.slack.dev/reference/block-kit
"""

from html import unescape
from typing import Any, Final

_MOST_BLOCKS: Final = 200
_LONGEST: Final = 100_000


def paragraphs(blocks: object) -> list[str]:
    """The text of each section, in order, without those that hold fields."""
    found = [_text(block.get("text")) for block in _items(blocks)]
    return [text for text in found if text]


def fields(blocks: object) -> dict[str, str]:
    """label → value of all sections: a field `*Source:*` names the field after it."""
    found: dict[str, str] = {}
    for block in _items(blocks):
        label = ""
        for text in map(_text, _items(block.get("fields"))):
            if label:
                found.setdefault(label, text)
                label = ""
            elif text.startswith("*") and text.endswith("*"):
                label = text.strip("*: ").lower()
    return found


def link(text: str) -> tuple[str, str]:
    """The name and the URL of the first link in `text`; its plain words and no URL where there is none."""
    start = text.find("<http")
    end = text.find(">", start)
    if start < 0 or end < 0:
        return plain(text), ""
    url, _, name = text[start + 1 : end].partition("|")
    return plain(name or url), url


def plain(text: str) -> str:
    """Without Slack's escapes. Airbyte writes `$amp;` for an ampersand."""
    return unescape(text.replace("$amp;", "&")).strip()


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value[:_MOST_BLOCKS] if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text object's text, or a bare string."""
    said = value.get("text") if isinstance(value, dict) else value
    return said[:_LONGEST].strip() if isinstance(said, str) else ""
