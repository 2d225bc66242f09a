"""One result of one check, of Soda v3 (SodaCL) or v4 (contracts, monitors).

https://docs.soda.io/reference/webhook-api and https://docs.soda.io/soda/integrate-webhooks.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import parse_time
from mappers.contract.text import clip
from mappers.soda.shapes import first, mapping, mappings, people, scalar, string, words

_IN_URL: Final = re.compile(r"/checks/([\w-]{1,100})")
_FOR: Final = "checks for "
_MOST_FACTS: Final = 8


@dataclass(frozen=True)
class Check:
    """What a check said of a dataset. What its body does not say is empty or None."""

    key: str
    label: str
    definition: str
    outcome: str
    at: datetime | None
    dataset: str
    """Its id; its name where it has none."""
    dataset_label: str
    datasource: str
    url: str
    dataset_url: str
    column: str
    values: Mapping[str, str]
    agreement: str
    attributes: Mapping[str, str]
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    others: tuple[str, ...]
    """Further datasets that a check compares with."""


def read_check(result: Mapping[str, Any]) -> Check | None:
    """The check of a result; None where it names neither itself nor what it checks."""
    definition = clip(str(result.get("definition") or "")[:4000].strip(), 2000)
    name, column, url = string(result.get("name")), string(result.get("column")), string(result.get("sodaCloudUrl"), 500)
    datasets = mappings(result.get("datasets"), 20)
    dataset = datasets[0] if datasets else {}
    label = name or _label(definition)
    # Newer documents call `id` the id of the result, which changes with every scan; the address of the check does not.
    in_url = _IN_URL.search(url)
    key = in_url[1] if in_url else (f"{label} {column}".strip() or string(result.get("id")))
    identity = string(dataset.get("id")) or first(dataset, "name", "label") or _dataset_of(definition)
    if not key or not string(result.get("outcome")):
        return None
    return Check(
        key=key,
        label=(f"{label} ({column})" if column and column not in label else label) or key,
        definition=definition,
        outcome=string(result.get("outcome")).lower(),
        at=parse_time(result.get("dataTimestamp")),
        dataset=identity,
        dataset_label=first(dataset, "label", "name") or _dataset_of(definition),
        datasource=first(mapping(dataset.get("datasource")), "label", "name"),
        url=url,
        dataset_url=string(dataset.get("sodaCloudUrl"), 500),
        column=column,
        values=_values(result.get("diagnostics")),
        agreement=string(mapping(result.get("agreement")).get("label")),
        attributes={first(one, "label", "name"): scalar(one.get("value")) for one in mappings(dataset.get("attributes"), _MOST_FACTS)},
        owners=people(dataset.get("owner")) or people(dataset.get("owners")),
        tags=words(dataset.get("tags")),
        others=tuple(filter(None, (first(other, "label", "name") for other in datasets[1:]))),
    )


def _label(definition: str) -> str:
    """The check itself, without the `checks for DATASET:` that SodaCL writes above it."""
    lines = [line.strip(" -\t") for line in definition.split("\n")]
    told = [line for line in lines if line and not line.startswith(_FOR)]
    return string(told[0].rstrip(":"), 120) if told else ""


def _dataset_of(definition: str) -> str:
    line = definition.partition("\n")[0].strip()
    return string(line.removeprefix(_FOR).rstrip(":")) if line.startswith(_FOR) else ""


def _values(diagnostics: object) -> dict[str, str]:
    """What was measured: `value`, and the other plain values beside it, one level deep."""
    found: dict[str, str] = {}
    for name, value in list(mapping(diagnostics).items())[:50]:
        for inner, said in list(value.items())[:20] if isinstance(value, dict) else [("", value)]:
            if (shown := scalar(said)) and len(found) < _MOST_FACTS:
                found.setdefault(inner or name, shown)
    return found
