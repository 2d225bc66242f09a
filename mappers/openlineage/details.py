"""What the facets of an event say besides that it happened: error text, owners, links, facts."""

from collections.abc import Iterable
from typing import Any, Final

from mappers.contract import parse_time
from mappers.contract.text import clean, clip, one_line
from mappers.openlineage import airflow
from mappers.openlineage.events import Dataset, Event
from mappers.openlineage.shapes import items, string, table

OWNER: Final = "owner:"
"""A tag that begins so names an owner."""
_URN: Final = ("team:", "user:", "group:", "owner:", "email:")
_NOBODY: Final = frozenset({"airflow", "root", ""})
"""Airflow's default owner is `airflow`, which nobody is."""


def error(event: Event) -> str:
    """The sender's own words for what went wrong; a message that says nothing gives way to the end of the stack trace."""
    facet = table(event.run_facets.get("errorMessage"))
    said, trace = clean(string(facet.get("message"))), string(facet.get("stackTrace"))
    return said or clean(trace.rsplit("\n", 1)[-1].strip())


def excerpt(event: Event) -> str:
    """Error and stack trace, the end of it first where it is long."""
    facet = table(event.run_facets.get("errorMessage"))
    trace = clean(string(facet.get("stackTrace")))
    return "\n\n".join(part for part in (clip(error(event), 4000), trace[-15_000:]) if part)


def owners(event: Event, datasets: Iterable[Dataset] = ()) -> tuple[str, ...]:
    """Who owns these datasets, else the job, else what it is a part of; `team:data` is `data`."""
    for found in (
        [name for dataset in datasets for name in _owners(dataset.facets)],
        _owners(event.job_facets),
        airflow.owners(event),
        _owners(table(table(table(event.run_facets.get("parent")).get("job")).get("facets"))),
    ):
        named = [name for name in dict.fromkeys(found) if name not in _NOBODY]
        if named:
            return tuple(named + _by_tag(event))
    return tuple(_by_tag(event))


def _owners(facets: dict[str, Any]) -> list[str]:
    named = (one_line(string(one.get("name"))[:500], 200) for one in items(table(facets.get("ownership")).get("owners"), 50))
    return [name.split(":", 1)[1] if name.lower().startswith(_URN) else name for name in named]


def _by_tag(event: Event) -> list[str]:
    return [tag.removeprefix(OWNER) for tag in _tags(event) if tag.startswith(OWNER)]


def tags(event: Event) -> tuple[str, ...]:
    """The job's tags, without those that name an owner and those that a client adds by itself."""
    return tuple(tag for tag in _tags(event) if not tag.startswith(OWNER))


def _tags(event: Event) -> list[str]:
    found: list[str] = []
    for tag in items(table(event.job_facets.get("tags")).get("tags"), 50):
        key, value = string(tag.get("key")), string(tag.get("value"))
        found.append(key if value.lower() in ("", "true", key.lower()) else f"{key}:{value}")
    return list(dict.fromkeys([tag for tag in found if tag] or airflow.tags(event)))


def links(event: Event) -> dict[str, str]:
    """Where people look next; what is no address is dropped by the draft."""
    spark = table(event.run_facets.get("spark_applicationDetails"))
    code = table(event.job_facets.get("sourceCodeLocation"))
    return {
        "Open log": airflow.log_url(event),
        "Spark UI": string(spark.get("historyUrl")) or string(spark.get("uiWebUrl")),
        "Source code": string(code.get("url")),
    }


def facts(event: Event) -> dict[str, str]:
    """label → text; what is empty is dropped by the draft."""
    due = parse_time(table(event.run_facets.get("nominalTime")).get("nominalStartTime"))
    engine = table(event.run_facets.get("processing_engine"))
    about = table(event.job_facets.get("documentation"))
    named = (event.integration or string(engine.get("name"))).lower()
    return {
        "Try": airflow.tried(event),
        "DAG run": airflow.run_id(event),
        "Scheduled for": f"{due:%Y-%m-%d %H:%M} UTC" if due else "",
        "Runs on": " ".join(filter(None, (named, string(engine.get("version"))))),
        "About": clip(clean(string(about.get("description"))), 300),
    }
