"""Reading what was drawn for people: one alert, or a list of many."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from mappers.elementary.alert import About, Alert, read_summary, short_name, split_status, summary_of_test
from mappers.elementary.card import Kind, Piece
from mappers.elementary.words import link, named, people, plain

_LISTS: Final = {"Model Errors": "error", "Test Failures": "fail", "Test Warnings": "warn", "Test Errors": "error"}
_ABOUT: Final = {"Test": About.TEST, "Model": About.MODEL, "Snapshot": About.MODEL, "Source": About.SOURCE}
_SEGMENT: Final = re.compile(r"\*{0,2}([A-Z][A-Za-z ]{1,30})(?::\*{0,2}|\*{1,2}:)\s*(.+)")
_BOLD: Final = re.compile(r"\*{1,2}([^*]{1,600})\*{1,2}")
_MOST_LINES: Final = 2000
_RESULT: Final = ("result message", "result", "message")
_QUERY: Final = ("test results query", "test query", "query")
_SHOWN_ELSEWHERE: Final = frozenset({"table", "column", "owners", "tags", "subscribers", "description", *_RESULT, *_QUERY})
_OLD_HEADERS: Final = (
    "dbt test alert",
    "dbt model alert",
    "dbt snapshot alert",
    "source freshness alert",
    "anomaly detected",
    "schema change",
)
HEALTHY: Final = "Elementary monitor ran successfully"


def headline(drawn: Sequence[Piece]) -> str:
    """The first header, as it stands."""
    return next((piece.text for piece in drawn if piece.kind is Kind.HEADER), "")


def alerts(drawn: Sequence[Piece]) -> list[Alert]:
    """The alerts of a message; empty where it is none of Elementary's."""
    listed = list(_listed(drawn))
    if listed:
        return listed
    alert = _single(drawn)
    return [alert] if alert else []


def _segments(drawn: Sequence[Piece]) -> dict[str, str]:
    """label → value of the lines below the headline: `*Test:* unique | *Status:* fail | *Time:* …`."""
    found: dict[str, str] = {}
    for piece in drawn:
        for segment in piece.text.replace("\n", "|").split("|")[:40] if piece.kind is Kind.TEXT else ():
            if match := _SEGMENT.match(segment.strip()[:500]):
                found.setdefault(match[1], match[2].strip().strip("*").strip())
    return found


def _facts(drawn: Sequence[Piece]) -> dict[str, str]:
    """label → value, lower case labels; a heading names the code below it."""
    found: dict[str, str] = {}
    heading = ""
    for piece in drawn:
        if piece.kind is Kind.FACT:
            found.setdefault(piece.label.lower(), piece.text)
        elif piece.kind is Kind.CODE:
            found.setdefault(heading or "result", piece.text)
            heading = ""
        elif piece.kind is Kind.TEXT and (bold := _BOLD.search(piece.text)) and len(piece.text) < 60:
            heading = bold[1].strip().lower()
    return found


def _single(drawn: Sequence[Piece]) -> Alert | None:
    told, facts, title = _segments(drawn), _facts(drawn), headline(drawn)
    status, summary = split_status(title)
    status = plain(told.get("Status", "")).lower() or status
    about, name = next(((_ABOUT[label], plain(told[label], 300)) for label in _ABOUT if label in told), (None, ""))
    known = read_summary(summary, named(facts.get("table", ""), 300))
    if known is None and (about is None or "Status" not in told):
        return None
    table, column = named(facts.get("table", ""), 300), named(facts.get("column", ""), 200)
    if known is not None:
        about, asset = known
    elif about is About.TEST and _is_schema_change(title):
        about, asset, summary = About.SCHEMA, table or summary.partition(" on ")[2] or name, _schema_summary(title, name, table, column)
    elif about is About.TEST:
        asset, summary = table or name, summary_of_test(short_name(name), table, column)
    else:
        asset, summary = (
            name,
            f'dbt failed to build "{name}"' if about is About.MODEL else f'Freshness exceeded the acceptable times on source "{name}"',
        )
    message = next((facts[key] for key in _RESULT if facts.get(key)), "") or facts.get("description", "")
    return Alert(
        about=about or About.TEST,
        asset=asset or name or summary,
        summary=plain(summary, 300),
        status=status,
        column=column,
        message=message.strip() if "\n" in message.strip() else message.strip().strip("_"),
        query=next((facts[key] for key in _QUERY if facts.get(key)), ""),
        time=plain(told.get("Time", "")),
        environment=named(told.get("Env", ""), 80),
        owners=people(facts.get("owners", "")),
        tags=people(facts.get("tags", "")),
        url=next((url for piece in drawn if (url := link(piece.text))), ""),
        facts={label.capitalize(): named(text, 300) for label, text in facts.items() if label not in _SHOWN_ELSEWHERE and len(text) < 300},
    )


def _is_schema_change(title: str) -> bool:
    """A headline without a status that is no older version's: `Column Removed on db.schema.orders.coupon`."""
    lowered = title.lower()
    return "schema change" in lowered or (not split_status(title)[0] and not any(old in lowered for old in _OLD_HEADERS))


def _schema_summary(title: str, name: str, table: str, column: str) -> str:
    if "schema change" not in title.lower():
        return title
    what = name.rpartition(" - ")[2] or "Schema change"
    return f"{what} on {table}.{column}" if column else f"{what} on {table}"


def _listed(drawn: Sequence[Piece]) -> Iterator[Alert]:
    """The alerts of a list: `❗ *summary* - Owners: ana - <link>`, under headings that say how bad they are."""
    told = _segments(drawn)
    status = ""
    for piece in drawn:
        heading = plain(piece.text.partition("\n")[0])
        if heading in _LISTS and piece.kind in (Kind.TEXT, Kind.FACT):
            status = _LISTS[heading]
            continue
        for line in piece.text.split("\n")[:_MOST_LINES] if status and piece.kind is Kind.TEXT else ():
            bold = _BOLD.search(line[:2000])
            known = read_summary(bold[1].strip()) if bold else None
            if bold and known:
                yield Alert(
                    about=known[0],
                    asset=known[1],
                    summary=plain(bold[1], 300),
                    status=status,
                    environment=named(told.get("Env", ""), 80),
                    owners=_owners_in(line[:4000]),
                    url=link(line),
                )


def _owners_in(line: str) -> tuple[str, ...]:
    """`… - Owners: ana, <@U0BEN> | Subscribers: … - <link>`; one of them is an `Owner`."""
    told = line.partition(" - Owner")[2].partition(": ")[2]
    return people(told.partition(" | Subscriber")[0].partition(" - ")[0])
