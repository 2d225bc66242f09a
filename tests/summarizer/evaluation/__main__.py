"""Prints how well summaries do on the labelled failures: `python -m tests.summarizer.evaluation [--model] [--minutes N]`."""

import argparse
import asyncio
import collections
import sys
import time

from summarizer import Answered, Kind, NotAnswered, Prepared, Redactor, Summary, prepare
from summarizer.answer import Model
from summarizer.prompt import SCHEMA, SYSTEM
from tests.summarizer.evaluation.case import Case, cases
from tests.summarizer.evaluation.judge import Score, judge, told


def unchecked(answer: Answered) -> Summary:
    """What a tool that prints whatever comes back would have told."""
    said = answer.value
    kind = said.get("kind")
    evidence = [one for one in said.get("evidence") or () if isinstance(one, dict) and {"line", "quote"} <= one.keys()]
    return Summary.model_validate(
        {
            "headline": str(said.get("headline")),
            "cause": str(said["cause"]) if said.get("cause") else None,
            "kind": kind if kind in set(Kind) else Kind.UNKNOWN,
            "evidence": [{"line": one["line"], "quote": str(one["quote"])} for one in evidence if isinstance(one["line"], int)],
            "origin": "model",
        }
    )


async def with_model(model: Model, wanted: list[tuple[Case, Prepared]], minutes: float) -> int:
    """Asks the model about each; gives how many secrets leaked and causes were invented after the checks."""
    before, checked, settled = Score(), Score(), Score()
    told_by: collections.Counter[str] = collections.Counter()
    why_not: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + minutes * 60
    for case, prepared in wanted:
        began = time.monotonic()
        if began > until:
            break
        answer = await model.ask(SYSTEM, prepared.question, SCHEMA)
        took = f"{case.name}: {time.monotonic() - began:.1f} s"
        if isinstance(answer, NotAnswered):
            why_not[answer.reason] += 1
            summary = prepared.by_rules
            print(f"  {took}, {answer.reason}", flush=True)
        else:
            judge(before, case, prepared, unchecked(answer))
            alone = prepared.checked_alone(answer, model.name)
            judge(checked, case, prepared, alone)
            summary = prepared.checked(answer, model.name)
            print(f"  {took}, {answer.value.get('kind')} -> {alone.kind} {list(alone.withheld)}", flush=True)
        told_by[summary.origin] += 1
        judge(settled, case, prepared, summary)
    for name, score in (
        ("the model, unchecked", before),
        ("the model, checked", checked),
        ("as told: the model, checked, and the rules", settled),
    ):
        print(told(name, score))
    print(f"told by: {dict(told_by)}; not answered: {dict(why_not)}")
    return len(settled.leaked) + len(settled.invented) + len(checked.leaked)


def _mixed(wanted: list[tuple[Case, Prepared]]) -> list[tuple[Case, Prepared]]:
    """Every fifth, then the ones after those, …: however far it comes, some of each sort."""
    return [one for start in range(5) for one in wanted[start::5]]


def main() -> int:
    """Exit status 1 where a secret leaked, or a cause was invented."""
    options = argparse.ArgumentParser(prog="python -m tests.summarizer.evaluation")
    options.add_argument("--model", action="store_true", help="ask the real model on this machine too (make test-llm)")
    options.add_argument("--minutes", type=float, default=60.0, help="ask the model about no further failure after so long")
    chosen = options.parse_args()
    wanted = [(case, prepare(case.failure, Redactor())) for case in cases()]
    score = Score()
    for case, prepared in wanted:
        judge(score, case, prepared, prepared.by_rules)
    print(told("the rules alone", score))
    bad = len(score.leaked) + len(score.invented)
    if chosen.model:
        from summarizer.client import Client, ModelSettings
        from tests.summarizer.evaluation.real_model import real_model

        async def run() -> int:
            with real_model() as base_url:
                async with Client(ModelSettings("gemma-3-270m", base_url, deadline=180.0, most_tokens=300)) as client:
                    return await with_model(client, _mixed(wanted), chosen.minutes)

        bad += asyncio.run(run())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
