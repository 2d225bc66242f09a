"""Skipped nodes, told as the impact of what failed upstream of them."""

from collections.abc import Iterable
from typing import Final

from mappers.dbt_core.manifest import Manifest
from mappers.dbt_core.nodes import labels

_MOST: Final = 50


class Impact:
    """Which skipped nodes each failure is to blame for; without a manifest, every failure for all of them."""

    def __init__(self, skipped: list[str], failed: list[str], manifest: Manifest | None) -> None:
        self._skipped = dict.fromkeys(skipped)
        self._manifest = manifest
        self._children: dict[str, list[str]] = {}
        self._reached: dict[tuple[str, ...], tuple[str, ...]] = {}
        blamed = self._walk([start for unique_id in failed for start in self._starts(unique_id)], len(self._skipped))
        self._orphans = [unique_id for unique_id in self._skipped if unique_id not in blamed][:_MOST]

    def of(self, unique_id: str) -> tuple[str, ...]:
        """The skipped nodes downstream of a failure, and those no failure explains; at most 50, as people call them."""
        starts = self._starts(unique_id)
        if starts not in self._reached:
            self._reached[starts] = labels([*self._walk(starts, _MOST), *self._orphans][:_MOST])
        return self._reached[starts]

    def _starts(self, unique_id: str) -> tuple[str, ...]:
        """A failing test holds back what is built on the node it tests."""
        return tuple(self._manifest.tested(unique_id) or [unique_id]) if self._manifest else ()

    def _walk(self, starts: Iterable[str], most: int) -> dict[str, None]:
        """Skipped nodes reachable over skipped nodes: dbt skips a node when a parent failed or was skipped."""
        found: dict[str, None] = {}
        frontier = list(dict.fromkeys(starts))
        for parent in frontier:  # grows while it is walked
            for child in self._skipped_children(parent):
                if child not in found and len(found) < most:
                    found[child] = None
                    frontier.append(child)
        return found

    def _skipped_children(self, unique_id: str) -> list[str]:
        if unique_id not in self._children:
            children = self._manifest.children(unique_id) if self._manifest else []
            self._children[unique_id] = [child for child in children if child in self._skipped]
        return self._children[unique_id]
