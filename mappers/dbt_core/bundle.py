"""Which dbt artifacts a body holds: one as it lies in `target/`, or several under their names."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.dbt_core.shapes import first, name, rows, table, text, words


class Kind(StrEnum):
    """The artifacts read here, by their name in `dbt_schema_version`."""

    RUN_RESULTS = "run-results"
    SOURCES = "sources"
    MANIFEST = "manifest"
    CATALOG = "catalog"


@dataclass(frozen=True)
class Artifact:
    """One artifact. https://docs.getdbt.com/reference/artifacts/dbt-artifacts"""

    kind: Kind
    body: dict[str, Any]
    whole: bool = True
    """False: the body was cut off, and this is what could be read of it."""

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return table(self.body.get("metadata"))

    @cached_property
    def args(self) -> dict[str, Any]:
        return table(self.body.get("args"))

    @cached_property
    def invocation(self) -> str:
        """dbt's id of the command that wrote this."""
        return name(self.metadata.get("invocation_id"))

    @cached_property
    def written_at(self) -> datetime | None:
        return parse_time(self.metadata.get("generated_at"))

    @cached_property
    def command(self) -> str:
        """The dbt command, as in `build` or `generate`; empty where the artifact does not say."""
        return first((name(self.args.get("which")), name(self.args.get("rpc_method")))).lower()

    @property
    def results(self) -> list[dict[str, Any]]:
        return rows(self.body.get("results"))


@dataclass(frozen=True)
class Bundle:
    """The artifacts of one body and, where an orchestrator ran dbt, what it says of its own run."""

    artifacts: tuple[Artifact, ...]
    pipeline: str = ""
    run: str = ""
    url: str = ""
    target: str = ""
    """Where the nodes were built, by whoever knows better than dbt's `--target`."""
    owners: tuple[str, ...] = ()
    """Of what the manifest names no owner for."""

    def of(self, kind: Kind) -> tuple[Artifact, ...]:
        return tuple(artifact for artifact in self.artifacts if artifact.kind is kind)

    def last(self, kind: Kind) -> Artifact | None:
        return next(reversed(self.of(kind)), None)


def open_bundle(inbound: Inbound) -> Bundle:
    """What `inbound` holds. Raises `Unmapped` for a body without any artifact known here."""
    try:
        return _bundle(_document(inbound))
    except BadBody as error:
        salvaged = _salvage(inbound.text)
        if salvaged is None:
            raise Unmapped(str(error)) from None
        return Bundle((salvaged,))


def _document(inbound: Inbound) -> object:
    """The body as JSON; a byte that is no UTF-8 in some message is no reason to give up the rest."""
    try:
        return inbound.json
    except BadBody:
        return parse_json(inbound.text)


def _bundle(document: object) -> Bundle:
    body = table(document)
    lone = _artifact(body)
    if lone:
        return Bundle((lone,))
    artifacts = tuple(artifact for key, value in body.items() for artifact in _named(key, value))
    if not artifacts:
        raise Unmapped("no dbt artifact in it: neither run_results, sources, manifest nor catalog by its metadata.dbt_schema_version")
    pipeline, run, target = (name(body.get(key)) for key in ("pipeline", "run", "target"))
    return Bundle(artifacts, pipeline, run, text(body.get("url"))[:2000], target, tuple(words(body.get("owners"), _MOST_OWNERS)))


_MOST_OWNERS: Final = 20


def _named(key: str, value: object) -> Iterator[Artifact]:
    """The artifacts under one key of a bundle. A job of several steps has several `run_results`: a list."""
    fallback = _BUNDLE_KEYS.get(key.removesuffix(".json").replace("-", "_"))
    for body in value if isinstance(value, list) else [value]:
        artifact = _artifact(table(body), fallback)
        if artifact:
            yield artifact


_BUNDLE_KEYS = {kind.value.replace("-", "_"): kind for kind in Kind}


def _artifact(body: dict[str, Any], fallback: Kind | None = None) -> Artifact | None:
    """`https://schemas.getdbt.com/dbt/run-results/v6.json` names the kind; a bundle's key does where nothing else does."""
    schema = text(table(body.get("metadata")).get("dbt_schema_version"))[:200].split("/")
    if len(schema) > 1 and schema[-2] in _KINDS:
        return Artifact(Kind(schema[-2]), body)
    return Artifact(fallback, body) if fallback and body and len(schema) == 1 else None


_KINDS = frozenset(Kind)


def _salvage(body: str) -> Artifact | None:
    """The results that arrived whole in a body that was cut off; None where there are none."""
    start = body.find('"results"')
    metadata = _decode(body, body.rfind('"metadata"', 0, start))
    kind = _artifact({"metadata": metadata}) if start > 0 else None
    if kind is None or kind.kind not in (Kind.RUN_RESULTS, Kind.SOURCES):
        return None
    return Artifact(kind.kind, {"metadata": metadata, "results": list(_decode_all(body, body.find("[", start) + 1))}, whole=False)


def _decode(body: str, key: int) -> object:
    """The value behind the key that stands at `key`."""
    colon = body.find(":", key)
    return next(_decode_all(body, colon + 1), None) if 0 <= key < colon else None


def _decode_all(body: str, position: int) -> Iterator[object]:
    """One JSON value after the other, separated by commas, until something is no JSON."""
    decoder = json.JSONDecoder()
    while 0 < position < len(body):
        while position < len(body) and body[position] in " \t\r\n,":
            position += 1
        try:
            value, position = decoder.raw_decode(body, position)
        except (ValueError, RecursionError):
            return
        yield value
