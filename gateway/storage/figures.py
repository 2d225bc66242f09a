"""Figures of teams over a time, worked out in the database: what failed and for how long, who was told, what came of it.

Nothing here tells one person from another. What people see is found through the members of the teams, whose entries and mails are
in order of time, so that of other teams and other times nothing is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from gateway.domain.figures import Stretch
from gateway.storage.episodes import BEAT
from gateway.storage.floods import WHY as FOLDED
from gateway.storage.instant import micros
from gateway.storage.tables import (
    beats,
    deliveries,
    delivery_items,
    episodes,
    inbox_entries,
    memberships,
    notifications,
    sources,
    teams,
    users,
    votes,
)

API: Final = "api"
"""The source of what was created through the API."""
MOST: Final = 100
"""Groups of a kind that are told, those with the most alerts."""
NOISIEST: Final = 20
SAMPLE: Final = 50
"""People whose entries are counted; of larger teams one in so many, for shares are the same then and five million entries take long."""
_DAY: Final = 86_400_000_000
_episode, _entry, _mail, _item, _thread = episodes.c, inbox_entries.c, deliveries.c, delivery_items.c, notifications.c


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which figures. What is None is not asked for."""

    team_ids: Sequence[int]
    since: datetime
    until: datetime
    now: datetime
    category: str | None = None
    source: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """From when on rows are all still there."""

    episodes: datetime | None
    """Since when they are written down; None where that was so before there was any of these teams."""
    shortest_days: int | None
    """The fewest days for which a member keeps what is read; None where all keep it as long as the installation does."""


Key = tuple[Any, ...]
"""What a group is of: one value, or three for a pipeline: its source, environment and name."""


def kept(connection: Connection, team_ids: Sequence[int]) -> Kept:
    """From when on the rows of these teams are all still there."""
    shortest = (
        select(func.min(users.c.retention_days))
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.team_id.in_(team_ids))
    )
    older = select(func.min(teams.c.created_at)).where(teams.c.id.in_(team_ids)).scalar_subquery()
    begun = select(beats.c.at).where(beats.c.name == BEAT, beats.c.at > older)
    return Kept(connection.scalar(begun), connection.scalar(shortest))


def counts(connection: Connection, wanted: Wanted, by: str, stretches: Sequence[Stretch] = ()) -> dict[Key, Mapping[str, int]]:
    """Episodes that opened in the time, how they went on, and alerts; by `all`, `category`, `source`, `environment`, `team`, `pipeline`
    or `day`."""
    key = _key(by, stretches)
    alerts = func.sum(_episode.alerts).label("alerts")
    rows = _grouped(
        key,
        func.count().label("episodes"),
        _sum(_episode.resolved_at.is_(None), "open"),
        _sum(_episode.acknowledged_at.is_not(None), "acknowledged"),
        *(_sum(_episode.ended_by == how, f"by_{how}") for how in ("sender", "hand", "silence")),
        _sum(_episode.flapped, "flapping"),
        alerts,
        func.sum(_episode.happenings - 1).label("repeats"),
    ).where(*_of_episodes(wanted))
    if by != "day":
        rows = rows.order_by(alerts.desc(), func.count().desc(), *key).limit(NOISIEST if by == "pipeline" else MOST)
    names = ("episodes", "open", "acknowledged", "by_sender", "by_hand", "by_silence", "flapping", "alerts", "repeats")
    return {tuple(row[: len(key)]): {name: int(row._mapping[name] or 0) for name in names} for row in connection.execute(rows)}


@dataclass(frozen=True, slots=True)
class Span:
    """How long it took, in seconds."""

    count: int
    mean: float
    median: float
    p90: float


