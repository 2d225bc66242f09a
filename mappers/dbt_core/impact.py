"""Skipped nodes, told as the impact of what failed upstream of them."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from mappers.dbt_core.manifest import Manifest
from mappers.dbt_core.nodes import hook_of, labels

_MOST: Final = 50


class _Role(Enum):
    """When something failed: what comes after it may be held back without being built on it."""

    START = auto()
    """A hook before the nodes: the hooks behind it and, with `skip_nodes_if_on_run_start_fails`, everything."""
    NODE = auto()
    END = auto()
    """A hook after the nodes."""


def _role(unique_id: str) -> _Role:
    return {"on-run-start": _Role.START, "on-run-end": _Role.END}.get(hook_of(unique_id), _Role.NODE)


_BLAMED: Final = {_Role.START: {_Role.START}, _Role.NODE: {_Role.START, _Role.NODE}, _Role.END: {_Role.START, _Role.END}}
"""Which failures may have held back what is skipped. Hooks after the nodes are run whatever became of those."""


class Impact:
    """Which skipped nodes each failure is to blame for; without a manifest, every failure for all of them."""

    def __init__(self, skipped: list[str], failed: list[str], manifest: Manifest | None) -> None:
        self._skipped = dict.fromkeys(skipped)
        self._manifest = manifest
        self._children: dict[str, list[str]] = {}
        self._reached: dict[tuple[_Role, tuple[str, ...]], tuple[str, ...]] = {}
        blamed = self._walk([start for unique_id in failed for start in self._starts(unique_id)], len(self._skipped))
        orphans = [unique_id for unique_id in self._skipped if unique_id not in blamed]
        self._orphans = {role: [one for one in orphans if role in _BLAMED[_role(one)]][:_MOST] for role in _Role}

    def of(self, unique_id: str) -> tuple[str, ...]:
        """The skipped nodes downstream of a failure, and those no other failure explains; at most 50, as people call them."""
        starts, role = self._starts(unique_id), _role(unique_id)
        if (role, starts) not in self._reached:
            self._reached[role, starts] = labels([*self._walk(starts, _MOST), *self._orphans[role]][:_MOST])
        return self._reached[role, starts]

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
