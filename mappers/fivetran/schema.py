"""Schema changes that Fivetran makes in the destination. Its logs tell of them; webhooks do where an account has them.

https://fivetran.com/docs/logs (`create_table`, `alter_table`, `drop_table`)
"""

from typing import Final

from mappers.contract import Category, Draft, Mapped, State
from mappers.contract.columns import Verdict
from mappers.fivetran.event import Event, mapping, text

EVENTS: Final = ("create_table", "alter_table", "drop_table")
_HARMLESS: Final = ("ADD", "CREATE")


def map_schema_change(event: Event) -> Mapped:
    """A note that names the table, its column, and whether that breaks whoever reads it."""
    properties = mapping(event.data.get("properties"))
    schema = text(event.data.get("schema"))
    table = text(event.data.get("table")) or text(event.data.get("name")) or "a table"
    if schema.lower().endswith("_staging"):
        return Mapped(ignored="a staging table of Fivetran's own, which nobody reads")
    full = f"{schema}.{table}" if schema else table
    column = text(properties.get("columnName")) or text(event.data.get("columnName"))
    how = (text(event.data.get("type")) or event.type).upper()
    breaks = not how.startswith(_HARMLESS)
    kind = text(properties.get("dataType"))
    name = f"{full}.{column}" if column else full
    words = how.lower().replace("_", " ")
    verdict = Verdict.BREAKS if breaks else Verdict.HARMLESS
    fate = f"{words}{f' {kind}' if kind else ''} ({verdict})"
    draft = Draft(
        slug="fivetran-schema-changed",
        event_data={"connection": event.identity or event.group, "table": full},
        category=Category.SCHEMA_CHANGE,
        level=verdict.level,
        state=State.NOTE,
        title=f"{full} changed",
        pipeline=event.label or None,
        occurred_at=event.created,
        message=f"{name}: {fate}",
        facts={name: fate, "Connection": event.label, "Connector": event.service, "Destination": event.group},
    )
    return Mapped(drafts=(draft,))