def spans(
    connection: Connection, wanted: Wanted, by: str, stretches: Sequence[Stretch] = (), among: Sequence[Key] | None = None
) -> dict[tuple[str, Key], Span]:
    """How long it took until somebody was on it (`acknowledge`), until its sender said that it recovered (`recover`), and until a
    person said that it is over (`by_hand`), of episodes that opened in the time. A median is the value in the middle, the lower of
    two; `among`: of these groups alone."""
    key = _key(by, stretches)
    ends = {
        "acknowledge": (_episode.acknowledged_at, _episode.acknowledged_at.is_not(None)),
        "recover": (_episode.resolved_at, _episode.ended_by == "sender"),
        "by_hand": (_episode.resolved_at, _episode.ended_by == "hand"),
    }
    chosen = true() if among is None else or_(literal(False), *(_is(key, one) for one in among))
    each = union_all(
        *(
            _from_episodes(literal(kind).label("kind"), *key, _not_negative(micros(end) - micros(_episode.opened_at)).label("took")).where(
                *_of_episodes(wanted), happened, chosen
            )
            for kind, (end, happened) in ends.items()
        )
    ).subquery("each")
    place = [each.c.kind, *(each.c[f"k{number}"] for number in range(len(key)))]
    ranked = select(
        *place,
        each.c.took,
        func.row_number().over(partition_by=place, order_by=each.c.took).label("n"),
        func.count().over(partition_by=place).label("total"),
    ).subquery("ranked")
    place = [ranked.c.kind, *(ranked.c[f"k{number}"] for number in range(len(key)))]
    median, p90 = (func.min(case((ranked.c.n * 100 >= ranked.c.total * percent, ranked.c.took))) for percent in (50, 90))
    rows = select(*place, func.count(), func.avg(ranked.c.took), median, p90).group_by(*place)
    found = {}
    for kind, *group, count, mean, middle, high in connection.execute(rows):
        found[kind, tuple(group)] = Span(count, *(round(float(value) / 1_000_000, 3) for value in (mean, middle, high)))
    return found


