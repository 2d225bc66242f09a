"""The whole way: failure, excerpt, redaction, question, answer, checks, summary. Pure but for the model it is handed."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from summarizer import rules
from summarizer.answer import Answered, Model, NotAnswered
from summarizer.check import check
from summarizer.excerpt import Excerpt, fit, lines_of, pick
from summarizer.failure import Failure
from summarizer.key import cache_key, fitted
from summarizer.prompt import SCHEMA, SYSTEM, question
from summarizer.redact import Redactor, Unsure
from summarizer.summary import Confidence, Kind, Summary, WhyNot
from summarizer.text import clip, squeezed

_LONGEST_FACT = 300


@dataclass(frozen=True)
class Prepared:
    """A failure that is safe to show and to send: read, cut and redacted."""

    title: str
    about: tuple[tuple[str, str], ...]
    excerpt: Excerpt
    redactor: Redactor

    @cached_property
    def by_rules(self) -> Summary:
        """The reading that costs nothing."""
        return rules.read(self.excerpt, self.title)

    @cached_property
    def question(self) -> str:
        """What is sent to a model beside the instructions."""
        return question(self.excerpt, dict(self.about))

    def key(self, model: str) -> str:
        """Under which an answer of this model may be kept and used again."""
        return cache_key(model, self.excerpt, tuple(text for _, text in self.about))

    def checked(self, answer: Answered, model: str) -> Summary:
        """What of an answer may be shown. Raises `redact.Unsure`."""
        return settled(self.checked_alone(answer, model), self.by_rules)

    def checked_alone(self, answer: Answered, model: str) -> Summary:
        """The same, without a look at what the rules say."""
        return check(answer.value, self.excerpt, self.redactor, self.title, model)

    def reused(self, kept: Summary) -> Summary | None:
        """An answer kept under the same key, made to fit; None where it does not."""
        fits = fitted(kept, self.excerpt, self.by_rules)
        return None if fits is None else settled(fits, self.by_rules)


@dataclass(frozen=True)
class Outcome:
    """What is told, and why no model says it. `summary` is None only where the text cannot be made safe, or there is none."""

    summary: Summary | None
    why_not: WhyNot | None = None
    answer: Answered | NotAnswered | None = None
    """What the model made of it, for those who count."""


def prepare(failure: Failure, redactor: Redactor) -> Prepared:
    """Reads, cuts and redacts. Reads the log once. Raises `redact.Unsure`: then nothing of it may be shown or sent."""
    lines = lines_of(failure.log)
    first = next(lines, None)
    if first is None:
        excerpt = fit(pick(lines_of(failure.message or failure.title)), redactor.clean)
    else:
        excerpt = fit(pick(chain([first], lines)), redactor.clean, _shortened(failure.message))
    title = redactor.clean(clip(squeezed(failure.title[: _LONGEST_FACT * 4]), _LONGEST_FACT))
    return Prepared(title, tuple(_about(failure, title, redactor)), excerpt, redactor)


async def summarize(failure: Failure, redactor: Redactor, model: Model | None = None) -> Outcome:
    """A summary by the model, or by the rules where there is none, or where it says nothing that can be believed."""
    try:
        # a large log takes seconds, and nobody else may wait for it
        prepared = await asyncio.to_thread(prepare, failure, redactor)
    except Unsure:
        return Outcome(None, WhyNot.REDACTION)
    if not prepared.excerpt.lines:
        return Outcome(None, WhyNot.NOTHING_TO_READ)
    if model is None:
        return Outcome(prepared.by_rules, WhyNot.NO_MODEL)
    answer = await model.ask(SYSTEM, prepared.question, SCHEMA)
    if isinstance(answer, NotAnswered):
        return Outcome(prepared.by_rules, answer.reason, answer)
    try:
        summary = prepared.checked(answer, model.name)
    except Unsure:
        return Outcome(prepared.by_rules, WhyNot.REDACTION, answer)
    return Outcome(summary, None if summary.origin == "model" else WhyNot.UNUSABLE, answer)


def settled(by_model: Summary, by_rules: Summary) -> Summary:
    """The one of the two that is told: the model's, unless the rules are sure that it is wrong, or know a cause and it does not."""
    contradicts = by_rules.confidence is Confidence.HIGH and by_rules.kind is not Kind.UNKNOWN and by_model.kind is not by_rules.kind
    if contradicts or (by_model.cause is None and by_rules.cause is not None):
        return by_rules
    return by_model


def _about(failure: Failure, title: str, redactor: Redactor) -> Iterator[tuple[str, str]]:
    yield "title", title
    for label, text in (("pipeline", failure.pipeline), ("environment", failure.environment), ("reported by", failure.tool)):
        if text:
            yield label, redactor.clean(clip(squeezed(text[: _LONGEST_FACT * 4]), _LONGEST_FACT))


def _shortened(message: str) -> str:
    """Several lines as one, since it is one line of the excerpt."""
    return squeezed(message[:20_000])
