"""Failed and passed checks of data: the facets dataQualityAssertions (of a dataset) and test (of a run).

https://openlineage.io/docs/spec/facets/dataset-facets/data_quality_assertions
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Member, State
from mappers.contract.text import one_line
from mappers.openlineage import details
from mappers.openlineage.events import Dataset, Event
from mappers.openlineage.place import Place
from mappers.openlineage.shapes import items, string, table

_SLUG: Final = "openlineage-data-quality"
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class _Check:
    key: str
    label: str
    passed: bool
    warns: bool
    said: str
    dataset: Dataset | None


def map_checks(event: Event, place: Place | None) -> tuple[Draft, ...]:
    """A draft for each check an event tells of; its pipeline is the thread, else the dataset."""
    found = {check.key: check for check in _checks(event)}
    if not found and event.kind == "TEST" and event.type in ("FAIL", "COMPLETE") and event.job:
        passed = event.type == "COMPLETE"
        only = _Check(_short(event.job.name), _short(event.job.name), passed, False, details.error(event), None)
        found = {only.key: only}
    return tuple(_draft(check, event, place) for check in list(found.values())[:_MOST])


def _checks(event: Event) -> Iterator[_Check]:
    """Tests of the run come first: where the same test is also told of its dataset, that knows more."""
    for one in items(table(event.run_facets.get("test")).get("tests")):
        name, status = _short(string(one.get("name"))), string(one.get("status")).lower()
        if name and status in ("pass", "fail"):
            yield _Check(name, name, status == "pass", _warns(one), _said(one), None)
    for dataset in (*event.inputs, *event.outputs):
        for one in items(table(dataset.facets.get("dataQualityAssertions")).get("assertions")):
            if isinstance(one.get("success"), bool):
                yield _assertion(one, dataset, is_dbt=event.integration == "DBT")


def _assertion(one: dict[str, Any], dataset: Dataset, *, is_dbt: bool) -> _Check:
    kind, column, name = (one_line(string(one.get(key))[:500], 150) for key in ("assertion", "column", "name"))
    what = f"{kind or name or 'check'} on {column}" if column else kind or name or "check"
    # dbt's test names are unique in a project, and the only thing that the facet `test` tells too.
    key = _short(name) if is_dbt and name else f"{dataset.namespace}/{dataset.name}: {name} {what}"
    return _Check(key, f"{dataset.name}: {what}", one["success"], _warns(one), _said(one), dataset)


def _short(name: str) -> str:
    """`test.shop.not_null_orders_id.1a2b` is the dbt test `not_null_orders_id`."""
    parts = name[:500].split(".")
    return one_line(parts[2] if len(parts) > 2 and parts[0] == "test" else name[:500], 150)


def _warns(one: dict[str, Any]) -> bool:
    return string(one.get("severity")).lower() in ("warn", "warning")


def _said(one: dict[str, Any]) -> str:
    """`Expected 0, found 3.` after what the check is for."""
    expected, actual = (one_line(string(one.get(key))[:500], 200) for key in ("expected", "actual"))
    found = f"Expected {expected}, found {actual}." if expected and actual else f"Found {actual}." if actual else ""
    return " ".join(filter(None, (string(one.get("description"))[:1000], found)))


def _draft(check: _Check, event: Event, place: Place | None) -> Draft:
    dataset = check.dataset
    where = place.job.name if place else dataset.name if dataset else "a dataset"
    identity = (
        {"namespace": place.job.namespace, "job": place.job.name} if place
        else {"namespace": dataset.namespace if dataset else "", "dataset": where}
    )  # fmt: skip
    failing = Level.WARNING if check.warns else Level.ERROR
    told = check.said or details.error(event)
    return Draft(
        slug=_SLUG,
        event_data=identity,
        category=Category.DBT_TEST_FAILURE,
        level=Level.SUCCESS if check.passed else failing,
        state=State.RESOLVED if check.passed else State.FIRING,
        title=f"Data checks failed in {where}",
        member=Member(key=check.key, label=check.label),
        pipeline=where,
        run=(place.run if place else event.run) or None,
        occurrence=f"{event.run} {'passed' if check.passed else 'failed'}" if event.run else None,
        occurred_at=event.at,
        message=f"{check.label} passed." if check.passed else told or f"{check.label} failed.",
        links=details.links(event),
        facts={"Dataset": dataset.name if dataset else "", **details.facts(event)},
        owners=details.owners(event, (dataset,) if dataset else ()),
        tags=details.tags(event),
        excerpt="" if check.passed else details.excerpt(event),
    )
