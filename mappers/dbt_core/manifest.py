"""What the manifest knows of a node: who owns it, what is built on it, where it lies.

https://docs.getdbt.com/reference/artifacts/manifest-json
"""

from collections.abc import Callable
from typing import Any, Final

from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.nodes import TESTS, label
from mappers.dbt_core.shapes import first, name, rows, table, text, words
from mappers.dbt_core.trim import SECTIONS

_MOST: Final = 20
"""Parents, owners, tags of one node that are looked at."""
_MOST_DOWNSTREAM: Final = 50


class Manifest:
    """A manifest, read once and asked per node. Every answer is total: an unknown node has none."""

    def __init__(self, artifact: Artifact) -> None:
        body = artifact.body
        self.artifact = artifact
        self.project = name(artifact.metadata.get("project_name"))
        self.nodes: dict[str, Any] = {}
        for section in SECTIONS:
            self.nodes.update(table(body.get(section)))
        self._child_map = table(body.get("child_map"))
        self._children: dict[str, list[str]] = {}
        self._groups = {text(group.get("name")): _people(group.get("owner")) for group in rows(body.get("groups"))}
        self._exposed: dict[str, list[str]] = {}
        for exposure in rows(body.get("exposures")):
            for parent in words(table(exposure.get("depends_on")).get("nodes")):
                self._exposed.setdefault(parent, []).extend(_people(exposure.get("owner")))

    def node(self, unique_id: str) -> dict[str, Any]:
        return table(self.nodes.get(unique_id))

    def children(self, unique_id: str) -> list[str]:
        """What depends directly on a node, each once."""
        if unique_id not in self._children:
            self._children[unique_id] = list(dict.fromkeys(words(self._child_map.get(unique_id))))
        return self._children[unique_id]

    def tested(self, unique_id: str) -> list[str]:
        """What a test is about: the node it is attached to, else all it depends on. Empty for other nodes."""
        if not unique_id.startswith(TESTS):
            return []
        node = self.node(unique_id)
        attached = text(node.get("attached_node"))
        return [attached] if attached else words(table(node.get("depends_on")).get("nodes"), _MOST)

    def owners(self, unique_id: str) -> list[str]:
        """By `meta.owner`, else by group, else by the exposures that show it; a test belongs to what it tests."""
        about = (unique_id, *self.tested(unique_id))
        rules: tuple[Callable[[str], list[str]], ...] = (self._meta_owners, self._group_owners, self._exposure_owners)
        return next((owners for rule in rules for known in about if (owners := rule(known))), [])

    def tags(self, unique_id: str) -> list[str]:
        return [tag for known in (unique_id, *self.tested(unique_id)) for tag in words(self.node(known).get("tags"), _MOST)]

    def facts(self, unique_id: str) -> dict[str, str]:
        """Where to look: what a test is about, the file, the compiled SQL."""
        node = self.node(unique_id)
        return {
            "Tests": ", ".join(label(known) for known in self.tested(unique_id)),
            "Column": text(node.get("column_name")),
            "File": text(node.get("original_file_path")),
            "Compiled SQL": text(node.get("compiled_path")),
        }

    def stored_failures(self, unique_id: str) -> str:
        """The table `store_failures` fills; without it a test's relation means nothing."""
        node = self.node(unique_id)
        return text(node.get("relation_name")) if table(node.get("config")).get("store_failures") else ""

    def downstream(self, unique_id: str) -> list[str]:
        """What is built on a node, nearest first, tests left out, at most 50."""
        found = {unique_id: None}
        frontier = [unique_id]
        for parent in frontier:  # grows while it is walked
            for child in self.children(parent):
                if child not in found and not child.startswith(TESTS) and len(found) <= _MOST_DOWNSTREAM:
                    found[child] = None
                    frontier.append(child)
        return frontier[1:]

    def _meta_owners(self, unique_id: str) -> list[str]:
        node = self.node(unique_id)
        metas = (table(node.get("config")).get("meta"), node.get("meta"), node.get("source_meta"))
        return next((owners for meta in metas if (owners := _people(table(meta).get("owner")))), [])

    def _group_owners(self, unique_id: str) -> list[str]:
        node = self.node(unique_id)
        return self._groups.get(first((text(node.get("group")), text(table(node.get("config")).get("group")))), [])

    def _exposure_owners(self, unique_id: str) -> list[str]:
        return self._exposed.get(unique_id, [])[:_MOST]


def _people(owner: object) -> list[str]:
    """`"a, b"`, `["a", "b"]`, `{"email": …, "name": …}` or a list of those, as a list of names."""
    people: list[str] = []
    for one in owner[:_MOST] if isinstance(owner, list) else [owner]:
        if isinstance(one, dict):
            people += words([one.get("email")]) or words(one.get("email"), _MOST) or words([one.get("name")])
        elif isinstance(one, str):
            people += [part.strip() for part in one[:1000].split(",")]
    return [person for person in people if person]
