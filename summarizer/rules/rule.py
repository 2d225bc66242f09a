"""One rule: how a common failure words itself, and what that means."""

import re
from dataclasses import dataclass
from typing import Final

from summarizer.summary import Confidence, Kind

SURE: Final = Confidence.HIGH
LIKELY: Final = Confidence.MEDIUM


@dataclass(frozen=True)
class Rule:
    """`headline` may name the pattern's groups. Of two rules that fit, the one of the higher rank is believed."""

    kind: Kind
    pattern: re.Pattern[str]
    headline: str
    confidence: Confidence = SURE
    rank: int = 50


def rule(kind: Kind, headline: str, pattern: str, confidence: Confidence = SURE, rank: int = 50) -> Rule:
    """A rule whose pattern ignores case."""
    return Rule(kind, re.compile(pattern, re.IGNORECASE), headline, confidence, rank)


NAME: Final = r"[`\"'\[\\]{0,3}(?P<name>[\w$.:\-\"`\[\]{}]{1,200}?)[`\"'\]\\]{0,3}"
"""A name as databases write it, with or without quotes."""
