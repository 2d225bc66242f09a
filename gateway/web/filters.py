"""Which part of the inbox a URL of the page names; shareable, and the same words as the API's where it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from multidict import MultiMapping
from pydantic import ValidationError

from gateway.api.models import Criteria, FilterQuery
from gateway.api.problem import refused

M = TypeVar("M", bound=Criteria)
TABS: Final = ("all", "unread", "urgent", "snoozed", "archived", "muted")
_OF_TAB: Final[Mapping[str, Mapping[str, Any]]] = {
    "all": {},
    "unread": {"read_status": "unread"},
    "urgent": {"urgent_only": True, "status": "open"},
    "snoozed": {"snoozed": True},
    "archived": {"archived": True},
    "muted": {"muted": True},
}
_SEVERAL: Final = ("category", "level")
_SINGLE: Final = ("q", "status", "source", "pipeline", "owner", "tag", "since", "until", "team")
_DAYS: Final = {"since": timedelta(0), "until": timedelta(days=1)}
"""What is asked for by day: until the end of it."""
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """A tab, and what is asked for within it."""

    tab: str
    asked: Mapping[str, tuple[str, ...]]
    cursor: str | None = None
    zone: tzinfo = UTC
    """In which its days are days."""

    @classmethod
    def of(cls, query: MultiMapping[str], zone: tzinfo) -> "Filters":
        """What a query string says; words it should not know are passed over, as links gather them."""
        tab = query.get("tab", "all")
        asked: dict[str, tuple[str, ...]] = {}
        for name in (*_SEVERAL, *_SINGLE):
            values = tuple(dict.fromkeys(value.strip() for value in query.getall(name, []) if value.strip()))
            if values:
                asked[name] = values if name in _SEVERAL else values[-1:]
        return cls(tab if tab in TABS else "all", asked, query.get("cursor") or None, zone)

    def query(self, **more: Any) -> FilterQuery:
        """The same for the API. Raises a 422 that names what cannot be used."""
        place = {"cursor": self.cursor} if self.cursor else {}
        return _model(FilterQuery, {"limit": PAGE, **_OF_TAB[self.tab], **self._values, **place, **more})

    @property
    def criteria(self) -> Criteria:
        """What is asked for in every tab. Raises a 422 that names what cannot be used."""
        return _model(Criteria, self._values)

    def one(self, name: str) -> str:
        """What is asked for under a name that takes one value; empty where nothing is."""
        return self.asked.get(name, ("",))[0]

    def several(self, name: str) -> tuple[str, ...]:
        """What is asked for under a name that takes several."""
        return self.asked.get(name, ())

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """(name, value, address without it) of everything asked for."""
        return [(name, value, self._without(name, value)) for name, values in self.asked.items() for value in values]

    def in_tab(self, tab: str) -> str:
        """The address of another tab with the same filters."""
        return replace(self, tab=tab, cursor=None).address

    @property
    def cleared(self) -> str:
        """The address of the tab without any filter."""
        return replace(self, asked={}, cursor=None).address

    @property
    def newest(self) -> str:
        """The address of the first page."""
        return replace(self, cursor=None).address

    def older(self, cursor: str) -> str:
        """The address of the page behind `cursor`."""
        return replace(self, cursor=cursor).address

    @property
    def address(self) -> str:
        """The address of this page."""
        tab = [] if self.tab == "all" else [("tab", self.tab)]
        cursor = [("cursor", self.cursor)] if self.cursor else []
        return _with_query("/", [*tab, *self._pairs, *cursor])

    def api_address(self, path: str, **more: str) -> str:
        """The API's address for the same filter."""
        given = {**_OF_TAB[self.tab], **self._values, **more}
        return _with_query(path, [pair for name, value in given.items() for pair in _as_pairs(name, value)])

    def counts_address(self, path: str) -> str:
        """The API's address for what is asked for in every tab."""
        return _with_query(path, [pair for name, value in self._values.items() for pair in _as_pairs(name, value)])

    @property
    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: list(given) if name in _SEVERAL else given[0] for name, given in self.asked.items()}
        return values | {name: _moment(values[name], after, self.zone) for name, after in _DAYS.items() if name in values}

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.asked.items() for value in values]

    def _without(self, name: str, value: str) -> str:
        rest = {key: tuple(one for one in values if (key, one) != (name, value)) for key, values in self.asked.items()}
        return replace(self, asked={key: values for key, values in rest.items() if values}, cursor=None).address


def _model(model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refused("query", error) from None


def _moment(value: str, after: timedelta, zone: tzinfo) -> str:
    """When a day of the reader's begins, or the next one; a time without a zone is one of theirs. Anything else stays what it is."""
    try:
        if len(value) == len("2026-03-02"):
            return datetime.combine(date.fromisoformat(value) + after, time.min, zone).isoformat()
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
    except (ValueError, OverflowError):
        return value


def _as_pairs(name: str, value: Any) -> list[tuple[str, str]]:
    values = value if isinstance(value, list) else ["true" if value is True else str(value)]
    return [(name, one) for one in values]


def _with_query(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
