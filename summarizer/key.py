"""Under which key an answer is kept, and how an answer of an earlier run is made to fit this one."""

import hashlib
import json
from typing import Final

from summarizer.excerpt import Excerpt
from summarizer.prompt import VERSION
from summarizer.rules import quoted
from summarizer.summary import Evidence, Summary
from summarizer.text import likeness, without_changing

_OF_EACH: Final = 400


def cache_key(model: str, excerpt: Excerpt, about: tuple[str, ...] = ()) -> str:
    """The same for the same failure of another run: numbers, ids and times do not count, nor how often a line was said."""
    said = dict.fromkeys(likeness(line.text[:_OF_EACH]) for line in excerpt.lines)
    whole = json.dumps([model, VERSION, [likeness(text) for text in about], list(said)], ensure_ascii=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def fitted(summary: Summary, excerpt: Excerpt, rules: Summary) -> Summary | None:
    """A kept answer with this run's lines as its evidence, and no number of another run; None where it does not fit."""
    evidence = tuple(found for one in summary.evidence if (found := _found(one, excerpt)) is not None)
    if summary.evidence and not evidence:
        return None
    shown = "\n".join(excerpt.by_number.values())
    headline = without_changing(summary.headline, shown)
    return summary.model_copy(
        update={
            "headline": headline if headline == summary.headline else rules.headline,
            "cause": without_changing(summary.cause, shown) if summary.cause else None,
            "next_steps": tuple(without_changing(step, shown) for step in summary.next_steps),
            "missing": without_changing(summary.missing, shown) if summary.missing else None,
            "evidence": evidence,
        }
    )


def _found(evidence: Evidence, excerpt: Excerpt) -> Evidence | None:
    if evidence.quote in excerpt.by_number.get(evidence.line, ""):
        return evidence
    alike = likeness(evidence.quote.removesuffix("…"))
    numbers = (number for number, text in excerpt.by_number.items() if alike and alike in likeness(text))
    number = min(numbers, key=lambda number: abs(number - evidence.line), default=None)
    return None if number is None else Evidence(line=number, quote=quoted(excerpt.by_number[number], 0))
