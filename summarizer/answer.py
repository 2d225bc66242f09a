"""What comes of asking a model: an answer, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from summarizer.summary import WhyNot


@dataclass(frozen=True)
class Answered:
    """What a model said, unchecked, and what it cost."""

    value: Mapping[str, Any]
    requests: int = 1
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class NotAnswered:
    """Why a model said nothing of use."""

    reason: WhyNot
    detail: str = ""
    """In a few words, without any of the server's text."""
    retry_after: float | None = None
    """Seconds for which the other side wishes to be left alone."""
    requests: int = 0


class Model(Protocol):
    """Whoever answers questions. Never raises for what the other side does."""

    @property
    def name(self) -> str:
        """What the reader is told."""

    async def ask(self, system: str, question: str, schema: Mapping[str, Any]) -> Answered | NotAnswered:
        """One answer, within the deadline."""
