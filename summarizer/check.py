"""Holds a model's answer against what it was shown: what cannot be proved is taken out, what is left is plain text."""

import re
from collections.abc import Mapping
from typing import Any, Final

from summarizer.excerpt import Excerpt
from summarizer.plain import may_be_advised, plain, says_all_is_well
from summarizer.prompt import VERSION
from summarizer.redact import Redactor
from summarizer.rules import LONGEST_QUOTE
from summarizer.summary import Confidence, Evidence, Kind, Summary
from summarizer.text import squeezed
from summarizer.witness import speaks_of

_HEADLINE: Final = 140
_CAUSE: Final = 400
_STEP: Final = 160
_MOST: Final = 3
_LOOKED_AT: Final = 20
_SHORTEST_QUOTE: Final = 8
_NAMED: Final = re.compile(
    r"(?<!\w)[`\"'‘“]([^`\"'‘’“”]{2,120})[`\"'’”](?!\w)"
    r"|(?<![\w.])([A-Za-z_][\w$]*(?:\.[\w$]+)+|\w*_\w+|\w*\d\w*|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)"
)
_COMMON: Final = frozenset(("postgresql", "bigquery", "duckdb", "mysql", "sqlite", "github", "e.g", "i.e", "openssl", "graphql"))
_WORD: Final = re.compile(r"[a-z]{4,}|\d{2,}")
_EMPTY_WORDS: Final = frozenset(
    [
        "this",
        "that",
        "with",
        "from",
        "have",
        "been",
        "were",
        "which",
        "because",
        "failed",
        "failure",
        "error",
        "cause",
        "caused",
        "when",
        "then",
        "there",
        "their",
        "does",
        "into",
        "after",
        "while",
    ]
)


def check(answer: Mapping[str, Any], excerpt: Excerpt, redactor: Redactor, title: str, model: str) -> Summary:
    """What of a model's answer may be shown. Raises `redact.Unsure` where its text cannot be made safe."""
    withheld: list[str] = []
    shown = "\n".join((title, *excerpt.by_number.values()))

    def text(name: str, limit: int) -> str:
        said = answer.get(name)
        return plain(redactor.clean(said[: limit * 10]), limit, shown) if isinstance(said, str) else ""

    evidence = _evidence(answer.get("evidence"), excerpt, redactor, withheld)
    quotes = "\n".join(one.quote for one in evidence)
    kind = _kind(answer.get("kind"))
    cause: str | None = text("cause", _CAUSE) or None
    if cause and (reason := _not_believed(cause, str(answer.get("cause")), kind, quotes, shown)):
        withheld.append(f"cause: {reason}")
        cause = None
    headline = text("headline", _HEADLINE)
    if not headline or says_all_is_well(headline) or not _names_only(headline, shown) or not (cause or _share_words(headline, shown)):
        withheld.append("headline")
        headline = plain(title, _HEADLINE, title)
    steps = tuple(step for step in _steps(answer.get("next_steps"), redactor, shown) if _names_only(step, shown))
    missing = text("missing", _STEP) if may_be_advised(str(answer.get("missing"))[: _STEP * 10]) else ""
    return Summary(
        headline=headline,
        cause=cause,
        kind=kind if cause else Kind.UNKNOWN,
        evidence=evidence,
        next_steps=steps[:_MOST] if cause else (),
        confidence=_confidence(answer.get("confidence")) if cause else Confidence.LOW,
        missing=missing or None,
        origin="model",
        model=model,
        prompt_version=VERSION,
        withheld=tuple(withheld),
    )


def _evidence(said: Any, excerpt: Excerpt, redactor: Redactor, withheld: list[str]) -> tuple[Evidence, ...]:
    kept: dict[tuple[int, str], Evidence] = {}
    for one in said[:_LOOKED_AT] if isinstance(said, list) else ():
        line, quote = (one.get("line"), one.get("quote")) if isinstance(one, dict) else (None, None)
        if isinstance(line, str) and line.isascii() and line.isdigit() and len(line) < 12:
            line = int(line)
        wanted = squeezed(quote[: LONGEST_QUOTE * 4]) if isinstance(quote, str) else ""
        if (
            isinstance(line, int)
            and not isinstance(line, bool)
            and _stands(wanted, excerpt.by_number.get(line, ""))
            and redactor.clean(wanted) == wanted
        ):
            quote = wanted[:LONGEST_QUOTE].rstrip()
            kept[line, quote] = Evidence(line=line, quote=quote)
        else:
            withheld.append("evidence: not in that line")
    return tuple(kept.values())[:_MOST]


def _stands(quote: str, line: str) -> bool:
    return bool(quote) and quote in line and (len(quote) >= _SHORTEST_QUOTE or quote == line) and any(letter.isalpha() for letter in quote)


def _kind(said: Any) -> Kind:
    return Kind(said) if isinstance(said, str) and said in set(Kind) else Kind.UNKNOWN


def _confidence(said: Any) -> Confidence:
    return Confidence(said) if isinstance(said, str) and said in set(Confidence) else Confidence.LOW


def _steps(said: Any, redactor: Redactor, shown: str) -> list[str]:
    texts = [step for step in said[:_LOOKED_AT] if isinstance(step, str)] if isinstance(said, list) else []
    advised = (text[: _STEP * 10] for text in texts if may_be_advised(text[: _STEP * 10]))
    return [step for step in (plain(redactor.clean(text), _STEP, shown) for text in advised) if step]


def _not_believed(cause: str, said: str, kind: Kind, quotes: str, shown: str) -> str | None:
    """Why a cause is not told, if it is not."""
    if not quotes:
        return "no evidence"
    if says_all_is_well(cause) or not may_be_advised(said[: _CAUSE * 10]):
        return "not a cause"
    if kind is Kind.UNKNOWN or not speaks_of(kind, quotes):
        return "its evidence says nothing of that kind"
    if not _names_only(cause, shown):
        return "names what was not shown"
    return None if _share_words(cause, quotes) else "has nothing in common with its evidence"


def _names_only(text: str, shown: str) -> bool:
    """Whether every name and number in a text stands in what the model was shown."""
    low = shown.lower()
    names = ((quoted or bare).lower().strip(".,") for quoted, bare in _NAMED.findall(text))
    return all(name in low or name in _COMMON for name in names)


def _share_words(one: str, other: str) -> bool:
    return bool(_words(one) & _words(other))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _EMPTY_WORDS
