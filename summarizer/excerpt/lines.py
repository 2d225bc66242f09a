"""A log, line by line, in constant memory: whatever it is, and however long its lines are."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from summarizer.failure import Log, Readable
from summarizer.text import clip, tidy

LONGEST: Final = 8_192
"""Characters of a line that are looked at."""
_PIECE: Final = 65_536


def lines_of(log: Log) -> Iterator[str]:
    """Each line, tidied, without its end, at most `LONGEST` of it. Bytes are read as UTF-8, and what is none is replaced."""
    if isinstance(log, str):
        pieces: Iterable[str] = _slices(log)
    elif isinstance(log, bytes):
        pieces = _decoded(_byte_slices(log))
    elif isinstance(log, Readable):
        pieces = _decoded(iter(lambda: log.read(_PIECE), type(log.read(0))()))
    else:
        pieces = _one_by_one(log)
    for line in _split(pieces):
        yield tidy(line if len(line) <= LONGEST else clip(line, LONGEST))


def _slices(whole: str) -> Iterator[str]:
    for at in range(0, len(whole), _PIECE):
        yield whole[at : at + _PIECE]


def _byte_slices(whole: bytes) -> Iterator[bytes]:
    for at in range(0, len(whole), _PIECE):
        yield whole[at : at + _PIECE]


def _decoded(pieces: Iterable[str | bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        yield piece if isinstance(piece, str) else decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _one_by_one(items: Iterable[str | bytes]) -> Iterator[str]:
    """Each item is a line, with its end or without."""
    for item in items:
        yield from _slices(item) if isinstance(item, str) else _decoded(_byte_slices(item))
        if item[-1:] not in ("\n", b"\n"):
            yield "\n"


def _split(pieces: Iterable[str]) -> Iterator[str]:
    begun = ""
    for piece in pieces:
        first, *others = piece.split("\n")
        begun += first[: LONGEST + 1 - len(begun)]
        for line in others:
            yield begun
            begun = line[: LONGEST + 1]
    if begun:
        yield begun
