"""Secrets without a shape or a name: runs of characters too mixed to be words, and not known to be harmless."""

import re
from itertools import pairwise
from typing import Final

_RUN: Final = re.compile(r"[A-Za-z0-9+/=_\-]{20,}")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-fA-F]+\Z")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_JOB: Final = re.compile(r"(?:bqux)?job_[A-Za-z0-9_-]+\Z")
_NEAR: Final = re.compile(r"(?:token|secret|password|passwd|credential|api.?key|auth|key)\W{0,3}(?:\w+\W{1,3}){0,2}\Z", re.IGNORECASE)
_CHECKSUM: Final = re.compile(
    r"(?:sha\d*|md5|hash|checksum|digest|commit|revision|rev|etag|unique.?key|surrogate.?key)\W{0,3}(?:\w+\W{1,3}){0,2}\Z", re.IGNORECASE
)
_SEPARATORS: Final = re.compile(r"[/_\-=+]")
_MIXED: Final = 0.40
"""Words of any case change their class of character less often; of random letters and digits two in three pairs do."""
_WITHOUT_DIGITS: Final = 0.48
_LOWER: Final = 0.30
_LOWER_LENGTH: Final = 24


def find_mixed(text: str) -> list[tuple[int, int]]:
    """Where such runs stand."""
    return [run.span() for run in _RUN.finditer(text) if _is_secret(run.group(), text[max(run.start() - 60, 0) : run.start()])]


def _is_secret(run: str, before: str) -> bool:
    if _JOB.match(run):
        return False
    if _HEX.match(run) and not run.isdigit():
        return len(run) >= 32 and bool(_NEAR.search(before)) and not _CHECKSUM.search(before)
    bare = _UUID.sub("", run)
    if len(bare) < 20:
        return False
    if "/" in bare or "-" in bare or "_" in bare:
        return _is_random(_SEPARATORS.sub("", bare), _MIXED) and not _has_words(bare)
    return _is_random(bare.rstrip("="), _MIXED)


def _is_random(run: str, threshold: float) -> bool:
    classes = [_class(letter) for letter in run]
    kinds = set(classes)
    if len(run) < 18 or len(kinds) < 2:
        return False
    changes = sum(one != two for one, two in pairwise(classes)) / (len(run) - 1)
    if kinds == {"lower", "digit"} or kinds == {"upper", "digit"}:
        return len(run) >= _LOWER_LENGTH and changes >= _LOWER and 0.12 <= classes.count("digit") / len(run) <= 0.6
    return changes >= (threshold if "digit" in kinds else _WITHOUT_DIGITS)


def _class(letter: str) -> str:
    return "digit" if letter.isdigit() else "lower" if letter.islower() else "upper" if letter.isupper() else "other"


def _has_words(run: str) -> bool:
    """Whether most of it reads as words and numbers with separators between them, as a path or a name does."""
    parts = [part for part in _SEPARATORS.split(run) if part]
    plain = sum(len(part) for part in parts if part.isdigit() or part.islower() or part.isupper() or part.istitle() or _HEX.match(part))
    return plain >= 0.6 * sum(map(len, parts))
