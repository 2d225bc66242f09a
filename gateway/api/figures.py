"""Figures for admins: what failed and for how long, who was told by which channel, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta, tzinfo
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from gateway.api.figure_models import (
    CategoryFailures,
    CategoryReach,
    Channel,
    DayFailures,
    DayMails,
    EnvironmentFailures,
    EnvironmentReach,
    Failures,
    Figures,
    FiguresQuery,
    KindMails,
    Mails,
    PipelineFailures,
    Reach,
    SourceFailures,
    SourceReach,
    TableQuery,
    TeamFailures,
    Took,
    WholeSince,
)
from gateway.api.operation import Call, Download, Operation
from gateway.api.problem import FieldError, Problem
from gateway.api.spreadsheet import table_as_csv
from gateway.domain.figures import LONGEST, Stretch, day_of, days, share, stretches
from gateway.storage import figures
from gateway.storage.database import Transaction
from gateway.storage.figures import Key, Wanted
from gateway.storage.retention import DEFAULT_DAYS

USUAL: Final = timedelta(days=30)
_KINDS: Final = ("failing", "reminder", "resolved", "digest")
_OUTCOMES: Final = ("sent", "kept", "failed", "cancelled", "folded")
F = TypeVar("F", bound=Failures)
R = TypeVar("R", bound=Reach)
_FAILURES: Final[Mapping[str, type[Failures]]] = {
    "category": CategoryFailures, "source": SourceFailures, "environment": EnvironmentFailures, "team": TeamFailures,
}  # fmt: skip


async def show(call: Call) -> Figures:
    """Delivery and engagement by category, channel and source; time to acknowledge and to recover; the noisiest pipelines.

    Failures are counted by when they began, inbox entries by their last news, mails by when they left or were given up.
    """
    query: FiguresQuery = call.query
    zone = ZoneInfo(query.timezone or call.person.zone)
    until = query.until or call.now
    since = query.since or until - USUAL
    if not timedelta(0) < until - since <= LONGEST:
        raise Problem(
            422, "There are figures of at most 400 days.",
            [FieldError(place="query.until", message=f"must be after `since`, and at most {LONGEST.days} days after it")],
        )  # fmt: skip
    wanted = Wanted(
        call.admin_team_ids(query.team), since, until, call.now, query.category and query.category.value, query.source, query.environment
    )
    return await call.database.read(_find, wanted, zone, zone.key)


async def download(call: Call) -> Download:
    """One table as CSV: RFC 4180, UTF-8, a header in the first line. A text that a spreadsheet would take for a formula begins with `'`."""
    query: TableQuery = call.query
    found = await show(call)
    rows = [row.model_dump(mode="json") for row in getattr(found, query.table)]
    model = Figures.model_fields[query.table].annotation.__args__[0]  # type: ignore[union-attr]
    name = f"figures-{query.table.replace('_', '-')}-{found.since:%Y-%m-%d}-{found.until:%Y-%m-%d}.csv"
    return Download(table_as_csv(model, rows), name)


def _find(transaction: Transaction, wanted: Wanted, zone: tzinfo, name: str) -> Figures:
    clock = stretches(wanted.since, wanted.until, zone)
    calendar = days(wanted.since, wanted.until, zone)
    failed = {by: _failures(transaction, wanted, by) for by in ("all", "category", "source", "environment", "team", "pipeline")}
    by_day = _failures(transaction, wanted, "day", clock)
    members, every = figures.people(transaction, wanted.team_ids)
    told = _Told(transaction, wanted, every)
    mails = figures.mails(transaction, wanted, clock)
    total = _mails(mails)
    waiting = figures.waiting(transaction, wanted)
    reach = told.of(Reach)
    return Figures(
        since=wanted.since, until=wanted.until, timezone=name, whole_since=_whole_since(transaction, wanted),
        total=Failures(**failed["all"].get((), _NOTHING)),
        **{
            f"{plural}": [_FAILURES[by](**{by: key[0]}, **values) for key, values in failed[by].items()]
            for by, plural in (("category", "categories"), ("source", "sources"), ("environment", "environments"), ("team", "teams"))
        },
        pipelines=[
            PipelineFailures(source=source, environment=environment, pipeline=pipeline, **values)
            for (source, environment, pipeline), values in failed["pipeline"].items()
        ],
        days=[DayFailures(day=day, **by_day.get((_number(day),), _NOTHING)) for day in calendar],
        members=members, entries_of_one_in=every, reach=reach,
        reach_by_category=told.by(CategoryReach, "category", 0),
        reach_by_source=told.by(SourceReach, "source", 1),
        reach_by_environment=told.by(EnvironmentReach, "environment", 2),
        channels=[
            Channel(channel="in_app", delivered=reach.entries, failed=0, waiting=0, delivered_share=share(reach.entries, reach.entries)),
            Channel(
                channel="email", delivered=total["sent"], failed=total["failed"], waiting=waiting, delivered_share=total["delivered_share"]
            ),
        ],
        mail=Mails(**total),
        mail_by_kind=[KindMails(kind=kind, **_mails(row for row in mails if row[1] == kind)) for kind in _KINDS],
        mail_by_day=[DayMails(day=day, **_mails(row for row in mails if row[0] == _number(day))) for day in calendar],
    )  # fmt: skip


_NO_COUNTS: Final = dict.fromkeys(
    ("episodes", "alerts", "repeats", "flapping", "open", "acknowledged", "recovered", "closed_by_hand", "closed_by_silence"), 0
)
_NO_SPANS: Final = dict.fromkeys(("time_to_acknowledge", "time_to_recover", "time_to_close_by_hand"))
_NOTHING: Final[Mapping[str, Any]] = {**_NO_COUNTS, **_NO_SPANS}


def _failures(transaction: Transaction, wanted: Wanted, by: str, clock: Sequence[Stretch] = ()) -> dict[Key, dict[str, Any]]:
    """Of each group, the one with the most alerts first."""
    counts = figures.counts(transaction, wanted, by, clock)
    among = list(counts) if by == "pipeline" else None
    spans = figures.spans(transaction, wanted, by, clock, among) if counts else {}

    def took(kind: str, key: Key) -> Took | None:
        found = spans.get((kind, key))
        return Took(**asdict(found)) if found else None

    return {
        key: {
            **{name: found[name] for name in ("episodes", "alerts", "repeats", "flapping", "open", "acknowledged")},
            "recovered": found["by_sender"], "closed_by_hand": found["by_hand"], "closed_by_silence": found["by_silence"],
            "time_to_acknowledge": took("acknowledge", key), "time_to_recover": took("recover", key),
            "time_to_close_by_hand": took("by_hand", key),
        }
        for key, found in counts.items()
        if found["episodes"]
    }  # fmt: skip


class _Told:
    """What people were told, by (category, source, environment), and what they did with it."""

    def __init__(self, transaction: Transaction, wanted: Wanted, every: int) -> None:
        self._found: dict[Key, Counter[str]] = {}
        for key, values in figures.entries(transaction, wanted, every):
            self._at(key).update(values)
        for key, outcome, count in figures.told_by_mail(transaction, wanted):
            self._at(key)[outcome] += count
        for key, _, useful, count in figures.useful(transaction, wanted):
            self._at(key)["useful" if useful else "useless"] += count

    def _at(self, key: Key) -> Counter[str]:
        return self._found.setdefault(key, Counter())

    def of(self, model: type[R], keys: Iterable[Key] | None = None, **place: str) -> R:
        """The sum over these groups, or all."""
        found: Counter[str] = Counter()
        for key in self._found if keys is None else keys:
            found.update(self._found[key])
        return model(
            **place, entries=found["listed"], read_within_day=found["read_in_day"], read_later=found["read_later"],
            unread=found["unread"], archived_unread=found["archived_unread"], muted=found["muted"],
            read_within_day_share=share(found["read_in_day"], found["listed"]), mail_only=found["mail_only"], mailed=found["sent"],
            mail_kept=found["kept"], mail_failed=found["failed"], mail_cancelled=found["cancelled"], summaries_useful=found["useful"],
            summaries_useless=found["useless"],
        )  # fmt: skip

    def by(self, model: type[R], name: str, part: int) -> list[R]:
        """One for each value of a part of the key, the largest first."""
        groups: dict[str, list[Key]] = {}
        for key in self._found:
            groups.setdefault(key[part], []).append(key)
        rows = [self.of(model, keys, **{name: value}) for value, keys in sorted(groups.items())]
        return sorted(rows, key=lambda row: -row.entries)[: figures.MOST]


def _mails(rows: Iterable[tuple[int, str, str, int]]) -> dict[str, Any]:
    found: Counter[str] = Counter()
    for _, _, outcome, count in rows:
        found[outcome] += count
    return {**{name: found[name] for name in _OUTCOMES}, "delivered_share": share(found["sent"], found["sent"] + found["failed"])}


def _whole_since(transaction: Transaction, wanted: Wanted) -> WholeSince:
    kept = figures.kept(transaction, wanted.team_ids)
    shortest = DEFAULT_DAYS if kept.shortest_days is None else min(kept.shortest_days, DEFAULT_DAYS)
    return WholeSince(failures=kept.episodes, inbox=wanted.now - timedelta(days=shortest), mail=wanted.now - timedelta(days=DEFAULT_DAYS))


def _number(day: date) -> int:
    return (day - day_of(0)).days


OPERATIONS: Final = (
    Operation("GET", "/api/figures", "Figures of my teams", show, Figures, query=FiguresQuery, problems=(404,), floor="admin"),
    Operation(
        "GET", "/api/figures.csv", "One table of the figures as CSV", download, None, query=TableQuery, problems=(404,), floor="admin",
        media="text/csv",
    ),
)  # fmt: skip
