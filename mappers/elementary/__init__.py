"""Elementary (`edr monitor`): failing tests, models and sources, read from what it draws for Slack and Teams.

https://docs.elementary-data.com/oss/guides/alerts/elementary-alerts
Its messages tell of failures alone, so what they open closes by a silence.
"""

import hashlib
from contextlib import suppress
from typing import Any, Final

from mappers.contract import BadBody, Category, Draft, Example, Inbound, Level, Mapped, Member, SourceKind, State, Unmapped
from mappers.contract.columns import Verdict
from mappers.contract.inbound import parse_json
from mappers.contract.signature import Scheme
from mappers.elementary import data, drawn
from mappers.elementary.alert import About, Alert
from mappers.elementary.card import pieces
from mappers.elementary.words import LEVELS, PASSES, time_of

_THREADS: Final = {
    About.TEST: ("elementary-tests-failing", Category.DBT_TEST_FAILURE, "table", "Tests failing on {}"),
    About.MODEL: ("elementary-model-failed", Category.JOB_FAILURE, "model", "{} failed to build"),
    About.SOURCE: ("elementary-source-stale", Category.LATE_RUN, "source", "Source {} is stale"),
    About.SCHEMA: ("elementary-schema-changed", Category.SCHEMA_CHANGE, "table", "Schema of {} changed"),
}
_PIPELINE: Final = "Elementary"
"""One conversation for all it says: it watches a dbt project, whose name it does not tell."""
_BREAKING: Final = ("removed", "changed", "deleted")
_HARMLESS: Final = ("added",)


def _map(inbound: Inbound) -> Mapped:
    document = _document(inbound)
    found = data.alerts(document)
    if not found and isinstance(document, dict):
        shown = pieces(document)
        if drawn.headline(shown).startswith(drawn.HEALTHY):
            return Mapped(ignored="Elementary ran and had nothing new to tell")
        found = drawn.alerts(shown)
    if not found:
        raise Unmapped("no alert of Elementary's: neither its fields nor a message drawn as it draws them")
    # A list has no id and no time; its arrival makes it one happening, so that it is one mail however many tables it names.
    run = inbound.received_at.isoformat() if len(found) > 1 else None
    names: dict[tuple[About, str], str] = {}
    worst: dict[tuple[About, str, str], Draft] = {}
    for alert in found:
        asset = names.setdefault((alert.about, alert.asset.lower()), alert.asset)  # one title for a thread, however its name is written
        key, draft = (alert.about, asset, alert.summary.lower()), _draft(alert, asset, run)
        if key not in worst or draft.level.weight > worst[key].level.weight:
            worst[key] = draft  # a test may stand in a list twice, once as a warning and once as an error
    return Mapped(drafts=tuple(worst.values()))


def _document(inbound: Inbound) -> Any:
    """The body; a Slack workflow's holds the alert as JSON, alone or inside `text`."""
    try:
        document = inbound.json
    except BadBody as error:
        raise Unmapped(str(error)) from None
    text = document.get("text") if isinstance(document, dict) else None
    if isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
        with suppress(BadBody):
            return parse_json(text)
    if not isinstance(document, dict | list):
        raise Unmapped("the body is no JSON object")
    return document


def _draft(alert: Alert, asset: str, run: str | None) -> Draft:
    slug, category, key, title = _THREADS[alert.about]
    state, level = _verdict(alert)
    at = time_of(alert.time)
    return Draft(
        slug=slug,
        event_data={key: asset.lower()},
        category=category,
        level=level,
        state=state,
        title=title.format(asset),
        # The tests of a table fail one by one; a model, a source and a change of schema are one thing.
        member=Member(key=alert.summary.lower(), label=alert.summary) if alert.about is About.TEST else None,
        pipeline=_PIPELINE,
        run=run,
        occurrence=alert.time if at and not run else None,
        occurred_at=at,
        message=_message(alert, level),
        links={"View in Elementary": alert.url},
        facts={"Status": alert.status, "Column": alert.column, **alert.facts},
        owners=alert.owners,
        tags=alert.tags,
        environment=alert.environment or None,
        excerpt="\n\n".join(filter(None, (alert.message, alert.query))) if state is State.FIRING else "",
        closes_itself=state is State.FIRING,
    )


def _verdict(alert: Alert) -> tuple[State, Level]:
    """By the status; a change of schema by whether it breaks readers, for its status is what a test was set to."""
    if alert.status in PASSES:
        return State.RESOLVED, Level.SUCCESS
    if alert.about is About.SCHEMA:
        lowered = alert.summary.lower()
        if any(word in lowered for word in _BREAKING):
            return State.NOTE, Level.ERROR
        if any(word in lowered for word in _HARMLESS):
            return State.NOTE, Level.INFO
        return State.NOTE, LEVELS.get(alert.status, Level.WARNING)
    return State.FIRING, LEVELS.get(alert.status, Level.ERROR)


def _message(alert: Alert, level: Level) -> str:
    verdict = {one.level: f" ({one})" for one in (Verdict.BREAKS, Verdict.HARMLESS)}.get(level, "") if alert.about is About.SCHEMA else ""
    return "\n\n".join(filter(None, (f"{alert.summary}{verdict}", alert.message)))


def _request_key(inbound: Inbound) -> str | None:
    """The ids of the alerts, where their own fields are sent; a drawing has none."""
    try:
        document = _document(inbound)
    except Unmapped:
        return None
    items = document if isinstance(document, list) else [document]
    ids = [item.get("id") for item in items if isinstance(item, dict) and data.alerts(item)]
    if not ids or not all(isinstance(one, str) and one for one in ids):
        return None
    return hashlib.sha256("\n".join(map(str, ids)).encode("utf-8", "surrogatepass")).hexdigest()


_EXAMPLE: Final = b"""{
  "blocks": [
    {"type": "header", "text": {"type": "plain_text", "text": "Failure: \\"unique_orders_id\\" test failed on shop.public.orders.id"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Test:* unique_orders_id | *Status:* fail | *Time:* 2026-11-22 02:04:10 UTC"}},
    {"type": "divider"}
  ],
  "attachments": [
    {
      "color": "#ff0000",
      "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Table*\\nshop.public.orders"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Owners*\\nana@example.org"}]},
        {"type": "divider"},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Result Message*"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "```Got 2 results, configured to fail if != 0```"}}
      ]
    }
  ]
}"""

SOURCE: Final = SourceKind(
    kind="elementary",
    title="Elementary",
    auth=(Scheme.TOKEN,),  # it posts to the address of a Slack or Teams webhook, and sends no header of yours
    event_types=("fail", "warn", "error", "runtime error", "pass"),
    map=_map,
    request_key=_request_key,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    steps=(
        """In Elementary's configuration, ~/.edr/config.yml:
slack:
  notification_webhook: {url}
  workflows: true""",
        "Or, without that file: edr monitor --slack-webhook {url}",
        "To try it, add --test true: where there is nothing to tell, a message that it ran arrives, and is ignored here.",
        'Elementary never says that something recovered: what it opens closes after a silence, settings = { silence = "2d" }.',
    ),
)
