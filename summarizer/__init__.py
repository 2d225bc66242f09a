"""A failure in, a summary out that quotes its evidence. Knows neither mappers nor the gateway.

`summarizer.client` is the only door to a model, and imported only by who wants one: `await summarize(failure, redactor, Client(settings))`.
"""

from summarizer.answer import Answered, Model, NotAnswered
from summarizer.failure import Failure
from summarizer.gate import is_on
from summarizer.pipeline import Outcome, Prepared, prepare, summarize
from summarizer.prompt import SCHEMA, SYSTEM, VERSION
from summarizer.redact import Redactor, Unsure
from summarizer.summary import Confidence, Evidence, Kind, Summary, WhyNot

__all__ = [
    "SCHEMA",
    "SYSTEM",
    "VERSION",
    "Answered",
    "Confidence",
    "Evidence",
    "Failure",
    "Kind",
    "Model",
    "NotAnswered",
    "Outcome",
    "Prepared",
    "Redactor",
    "Summary",
    "Unsure",
    "WhyNot",
    "is_on",
    "prepare",
    "summarize",
]
