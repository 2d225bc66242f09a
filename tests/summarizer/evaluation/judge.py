"""Holds a summary against its label, and counts."""

from dataclasses import dataclass, field

from summarizer import Kind, Prepared, Summary
from summarizer.check import _names_only
from tests.summarizer.evaluation.case import Case


@dataclass
class Score:
    """What came of all cases, by their names."""

    cases: int = 0
    kind_right: list[str] = field(default_factory=list)
    kind_wrong: list[str] = field(default_factory=list)
    quotes: int = 0
    quotes_standing: int = 0
    points_at_the_line: list[str] = field(default_factory=list)
    causes: int = 0
    invented: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)


def judge(score: Score, case: Case, prepared: Prepared, summary: Summary) -> None:
    """Adds one. A cause is invented if it has no standing evidence, names what was not shown, or is of another kind than the label."""
    standing = [one for one in summary.evidence if one.quote in prepared.excerpt.by_number.get(one.line, "")]
    shown = "\n".join((prepared.title, *prepared.excerpt.by_number.values()))
    right = summary.kind is case.kind
    score.cases += 1
    (score.kind_right if right else score.kind_wrong).append(case.name)
    score.quotes += len(summary.evidence)
    score.quotes_standing += len(standing)
    if not case.says or any(part in prepared.excerpt.by_number[one.line] for one in standing for part in case.says):
        score.points_at_the_line.append(case.name)
    if summary.cause is not None:
        score.causes += 1
        if not standing or not right or case.kind is Kind.UNKNOWN or (summary.origin == "model" and not _names_only(summary.cause, shown)):
            score.invented.append(case.name)
    everything = summary.model_dump_json() + prepared.question
    if any(secret in everything for secret in case.secrets):
        score.leaked.append(case.name)


def told(name: str, score: Score) -> str:
    """One paragraph of figures."""
    lines = (
        f"kind right               {len(score.kind_right)} of {score.cases}"
        + (f" (not: {', '.join(score.kind_wrong)})" if score.kind_wrong else ""),
        f"points at the very line  {len(score.points_at_the_line)} of {score.cases}",
        f"quotes standing          {score.quotes_standing} of {score.quotes}",
        f"causes told              {score.causes}",
        f"causes invented          {len(score.invented)}" + (f": {', '.join(score.invented)}" if score.invented else ""),
        f"secrets leaked           {len(score.leaked)}" + (f": {', '.join(score.leaked)}" if score.leaked else ""),
    )
    return "\n".join((name, *(f"  {line}" for line in lines)))
