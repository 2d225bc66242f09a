"""The bytes of a mail: headers that cannot be broken out of, and a body in two alternatives.

Written by hand because the bytes must be the same for ever: the standard library's generator draws a random boundary,
and folds differently from one version to the next.
"""

import binascii
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.channels.email.address import Address
from mappers.contract.text import one_line

_PLAIN: Final = re.compile(r"[ -~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_WORD_BYTES: Final = 39
"""Of text in one encoded word: 52 in base64, 64 with its frame, 73 behind `Subject: ` (RFC 2047 allows such a line 76)."""


def text_header(text: str, limit: int) -> str:
    """`text` as the value of an unstructured header: on one line where it is ASCII, else RFC 2047 encoded words."""
    line = one_line(text, limit)
    return line if _PLAIN.fullmatch(line) and "=?" not in line else _encoded(line)


def address_header(address: Address) -> str:
    """`Ana <ana@acme.test>`. Holds raw UTF-8 only where the local part does (RFC 6532)."""
    name = address.name
    if not name:
        return address.spec
    if not _PLAIN.fullmatch(name) or "=?" in name:
        return f"{_encoded(name)}\r\n <{address.spec}>"
    if not _ATOMS.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address.spec}>"


def build(headers: Iterable[tuple[str, str]], alternatives: Iterable[bytes]) -> bytes:
    """The whole message, with CRLF line ends and no line over 998 bytes. The same arguments give the same bytes."""
    lines = [f"{name}: {value}" for name, value in headers]
    seed = "\n".join(lines).encode()
    # "=_" cannot occur in quoted-printable, so no text can hold the boundary (RFC 2045, 6.7)
    boundary = f"=_tocsin_{hashlib.sha256(seed).hexdigest()[:24]}"
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
    frame = b"--" + boundary.encode()
    return "\r\n".join(lines).encode() + b"".join(frame + b"\r\n" + body for body in alternatives) + frame + b"--\r\n"


def alternative(subtype: str, text: str) -> bytes:
    """`text` as one of the alternatives, the plainest first: its own headers and its quoted-printable body."""
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    return head.encode() + binascii.b2a_qp(body, istext=True) + b"\r\n"


def _encoded(text: str) -> str:
    return "\r\n ".join(f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    """UTF-8 in pieces that never split a character."""
    piece = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += encoded
    yield piece
