"""A reading without a model: costs nothing, covers the common classes, and quotes the line that says so."""

import re
from typing import Final

from summarizer.excerpt import Excerpt, Line
from summarizer.excerpt.marks import BLOCK, ERROR, denies, is_information, is_warning
from summarizer.plain import plain
from summarizer.rules import program, sql, tools, web
from summarizer.rules.rule import Rule
from summarizer.rules.steps import STEPS
from summarizer.summary import Confidence, Evidence, Kind, Summary
from summarizer.text import squeezed

RULES: Final = (*sql.RULES, *program.RULES, *tools.RULES, *web.RULES)
LONGEST_QUOTE: Final = 300
_LONGEST_HEADLINE: Final = 140
_INNERMOST: Final = re.compile(r"\s*Caused by:")
_QUOTES: Final = re.compile(r"[`\"]")
_QUIET: Final = 25
"""What a rule loses in rank on a line that does not look like an error, or that is logged as a warning."""
_INFORMATION: Final = 50
"""What it loses on a line that is logged as information."""


def read(excerpt: Excerpt, title: str) -> Summary:
    """What the rules make of an excerpt. `title` is the headline where they make nothing of it."""
    believed = [line for line in excerpt.lines if not (is_information(line.text) and denies(line.text))]
    found = [(one, line, match) for line in believed for one in RULES if (match := one.pattern.search(line.text))]
    if not found:
        return _unread(excerpt, title)
    one, line, match = max(found, key=lambda hit: (_weight(hit[0], hit[1]), _place(hit[1])))
    names = {name: _bare(text) for name, text in match.groupdict().items() if text}
    headline = plain(one.headline.format(**names), _LONGEST_HEADLINE, standing=_QUOTES.sub("", line.text))
    return Summary(
        headline=headline,
        cause=None
        if one.kind is Kind.UNKNOWN
        else f"{headline}, says line {line.number}."
        if line.number
        else f"{headline}, says the message.",
        kind=one.kind,
        evidence=(Evidence(line=line.number, quote=quoted(line.text, match.start())),),
        next_steps=STEPS[one.kind],
        confidence=min(one.confidence, Confidence.MEDIUM, key=list(Confidence).index) if _is_quiet(line) else one.confidence,
        origin="rules",
    )


def _bare(text: str) -> str:
    """A name without what stands around it; `KeyError: 'net'` keeps both its quotes."""
    bare = _QUOTES.sub("", text).strip("[]\\ .:")
    return bare.strip("'[]\\ .:") if bare.startswith("'") or bare.count("'") % 2 else bare


def _weight(one: Rule, line: Line) -> int:
    if line.number and is_information(line.text):
        return one.rank - _INFORMATION
    return one.rank - (_QUIET if _is_quiet(line) else 0)


def _is_quiet(line: Line) -> bool:
    return line.number > 0 and (line.weight < BLOCK or is_warning(line.text) or is_information(line.text) or denies(line.text))


def _place(line: Line) -> int:
    """The first line that says so is the root; in a chain of Java causes it is the last."""
    return line.number if _INNERMOST.match(line.text) else -line.number


def _unread(excerpt: Excerpt, title: str) -> Summary:
    worst = max(excerpt.lines, key=lambda line: (line.weight, line.number), default=None)
    return Summary(
        headline=plain(title, _LONGEST_HEADLINE, standing=title),
        evidence=(Evidence(line=worst.number, quote=quoted(worst.text, 0)),) if worst is not None and worst.weight >= ERROR else (),
        confidence=Confidence.LOW,
        missing="No rule knows this failure.",
        origin="rules",
    )


def quoted(text: str, around: int) -> str:
    """A quote of the line: all of it, or what stands around the place that matters."""
    start = max(0, min(around - 40, len(text) - LONGEST_QUOTE)) if len(text) > LONGEST_QUOTE else 0
    return squeezed(text[start : start + LONGEST_QUOTE])


__all__ = ["LONGEST_QUOTE", "RULES", "quoted", "read"]
