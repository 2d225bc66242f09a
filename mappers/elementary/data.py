"""Reading what Elementary sends to a Slack workflow: the alert's own fields, as JSON. Several alerts come as a list.

https://github.com/elementary-data/elementary/tree/master/elementary/monitor/alerts (`data`)
"""

from collections.abc import Mapping
from typing import Any, Final

from mappers.contract.text import one_line
from mappers.elementary.alert import About, Alert, short_name, summary_of_test

_MOST: Final = 2000
_FACTS: Final = (
    "original_path",
    "materialization",
    "max_loaded_at",
    "snapshotted_at",
    "error_after",
    "warn_after",
    "test_unique_id",
    "severity",
)


def alerts(document: object) -> list[Alert]:
    """The alerts of a document; empty where there are none."""
    items = document if isinstance(document, list) else [document]
    return [alert for item in items[:_MOST] if isinstance(item, dict) and (alert := _alert(item))]


def _alert(item: Mapping[str, Any]) -> Alert | None:
    if "status" not in item and "alert_class_id" not in item:
        return None
    name = _string(item, "test_short_name") or _string(item, "test_name")
    table, column = _string(item, "table_full_name") or _string(item, "table_name"), _string(item, "column_name")
    if not name and not _string(item, "alias") and not _string(item, "identifier"):
        return None
    about, asset, summary, message = About.TEST, table or name, "", _string(item, "test_results_description", 4000)
    if name and _string(item, "test_type") == "schema_change":
        what = _string(item, "test_sub_type_display_name") or "Schema change"
        about, summary = About.SCHEMA, f"{what} on {table}.{column}" if column else f"{what} on {table}"
    elif name:
        sub_type = _string(item, "test_sub_type_display_name")
        summary = summary_of_test(short_name(f"{name} - {sub_type}" if sub_type else name), table, column)
    elif alias := _string(item, "alias"):
        about, asset, message = About.MODEL, alias, _string(item, "message", 4000)
        summary = f'dbt failed to build {_string(item, "materialization") or "model"} "{alias}"'
    else:
        parts = [_string(item, key) for key in ("database_name", "schema_name", "identifier")]
        about, asset, message = About.SOURCE, ".".join(filter(None, parts)), _string(item, "error", 4000)
        summary = f'Freshness exceeded the acceptable times on source "{asset}"'
    return Alert(
        about=about,
        asset=asset,
        summary=one_line(summary, 300),
        status=_string(item, "status").lower(),
        column=column,
        message=message,
        query=_string(item, "test_results_query", 8000),
        time=_string(item, "detected_at"),
        environment=_string(item, "env", 80),
        owners=_words(item.get("owners")),
        tags=_words(item.get("tags")),
        facts={key.replace("_", " ").capitalize(): _string(item, key, 300) for key in _FACTS},
    )


def _string(item: Mapping[str, Any], key: str, limit: int = 200) -> str:
    value = item.get(key)
    if not isinstance(value, str) or value.strip().lower() in ("n/a", "none", "null"):
        return ""
    return value[:limit].strip() if limit > 300 else one_line(value[: limit * 8], limit)


def _words(value: object) -> tuple[str, ...]:
    items = value[:50] if isinstance(value, list) else value.split(",")[:50] if isinstance(value, str) else []
    return tuple(dict.fromkeys(word for item in items if isinstance(item, str) and (word := one_line(item[:400], 150))))
