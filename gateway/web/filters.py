"""Which part of the inbox a URL of the page names; shareable, and the same words as the API's where it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from multidict import MultiMapping
from pydantic import ValidationError

from gateway.api.models import FilterQuery
from gateway.api.problem import refused

TABS: Final = ("all", "unread", "urgent", "archived", "muted")
_OF_TAB: Final[Mapping[str, Mapping[str, Any]]] = {
    "all": {},
    "unread": {"read_status": "unread"},
    "urgent": {"urgent_only": True},
    "archived": {"archived": True},
    "muted": {"muted": True},
}
_SEVERAL: Final = ("category", "level")
_SINGLE: Final = ("q", "status", "source", "pipeline", "owner", "tag", "team")
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """A tab, and what is asked for within it."""

    tab: str
    asked: Mapping[str, tuple[str, ...]]
    cursor: str | None = None

    @classmethod
    def of(cls, query: MultiMapping[str]) -> "Filters":
        """What a query string says; words it should not know are passed over, as links gather them."""
        tab = query.get("tab", "all")
        asked: dict[str, tuple[str, ...]] = {}
        for name in (*_SEVERAL, *_SINGLE):
            values = tuple(dict.fromkeys(value.strip() for value in query.getall(name, []) if value.strip()))
            if values:
                asked[name] = values if name in _SEVERAL else values[-1:]
        return cls(tab if tab in TABS else "all", asked, query.get("cursor") or None)

    def query(self, **more: Any) -> FilterQuery:
        """The same for the API. Raises a 422 that names what cannot be used."""
        values = {name: list(given) if name in _SEVERAL else given[0] for name, given in self.asked.items()}
        try:
            return FilterQuery.model_validate(
                {"limit": PAGE, **values, **_OF_TAB[self.tab], **({"cursor": self.cursor} if self.cursor else {}), **more}
            )
        except ValidationError as error:
            raise refused("query", error) from None

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
        return Filters(tab, self.asked).address

    @property
    def cleared(self) -> str:
        """The address of the tab without any filter."""
        return Filters(self.tab, {}).address

    @property
    def newest(self) -> str:
        """The address of the first page."""
        return Filters(self.tab, self.asked).address

    def older(self, cursor: str) -> str:
        """The address of the page behind `cursor`."""
        return Filters(self.tab, self.asked, cursor).address

    @property
    def address(self) -> str:
        """The address of this page."""
        tab = [] if self.tab == "all" else [("tab", self.tab)]
        cursor = [("cursor", self.cursor)] if self.cursor else []
        return _with_query("/", [*tab, *self._pairs, *cursor])

    def api_address(self, path: str, **more: str) -> str:
        """The API's address for the same filter."""
        of_tab = [(name, "true" if value is True else str(value)) for name, value in _OF_TAB[self.tab].items()]
        return _with_query(path, [*self._pairs, *of_tab, *more.items()])

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.asked.items() for value in values]

    def _without(self, name: str, value: str) -> str:
        rest = {key: tuple(one for one in values if (key, one) != (name, value)) for key, values in self.asked.items()}
        return Filters(self.tab, {key: values for key, values in rest.items() if values}).address


def _with_query(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
