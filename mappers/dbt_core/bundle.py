"""Which dbt artifacts a body holds: one as it lies in `target/`, or several under their names."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from mappers.contract import BadBody, Headers, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.dbt_core.logs import Invocation, Line, read_log
from mappers.dbt_core.shapes import first, name, rows, table, text, words


class Kind(StrEnum):
    """The artifacts read here, by their name in `dbt_schema_version`."""

    RUN_RESULTS = "run-results"
    SOURCES = "sources"
    MANIFEST = "manifest"
    CATALOG = "catalog"
    COMMAND = "command"
    """No artifact of dbt's: how a command itself ended, by its log or by whoever ran it."""


@dataclass(frozen=True)
class Artifact:
    """One artifact. https://docs.getdbt.com/reference/artifacts/dbt-artifacts"""

    kind: Kind
    body: dict[str, Any]
    whole: bool = True
    """False: the body was cut off, and this is what could be read of it."""
    is_logged: bool = False
    """Read from dbt's log, which tells of nodes that ran and of no others."""

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
    project: str = ""
    """By whoever sent it: what stands for the project where no node of it is named."""

    def of(self, kind: Kind) -> tuple[Artifact, ...]:
        return tuple(artifact for artifact in self.artifacts if artifact.kind is kind)

    def last(self, kind: Kind) -> Artifact | None:
        return next(reversed(self.of(kind)), None)


def open_bundle(inbound: Inbound) -> Bundle:
    """What `inbound` holds. Raises `Unmapped` for a body without any artifact known here."""
    try:
        return _bundle(_document(inbound))
    except BadBody as error:
        found = logged(inbound.text.splitlines()) or _salvage(inbound.text)
        if not found:
            raise Unmapped(str(error)) from None
        return Bundle(found)


def _document(inbound: Inbound) -> object:
    """The body as JSON; a byte that is no UTF-8 in some message is no reason to give up the rest. Files of a form are a bundle."""
    if inbound.body.startswith(b"--") and (files := _files(inbound)):
        return files
    try:
        return inbound.json
    except BadBody:
        return parse_json(inbound.text)


def _files(inbound: Inbound) -> dict[str, str]:
    """The files of a form. A kept body has lost its headers: the boundary is its first line."""
    boundary = inbound.body[2:100].partition(b"\r\n")[0].decode("ascii", "replace")
    headers = Headers([("Content-Type", f'multipart/form-data; boundary="{boundary}"')])
    return Inbound(body=inbound.body, headers=headers).form


def _bundle(document: object) -> Bundle:
    body = table({"several": document} if isinstance(document, list) else document)
    lone = _artifact(body)
    if lone:
        return Bundle((lone,))
    artifacts = tuple(artifact for key, value in body.items() for artifact in _named(key, value))
    artifacts += unsaid(logged([body] if "info" in body else text(body.get("log")).splitlines()), artifacts)
    if not artifacts:
        raise Unmapped("no dbt artifact in it: neither run_results, sources, manifest nor catalog by its metadata.dbt_schema_version")
    pipeline, run, target, project = (name(body.get(key)) for key in ("pipeline", "run", "target", "project"))
    owners = tuple(words(body.get("owners"), _MOST_OWNERS))
    return Bundle(artifacts, pipeline, run, text(body.get("url"))[:2000], target, owners, project)


_MOST_OWNERS: Final = 20


def _named(key: str, value: object) -> Iterator[Artifact]:
    """The artifacts under one key of a bundle. A job of several steps has several `run_results`: a list."""
    fallback = _BUNDLE_KEYS.get(key.removesuffix(".json").replace("-", "_"))
    for body in value if isinstance(value, list) else [value]:
        artifact = _artifact(table(body), fallback)
        if artifact:
            yield artifact
        elif isinstance(body, str):
            yield from _written(body, fallback)


def _written(body: str, fallback: Kind | None) -> Iterator[Artifact]:
    """An artifact that comes as text, as each file of a form does."""
    if '"dbt_schema_version"' not in body[:2000]:
        return
    try:
        artifact = _artifact(table(parse_json(body)), fallback)
    except BadBody:
        yield from _salvage(body)
    else:
        yield from [artifact] if artifact else []


_BUNDLE_KEYS = {kind.value.replace("-", "_"): kind for kind in Kind}


def _artifact(body: dict[str, Any], fallback: Kind | None = None) -> Artifact | None:
    """`https://schemas.getdbt.com/dbt/run-results/v6.json` names the kind; a bundle's key does where nothing else does."""
    schema = text(table(body.get("metadata")).get("dbt_schema_version"))[:200].split("/")
    if len(schema) > 1 and schema[-2] in _KINDS:
        return Artifact(Kind(schema[-2]), body)
    return Artifact(fallback, body) if fallback and body and len(schema) == 1 else None


_KINDS = frozenset(Kind)


def logged(log: Iterable[Line]) -> tuple[Artifact, ...]:
    """What dbt's JSON log tells, as the artifacts it stands for; empty where it is no such log."""
    return tuple(artifact for one in read_log(log) for artifact in _of(one))


def _of(one: Invocation) -> Iterator[Artifact]:
    metadata = {"invocation_id": one.id, "generated_at": one.ended_at}
    sources = [{**row, "error": row.get("message")} for key, row in one.rows.items() if key.startswith("source.")]
    nodes = [row for key, row in one.rows.items() if not key.startswith("source.")]
    if sources:  # of a freshness command: its hooks are no run
        nodes = [row for row in nodes if row["status"] in ("error", "fail")]
    if nodes:
        yield Artifact(Kind.RUN_RESULTS, {"metadata": metadata, "args": one.args, "results": nodes}, one.whole, is_logged=True)
    if sources:
        yield Artifact(Kind.SOURCES, {"metadata": metadata, "args": one.args, "results": sources}, one.whole, is_logged=True)
    yield Artifact(Kind.COMMAND, {"metadata": metadata, "args": one.args, "error": one.error}, one.whole, is_logged=True)


def unsaid(logs: tuple[Artifact, ...], artifacts: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    """Of what a log tells, what the artifacts beside it do not say better: sources that could not be asked are in the log alone."""
    known = {(artifact.kind, artifact.invocation) for artifact in artifacts if artifact.kind is not Kind.SOURCES}
    said = {(artifact.invocation, text(row.get("unique_id"))) for artifact in artifacts for row in artifact.results}
    found = []
    for one in logs:
        if one.kind is Kind.SOURCES:
            rows_left = [row for row in one.results if (one.invocation, row["unique_id"]) not in said]
            found += [replace(one, body={**one.body, "results": rows_left})] if rows_left else []
        elif (one.kind, one.invocation) not in known:
            found.append(one)
    return tuple(found)


def _salvage(body: str) -> tuple[Artifact, ...]:
    """The results that arrived whole in a body that was cut off; empty where there are none."""
    start = body.find('"results"')
    metadata = _decode(body, body.rfind('"metadata"', 0, start))
    kind = _artifact({"metadata": metadata}) if start > 0 else None
    if kind is None or kind.kind not in (Kind.RUN_RESULTS, Kind.SOURCES):
        return ()
    return (Artifact(kind.kind, {"metadata": metadata, "results": list(_decode_all(body, body.find("[", start) + 1))}, whole=False),)


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