def people(connection: Connection, team_ids: Sequence[int]) -> tuple[int, int]:
    """How many people are members of these teams, and of every how many of them one has their entries counted: all of few are."""
    whose = select(func.count(memberships.c.user_id.distinct())).where(memberships.c.team_id.in_(team_ids))
    members = connection.scalar(whose) or 0
    return members, max(-(-members // SAMPLE), 1)


ENTRIES: Final = ("listed", "mail_only", "read_in_day", "read_later", "unread", "archived_unread", "muted")


def entries(connection: Connection, wanted: Wanted, every: int = 1) -> list[tuple[Key, dict[str, int]]]:
    """What people did with what they were last told of in the time: (category, source, environment) → entries of the inbox. `every`: of
    one person in so many."""
    is_muted = or_(_entry.muted_episode.is_not(None), _entry.muted_until > wanted.now)
    read, day = _entry.read_at.is_not(None), timedelta(days=1)
    in_day = micros(_entry.read_at) <= micros(_entry.last_at) + int(day.total_seconds()) * 1_000_000
    whose = and_(_entry.user_id == memberships.c.user_id, _entry.team_id == memberships.c.team_id)
    when = and_(_entry.last_at >= wanted.since, _entry.last_at < wanted.until)

    def part(*, archived: bool) -> Select[Any]:
        aside = _entry.archived_at.is_not(None) if archived else _entry.archived_at.is_(None)
        told = select(
            _entry.notification_id,
            _entry.category,
            _sum(_entry.listed, "listed"),
            _sum(~_entry.listed, "mail_only"),
            _sum(and_(_entry.listed, read, in_day), "read_in_day"),
            _sum(and_(_entry.listed, read, ~in_day), "read_later"),
            _sum(and_(_entry.listed, ~read, literal(not archived)), "unread"),
            _sum(and_(_entry.listed, ~read, literal(archived)), "archived_unread"),
            _sum(and_(_entry.listed, is_muted), "muted"),
        ).select_from(memberships.join(inbox_entries, whose))
        mine = [memberships.c.team_id.in_(wanted.team_ids), memberships.c.user_id % every == 0, when, aside]
        if wanted.category is not None:
            mine.append(_entry.category == wanted.category)
        return told.where(*mine).group_by(_entry.notification_id, _entry.category)

    of_each = union_all(part(archived=False), part(archived=True)).subquery("of_each")
    key = (of_each.c.category, _source_slug(), _thread.environment)
    rows = (
        select(*key, *(func.sum(of_each.c[name]) for name in ENTRIES))
        .select_from(_with_source(of_each.join(notifications, _thread.id == of_each.c.notification_id), _thread.source_id))
        .where(*_place(wanted, _thread.environment))
        .group_by(*key)
    )
    return [
        (tuple(row[:3]), {name: int(value or 0) for name, value in zip(ENTRIES, row[3:], strict=True)}) for row in connection.execute(rows)
    ]


def mails(connection: Connection, wanted: Wanted, stretches: Sequence[Stretch]) -> list[tuple[int, str, str, int]]:
    """Mails whose fate was settled in the time: (day, kind, `sent`, `kept`, `failed`, `cancelled` or `folded`, how many)."""
    day, outcome = _day(_mail.finished_at, stretches), _outcome()
    rows = (
        select(day, _mail.kind, outcome, func.count())
        .select_from(memberships.join(deliveries, _to_members()))
        .where(*_settled(wanted), *([_tells_of(wanted)] if _is_narrow(wanted) else []))
        .group_by(day, _mail.kind, outcome)
    )
    return [(int(at), kind, fate, count) for at, kind, fate, count in connection.execute(rows)]


def waiting(connection: Connection, wanted: Wanted) -> int:
    """Mails that are still to leave, whenever they were made."""
    rows = (
        select(func.count())
        .select_from(memberships.join(deliveries, _to_members()))
        .where(
            memberships.c.team_id.in_(wanted.team_ids),
            _mail.finished_at.is_(None),
            _mail.status == "waiting",
            *([_tells_of(wanted)] if _is_narrow(wanted) else []),
        )
    )
    return connection.scalar(rows) or 0


def told_by_mail(connection: Connection, wanted: Wanted) -> list[tuple[Key, str, int]]:
    """What those mails told of, one for each notification in each: ((category, source, environment), outcome, how many)."""
    key, outcome = (_thread.category, _source_slug(), _thread.environment), _outcome()
    whole = memberships.join(deliveries, _to_members()).join(delivery_items, _item.delivery_id == _mail.id)
    rows = (
        select(*key, outcome, func.count())
        .select_from(_with_source(whole.join(notifications, _thread.id == _item.notification_id), _thread.source_id))
        .where(*_settled(wanted), *_of_threads(wanted))
        .group_by(*key, outcome)
    )
    return [(tuple(row[:3]), row[3], row[4]) for row in connection.execute(rows)]


def useful(connection: Connection, wanted: Wanted) -> list[tuple[Key, str, bool, int]]:
    """What members said of failure summaries in the time: ((category, source, environment), `model` or `rules`, useful, how many)."""
    key = (_thread.category, _source_slug(), _thread.environment)
    whole = memberships.join(votes, votes.c.user_id == memberships.c.user_id).join(
        notifications, and_(_thread.id == votes.c.notification_id, _thread.team_id == memberships.c.team_id)
    )
    rows = (
        select(*key, votes.c.origin, votes.c.useful, func.count())
        .select_from(_with_source(whole, _thread.source_id))
        .where(memberships.c.team_id.in_(wanted.team_ids), votes.c.at >= wanted.since, votes.c.at < wanted.until, *_of_threads(wanted))
        .group_by(*key, votes.c.origin, votes.c.useful)
    )
    return [(tuple(row[:3]), row[3], bool(row[4]), row[5]) for row in connection.execute(rows)]


def _key(by: str, stretches: Sequence[Stretch]) -> list[ColumnElement[Any]]:
    columns: dict[str, tuple[ColumnElement[Any], ...]] = {
        "all": (),
        "category": (_episode.category,),
        "source": (_source_slug(),),
        "environment": (_episode.environment,),
        "team": (teams.c.slug,),
        "pipeline": (_source_slug(), _episode.environment, _episode.pipeline),
        "day": (_day(_episode.opened_at, stretches),) if stretches else (),
    }
    return [column.label(f"k{number}") for number, column in enumerate(columns[by])]


def _grouped(key: Sequence[ColumnElement[Any]], *values: ColumnElement[Any]) -> Select[Any]:
    return _from_episodes(*key, *values).group_by(*key)


def _from_episodes(*columns: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).select_from(_with_source(episodes.join(teams, teams.c.id == _episode.team_id), _episode.source_id))


def _of_episodes(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [
        _episode.team_id.in_(wanted.team_ids),
        _episode.opened_at >= wanted.since,
        _episode.opened_at < wanted.until,
        *([_episode.category == wanted.category] if wanted.category is not None else []),
        *_place(wanted, _episode.environment),
    ]


def _of_threads(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [
        *([_thread.category == wanted.category] if wanted.category is not None else []),
        *_place(wanted, _thread.environment),
    ]


def _place(wanted: Wanted, environment: ColumnElement[str]) -> list[ColumnElement[bool]]:
    return [
        *([_source_slug() == wanted.source] if wanted.source is not None else []),
        *([environment == wanted.environment] if wanted.environment is not None else []),
    ]


def _is_narrow(wanted: Wanted) -> bool:
    return any(one is not None for one in (wanted.category, wanted.source, wanted.environment))


def _tells_of(wanted: Wanted) -> ColumnElement[bool]:
    whole = _with_source(delivery_items.join(notifications, _thread.id == _item.notification_id), _thread.source_id)
    return select(literal(1)).select_from(whole).where(_item.delivery_id == _mail.id, *_of_threads(wanted)).correlate(deliveries).exists()


def _to_members() -> ColumnElement[bool]:
    return and_(_mail.user_id == memberships.c.user_id, _mail.team_id == memberships.c.team_id)


def _settled(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [memberships.c.team_id.in_(wanted.team_ids), _mail.finished_at >= wanted.since, _mail.finished_at < wanted.until]


def _outcome() -> ColumnElement[str]:
    """What became of a mail; one told in another instead is no cancelled one."""
    is_folded = and_(_mail.status == "cancelled", _mail.last_answer == literal_column(f"'{FOLDED}'"))
    return case((is_folded, literal_column("'folded'")), else_=_mail.status)


def _source_slug() -> ColumnElement[str]:
    return func.coalesce(sources.c.slug, literal_column(f"'{API}'"))


def _with_source(whole: Any, source_id: ColumnElement[Any]) -> Any:
    return whole.outerjoin(sources, sources.c.id == source_id)


def _is(key: Sequence[ColumnElement[Any]], values: Key) -> ColumnElement[bool]:
    pairs = zip(key, values, strict=True)
    return and_(*(column.element.is_(None) if value is None else column.element == value for column, value in pairs))


def _sum(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0)).label(name)


def _not_negative(took: ColumnElement[int]) -> ColumnElement[int]:
    """A clock that stepped back, or a failure heard of after its acknowledgement, took no time."""
    return case((took < 0, 0), else_=took)


def _day(at: ColumnElement[Any], stretches: Sequence[Stretch]) -> ColumnElement[int]:
    """The number of the day, counted from 1970 on the reader's clock. Written out: a group is known by its own words."""
    offsets = [int(one.offset.total_seconds()) * 1_000_000 for one in stretches]
    offset: Any = literal_column(str(offsets[-1]))
    if len(stretches) > 1:
        edges: list[Any] = [literal_column(str(int(one.until.timestamp()) * 1_000_000)) for one in stretches[:-1]]
        pairs = zip(edges, offsets, strict=False)
        offset = case(*((micros(at) < edge, literal_column(str(value))) for edge, value in pairs), else_=offset)
    return cast((micros(at) + offset) // literal_column(str(_DAY), BigInteger), Integer)
