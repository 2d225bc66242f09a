"""Soda Cloud: check results, with a thread for each dataset, and the incidents that people open.

https://docs.soda.io/reference/webhook-api
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from mappers.contract import BadBody, Category, Draft, Example, Inbound, Level, Mapped, Member, SourceKind, State, Unmapped, parse_time
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line
from mappers.soda.check import Check, read_check
from mappers.soda.incident import incident_key, map_incident
from mappers.soda.shapes import first, mapping, mappings, people, string, words

_OUTCOMES: Final = {
    **dict.fromkeys(("pass", "passed", "passing", "ok"), (State.RESOLVED, Level.SUCCESS, "passes")),
    **dict.fromkeys(("warn", "warning"), (State.FIRING, Level.WARNING, "warns")),
    **dict.fromkeys(("fail", "failed", "failing"), (State.FIRING, Level.ERROR, "fails")),
    **dict.fromkeys(("error", "notevaluated", "not_evaluated"), (State.FIRING, Level.ERROR, "could not be evaluated")),
}
_IGNORED: Final = {
    "validate": "Soda validates the webhook",
    "agreementcreated": "somebody made an agreement",
    "agreementcontentsupdated": "somebody changed an agreement",
    "agreementupdated": "somebody changed an agreement",
    "agreementdeleted": "somebody removed an agreement",
}


def _map(inbound: Inbound) -> Mapped:
    body = _body(inbound)
    event = _event(body)
    if event in _IGNORED:
        return Mapped(ignored=_IGNORED[event])
    if event == "checkevaluation":
        return _checks(body)
    if event in ("incidentcreated", "incidentupdated"):
        return map_incident(body)
    if event == "contractpublished":
        return _contract(mapping(body.get("contract")))
    raise Unmapped(f"unknown event {string(body.get('event'))!r}" if event else "no `event`: not a webhook of Soda")


def _body(inbound: Inbound) -> dict[str, Any]:
    try:
        body = inbound.json
    except BadBody as error:
        raise Unmapped(str(error)) from None
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _event(body: Mapping[str, Any]) -> str:
    return string(body.get("event")).lower()


def _checks(body: Mapping[str, Any]) -> Mapped:
    if not isinstance(body.get("checkResults"), list):
        raise Unmapped("a checkEvaluation without a list of `checkResults`")
    results = mappings(body["checkResults"])
    checks = [check for result in results if (check := read_check(result))]
    known = {(check.dataset, check.key): check for check in checks if check.outcome in _OUTCOMES}
    if known:
        labels: dict[str, str] = {}  # a title speaks for the whole thread, so a dataset has one name in it
        return Mapped(drafts=tuple(_draft(check, labels.setdefault(check.dataset, check.dataset_label)) for check in known.values()))
    if checks:
        raise Unmapped(f"unknown outcome {checks[0].outcome!r}")
    if results:
        raise Unmapped("no result names its check and its outcome")
    return Mapped(ignored="the evaluation holds no results")


def _draft(check: Check, dataset: str) -> Draft:
    """The dataset is the thread, its checks are the members.

    A check of data is to whoever owns the data what a dbt test is: `dbt_test_failure`, and no `incident`, which is a service that is down.
    """
    state, level, how = _OUTCOMES[check.outcome]
    about = dataset or "a dataset"
    measured = ", ".join(f"{name}: {value}" for name, value in check.values.items())
    return Draft(
        slug="soda-checks-failing",
        event_data={"dataset": check.dataset or check.key},
        category=Category.DBT_TEST_FAILURE,
        level=level,
        state=state,
        title=f"Soda checks failing on {about}",
        member=Member(key=check.key, label=check.label),
        pipeline=f"{check.datasource}.{about}" if check.datasource else about,
        run=check.at.isoformat() if check.at else None,  # one scan, however many requests tell of it, is one mail
        occurred_at=check.at,
        message="\n".join(filter(None, (f"{check.label} {how}.", f"Measured {measured}." if measured else "", _defined(check)))),
        links={"Open check": check.url, "Open dataset": check.dataset_url},
        facts={
            "Dataset": dataset,
            "Data source": check.datasource,
            "Column": check.column,
            "Agreement": check.agreement,
            "Compared with": ", ".join(check.others),
            **check.attributes,
        },
        owners=check.owners,
        tags=check.tags,
        excerpt=check.definition if state is State.FIRING else "",
    )


def _defined(check: Check) -> str:
    """The definition, where it says more than the label."""
    return check.definition if "\n" in check.definition.strip() and len(check.definition) > len(check.label) + 40 else ""


def _contract(contract: Mapping[str, Any]) -> Mapped:
    """A note: what the contract agrees on changed; whether anybody breaks it, its checks will tell."""
    dataset = first(contract, "dataset") or ".".join(words(contract.get("prefixes")))
    if not dataset:
        raise Unmapped("a contractPublished that names no dataset")
    by = ", ".join(people(contract.get("author")))
    draft = Draft(
        slug="soda-contract-published",
        event_data={"dataset": dataset, "datasource": string(contract.get("datasource"))},
        category=Category.SCHEMA_CHANGE,
        level=Level.INFO,
        state=State.NOTE,
        title=f"Data contract of {dataset} was published",
        pipeline=dataset,
        message=f"The data contract of {dataset} was published{f' by {by}' if by else ''}.",
        facts={"Data source": string(contract.get("datasource")), "By": by},
        owners=people(contract.get("author")),
    )
    return Mapped(drafts=(draft,))


def _request_key(inbound: Inbound) -> str | None:
    """Which checks said what of which data, or which incident was how when: Soda gives its requests no id."""
    try:
        body = _body(inbound)
    except Unmapped:
        return None
    if _event(body).startswith("incident"):
        return incident_key(body)
    if _event(body) != "checkevaluation":
        return None
    results = mappings(body.get("checkResults"))
    names = ("id", "sodaCloudUrl", "outcome")
    told = [(*(string(one.get(name), 500) for name in names), parse_time(one.get("dataTimestamp"))) for one in results]
    if not told or not all(one[3] and (one[0] or one[1]) for one in told):
        return None
    lines = sorted(" ".join(map(str, one)) for one in told)
    return one_line(hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest(), 200)


_EXAMPLE: Final = b"""{
  "event": "checkEvaluation",
  "checkResults": [
    {
      "id": "39d706c3-5a48-4f4b-8d5e-000000000001",
      "sodaCloudUrl": "https://cloud.soda.io/checks/39d706c3-5a48-4f4b-8d5e-000000000001",
      "name": "No orders without a customer",
      "definition": "checks for orders:\\n  - missing_count(customer_id) = 0",
      "datasets": [
        {
          "id": "e8f1fe55-ae3c-44bd-8d5e-000000000001",
          "sodaCloudUrl": "https://cloud.soda.io/datasets/e8f1fe55-ae3c-44bd-8d5e-000000000001",
          "name": "orders",
          "label": "orders",
          "tags": ["finance"],
          "owner": {"id": "31781df5", "email": "ana@example.org"},
          "datasource": {"id": "5a152025", "name": "warehouse", "label": "warehouse"}
        }
      ],
      "column": "customer_id",
      "outcome": "fail",
      "dataTimestamp": "2026-11-22T02:04:10.060897Z",
      "diagnostics": {"value": 12}
    }
  ]
}"""

SOURCE: Final = SourceKind(
    kind="soda",
    title="Soda",
    auth=(Scheme.TOKEN, Scheme.BEARER, Scheme.HEADER, Scheme.BASIC),  # what its optional secret signs, and where, Soda does not publish
    event_types=("checkEvaluation", "incidentCreated", "incidentUpdated", "contractPublished", "validate"),
    map=_map,
    request_key=_request_key,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    steps=(
        "In Soda Cloud, open Organization Settings, Integrations, and add an integration of type Webhook.",
        "Webhook URL (https): {url}",
        "Scopes: alert notifications, incidents, contracts. Soda posts a validate event, which must be answered, and is ignored here.",
        "Under Notification Rules, send the results of your checks to this webhook: the passing ones too, or nothing is ever resolved.",
    ),
)
