"""For admins: what failed and for how long, who was told, what came of it. Drawn here, so that it needs no script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.api import figures, sources
from gateway.api.figure_models import Figures, FiguresQuery
from gateway.api.models import TeamQuery
from gateway.api.problem import FieldError, Problem
from gateway.domain.figures import begins
from gateway.web.admin_view import Sieve, administered
from gateway.web.plots import Plot, by_day
from gateway.web.visit import Route, Visit
from mappers.contract import duration

PERIODS: Final = (7, 30, 90)
_NAMES: Final = ("category", "source", "environment", "team", "since", "until")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """The time that figures are of, as their address says it: whole days of the reader's, today included."""

    days: int | None
    since: datetime
    until: datetime
    first: date
    last: date

    @classmethod
    def of(cls, visit: Visit, sieve: Sieve) -> "Period":
        """So many days back, or from one day to another. Raises a 422 that names what cannot be used."""
        today = visit.now.astimezone(visit.clock.zone).date()
        given = {name: _day(sieve.one(name), name) for name in ("since", "until") if sieve.one(name)}
        last = min(given.get("until", today), today)
        asked = visit.request.query.get("days", "")
        days = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 3 and int(asked) else 30
        first = given.get("since", last - (days - 1) * _DAY)
        if first > last:
            raise Problem(422, "These days end before they begin.", [FieldError(place="query.since", message="must not be after `until`")])
        end = begins(last + _DAY, visit.clock.zone)
        return cls(None if given else days, begins(first, visit.clock.zone), min(end, visit.now), first, last)


async def show(visit: Visit) -> web.Response:
    """All figures of a time, drawn and in tables."""
    sieve = Sieve.of("/figures", visit.request.query, _NAMES)
    period = Period.of(visit, sieve)
    narrowed = {name: value for name, value in sieve.given.items() if name not in ("since", "until")}
    moments = {"since": period.since.isoformat(), "until": period.until.isoformat(), "timezone": visit.clock.name}
    query = Sieve(sieve.path, narrowed).plain(FiguresQuery, **moments)
    found = await figures.show(visit.call(query=query))
    slugs = {row.slug for row in (await sources.list_sources(visit.call(query=TeamQuery()))).items}
    return await visit.page(
        "figures.html",
        section="figures",
        found=found,
        period=period,
        periods=PERIODS,
        sieve=sieve,
        narrowed=narrowed,
        plots=_plots(found),
        labels=[_label(row.day) for row in found.days],
        sources=[*sorted(slugs), "api"],
        teams=administered(visit),
        is_empty=not (found.total.episodes or found.reach.entries or any(found.mail.model_dump(exclude={"delivered_share"}).values())),
        missing=_missing(found),
        csv=lambda table: f"/api/figures.csv?{urlencode({'table': table, **narrowed, **moments})}",
        inbox=lambda **asked: _inbox(period, {**narrowed, **asked}),
        address=lambda **asked: _address(sieve, asked),
    )


def _plots(found: Figures) -> list[Plot]:
    labels = [_label(row.day) for row in found.days]
    mails = found.mail_by_day
    recover, acknowledge = (
        [float(took.median) if took else 0.0 for took in spans]
        for spans in ([row.time_to_recover for row in found.days], [row.time_to_acknowledge for row in found.days])
    )
    drawn = (
        by_day("failures", "Failures that began", labels, [("error", "", [row.episodes for row in found.days])], write=_number),
        by_day("acknowledge", "Time to acknowledge, median", labels, [("accent", "", acknowledge)], write=_took),
        by_day("recover", "Time to recover, median", labels, [("success", "", recover)], write=_took),
        by_day(
            "mails", "Mails", labels,
            [
                ("success", "sent", [row.sent for row in mails]), ("info", "kept", [row.kept for row in mails]),
                ("quiet", "cancelled or told in one", [row.cancelled + row.folded for row in mails]),
                ("error", "failed", [row.failed for row in mails]),
            ],
            write=_number,
        ),
    )  # fmt: skip
    return [plot for plot in drawn if plot is not None]


def _missing(found: Figures) -> Sequence[tuple[str, datetime]]:
    """What is not whole in this time: (what, since when it is)."""
    whole = found.whole_since
    kinds = (("failures", whole.failures), ("inbox", whole.inbox), ("mail", whole.mail))
    return [(kind, since) for kind, since in kinds if since is not None and since > found.since]


def _inbox(period: Period, asked: Mapping[str, Any]) -> str:
    """The inbox of the same things and days; it has what the reader was told."""
    place = {name: asked[name] for name in ("category", "source", "pipeline", "team") if asked.get(name)}
    return "/?" + urlencode({**place, "since": period.first.isoformat(), "until": period.last.isoformat()})


def _address(sieve: Sieve, asked: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in sieve.given.items() if "days" not in asked or name not in ("since", "until")}
    return Sieve(sieve.path, kept).address(**{name: str(value) for name, value in asked.items()})


def _day(value: str, name: str) -> date:
    try:
        found = date.fromisoformat(value)
        datetime.combine(found, datetime.min.time(), UTC).timestamp()
    except (ValueError, OverflowError):
        found = date.min
    if not 2000 <= found.year <= 9000:
        raise Problem(422, "There is no such day.", [FieldError(place=f"query.{name}", message="must be a day as in 2026-11-22")])
    return found


def _label(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _took(value: float) -> str:
    return duration(timedelta(seconds=value))


ROUTES: Final[tuple[Route, ...]] = (("GET", "/figures", show),)
