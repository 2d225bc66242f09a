"""How a signature is written down, and what it is made over."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Encoding = Literal["hex", "base64"]
Algorithm = Literal["sha256", "sha512"]
DIGEST_SIZE: Final[dict[str, int]] = {"sha256": 32, "sha512": 64}
BODY_ALONE: Final = "{body}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a sender writes its HMAC, in which letters, and the message it signs."""

    header: str
    prefix: str = ""
    encoding: Encoding = "hex"
    algorithm: Algorithm = "sha256"
    message: str = BODY_ALONE
    """What is signed: text around `{timestamp}`, `{id}` and `{body}`."""
    timestamp_header: str = ""
    id_header: str = ""
    separator: str = ""
    """What stands between the items of the header, where it holds several."""
    timestamp_prefix: str = ""
    """What marks the item that is the timestamp, where it is one of them."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message template, taken apart once."""

    pieces: tuple[tuple[bytes, str], ...]
    """(text, the field that follows it); the last field may be empty."""
    after_id: str
    """The text that ends the id; empty where there is none."""


@lru_cache(maxsize=1024)
def template(message: str) -> Message:
    """`v0:{timestamp}:{body}` taken apart. Fields that do not exist are an error of `check`, not of this."""
    parts = _FIELD.split(message)  # text, field, text, field, …, text
    texts, fields = parts[::2], parts[1::2]
    pieces = tuple((text.encode("utf-8", "surrogatepass"), field) for text, field in zip(texts, [*fields, ""], strict=True))
    return Message(pieces, texts[fields.index("id") + 1] if "id" in fields else "")


def check(shape: Shape) -> None:
    """Raises ValueError, saying what is wrong, for a shape that could never be signed or would check an unsigned time."""
    parts = _FIELD.split(shape.message)
    texts, fields = parts[::2], parts[1::2]
    if unknown := [field for field in fields if field not in _FIELDS]:
        raise ValueError(f"message: there is no field {{{unknown[0]}}}; there are {{timestamp}}, {{id}} and {{body}}")
    if any(brace in text for text in texts for brace in "{}"):
        raise ValueError("message: a brace stands alone; fields are {timestamp}, {id} and {body}")
    if fields.count("body") != 1:
        raise ValueError("message: {body} must stand in it exactly once, as in {timestamp}.{body}")
    for field, header, setting in (
        ("timestamp", shape.timestamp_header or shape.timestamp_prefix, "timestamp_header"),
        ("id", shape.id_header, "id_header"),
    ):
        if fields.count(field) > 1:
            raise ValueError(f"message: {{{field}}} stands in it more than once")
        if field in fields and not header:
            raise ValueError(f"message: {{{field}}} is signed, but {setting} does not say which header holds it")
        if header and field not in fields:
            raise ValueError(f"{setting}: the message does not sign {{{field}}}, so anybody could change it; as in {{{field}}}.{{body}}")


_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("timestamp", "id", "body")
