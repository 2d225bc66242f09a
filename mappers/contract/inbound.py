"""One request as a mapper sees it."""

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

from mappers.contract.once import once
from mappers.contract.text import parse_time


class BadBody(ValueError):
    """The body is not what was asked for; the message says what it is instead."""


FETCHED: Final = "FETCH"
"""The method of what the gateway fetched by itself; no sender can use it."""
WATCHED: Final = "WATCH"
"""The method of what the gateway's own watchers noticed; no sender can use it either."""


class Headers(Mapping[str, str]):
    """Request headers, case-insensitive; a repeated header gives its first value."""

    def __init__(self, pairs: Iterable[Sequence[str]] = ()) -> None:
        """Each pair is a name and a value."""
        self._given = pairs

    @once
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As they were sent."""
        return tuple((name, value) for name, value in self._given)

    @once
    def _first(self) -> dict[str, str]:
        first: dict[str, str] = {}
        for name, value in self.pairs:
            first.setdefault(name.lower(), value)
        return first

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)


@dataclass(frozen=True)
class Inbound:
    """A stored request: credentials stripped, body raw, nothing believed yet."""

    body: bytes = b""
    headers: Headers = field(default_factory=Headers)
    method: str = "POST"
    path: str = ""
    """What followed the source's own webhook address (`/down`), where the sender appends to it."""
    query: str = ""
    """The raw query string, without `?`."""
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    settings: Any = None
    """The source's settings, an instance of its kind's settings model."""
    environment: str | None = None
    """The source's environment."""
    documents: Mapping[str, bytes] = field(default_factory=dict)
    """Earlier bodies this kind asked for, by the name it gave them (see `Documents`)."""

    @property
    def is_fetched(self) -> bool:
        """Whether the gateway fetched this by itself."""
        return self.method == FETCHED

    @once
    def content_type(self) -> str:
        """The media type alone, lower case; empty where none was sent. Often wrong: never trust it."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @once
    def text(self) -> str:
        """The body as UTF-8, or as what its byte-order mark says, without that mark; undecodable bytes become U+FFFD."""
        return self.body.decode(_encoding(self.body), errors="replace")

    @once
    def json(self) -> Any:
        """The body as JSON. Raises `BadBody` for anything else."""
        return parse_json(self.body)

    @once
    def form(self) -> dict[str, str]:
        """An urlencoded or multipart body as name → first value; empty where it is neither."""
        if self.content_type == "multipart/form-data":
            return _multipart(self.headers["content-type"], self.body)
        if self.content_type == "application/x-www-form-urlencoded":
            return first_values(self.text)
        return {}

    @once
    def query_values(self) -> dict[str, str]:
        """The query string as name → first value."""
        return first_values(self.query)


def _encoding(body: bytes) -> str:
    """What PowerShell 5 writes into a file is UTF-16 with a mark; no UTF-8 begins so."""
    return "utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"


def parse_json(body: bytes | str) -> Any:
    """JSON, or `BadBody` that says what is wrong; too deep a nesting is a `BadBody` like any other."""
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    try:
        return from_json(raw)
    except ValueError:
        pass  # twice as fast; what it does not take is left to who takes more: a BOM, half a surrogate, 300 levels
    if not raw.strip():
        raise BadBody("the body is empty")
    try:
        return json.loads(raw.decode(_encoding(raw)))
    except RecursionError:
        raise BadBody("the body nests too deep") from None
    except ValueError as error:
        raise BadBody(f"the body is not JSON: {error}") from None


def first_values(query: str) -> dict[str, str]:
    """An urlencoded string as name → first value, at most 200 fields; empty where it is hostile."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value)
    return values


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    try:
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body)
        values: dict[str, str] = {}
        for part in message.iter_parts() if message.is_multipart() else ():
            name = part.get_param("name", header="content-disposition")
            payload = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(payload, bytes):
                values.setdefault(name, payload.decode("utf-8", errors="replace"))
        return values
    except Exception:  # the email package promises nothing about hostile input
        return {}


@dataclass(frozen=True)
class Capture:
    """A request kept in a file: as captured (`method`, `path`, `headers`, `body`), or a bare body."""

    inbound: Inbound

    @classmethod
    def read(cls, raw: bytes) -> tuple["Capture", ...]:
        """Every request a capture file holds, in order; any other file is one request with that body."""
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            return (cls(Inbound(body=raw)),)
        if isinstance(document, dict) and isinstance(document.get("deliveries"), list):
            return tuple(cls(_inbound(item)) for item in document["deliveries"] if isinstance(item, dict))
        if isinstance(document, dict) and "headers" in document and "body" in document:
            return (cls(_inbound(document)),)
        return (cls(Inbound(body=raw)),)


def _inbound(document: dict[str, Any]) -> Inbound:
    headers = document["headers"].items() if isinstance(document["headers"], dict) else document["headers"]
    body = document["body"] if isinstance(document["body"], str) else json.dumps(document["body"])
    path, _, query = str(document.get("path", "")).partition("?")
    return Inbound(
        body=body.encode("utf-8", "surrogatepass"),
        headers=Headers((str(name), str(value)) for name, value in headers),
        method=str(document.get("method", "POST")),
        path="/" + "/".join(path.split("/")[3:]) if path.count("/") > 2 else "",
        query=query,
        received_at=parse_time(document.get("received_at")) or datetime.now(UTC),
    )
