"""Which dbt artifacts lie in a target folder, which of them are news, and what of them is sent."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from mappers.contract import BadBody, parse_time
from mappers.dbt_core.bundle import Kind
from mappers.dbt_core.logs import is_event
from mappers.dbt_core.trim import trim

FILES: Final = {kind: f"{kind.value.replace('-', '_')}.json" for kind in (Kind.RUN_RESULTS, Kind.SOURCES, Kind.CATALOG, Kind.MANIFEST)}
MEMORY: Final = ".tocsin-sent.json"
"""Beside the artifacts, so that `dbt clean` forgets it with them."""
LARGEST: Final = 15 * 1024 * 1024
"""Bytes of one body: the door takes 16 MiB, of a kind that asks for it."""
_LOG_AT_MOST: Final = 4 * 1024 * 1024
_PROJECT: Final = re.compile(r"""^name:\s*["']?([A-Za-z_]\w*)""", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """One artifact, cut down to what is read of it."""

    kind: Kind
    path: Path
    size: int
    body: Mapping[str, Any]

    @property
    def invocation(self) -> str:
        """The dbt command that wrote it, by its id; the time, where an old dbt noted none."""
        metadata = self._metadata
        return str(metadata.get("invocation_id") or metadata.get("generated_at") or "")

    @property
    def written_at(self) -> datetime | None:
        return parse_time(self._metadata.get("generated_at"))

    @property
    def command(self) -> str:
        """The dbt command that wrote results, as in `build`; empty where it does not say."""
        args = self.body.get("args")
        return str(args.get("which") or "") if isinstance(args, dict) else ""

    @property
    def in_words(self) -> str:
        if self.kind is Kind.RUN_RESULTS:
            results = self.body.get("results") or []
            failed = sum(1 for row in results if isinstance(row, dict) and row.get("status") in ("error", "fail", "runtime error"))
            return f"{self.path.name} (dbt {self.command or '?'}: {_plural(len(results), 'result')}, {failed} failed)"
        return self.path.name

    @property
    def _metadata(self) -> Mapping[str, Any]:
        metadata = self.body.get("metadata")
        return metadata if isinstance(metadata, dict) else {}


@dataclass
class Gathered:
    """What was found, and what was not taken, in words."""

    found: list[Found] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    project: str = ""

    @property
    def news(self) -> list[Found]:
        """Artifacts that say something by themselves; a manifest only explains them."""
        return [found for found in self.found if found.kind is not Kind.MANIFEST]


def gather(folder: Path, sent: Mapping[str, str], since: datetime | None, step: Callable[[Path, int], None]) -> Gathered:
    """The artifacts in `folder` that were neither `sent` before nor written before `since`; `step` hears of each file read."""
    gathered = Gathered(project=_project(folder))
    for kind, name in FILES.items():
        path = folder / name
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            gathered.broken.append(f"{path} cannot be read: {error.strerror or error}")
            continue
        size = len(raw)
        try:
            found = Found(kind, path, size, trim(raw, kind))
        except BadBody as error:
            gathered.broken.append(f"{path} is left out: {error}")
            continue
        finally:
            del raw
            step(path, size)
        _sort_in(gathered, found, sent.get(kind, ""), since)
    gathered.project = next((name for found in gathered.found if (name := _named(found))), gathered.project)
    return gathered


def _sort_in(gathered: Gathered, found: Found, last: str, since: datetime | None) -> None:
    if not found.body.get("metadata"):
        gathered.broken.append(f"{found.path} is left out: it is no artifact of dbt's")
    elif since and found.written_at and found.written_at < since:
        gathered.left_out.append(f"{found.path} is left over from {found.written_at:%Y-%m-%d %H:%M} UTC")
    elif found.invocation and found.invocation == last and found.kind is not Kind.MANIFEST:
        gathered.left_out.append(f"{found.path} was sent before: no newer command wrote one")
    else:
        gathered.found.append(found)


def _named(found: Found) -> str:
    metadata = found.body.get("metadata")
    return str(metadata.get("project_name") or "") if found.kind is Kind.MANIFEST and isinstance(metadata, dict) else ""


def _project(folder: Path) -> str:
    """By the project file beside the target folder: for a dbt that came too short to write anything."""
    try:
        match = _PROJECT.search((folder.absolute().parent / "dbt_project.yml").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return match.group(1) if match else ""


def read_log(lines: Iterable[str]) -> str:
    """What the last command of a JSON log said, as far as it is read; of too much the end."""
    kept = [line.strip() for line in lines if is_event(line)]
    last = _invocation(kept[-1]) if kept else ""
    kept = [line for line in kept if last and last in line]
    size = 0
    for number, line in enumerate(reversed(kept)):
        size += len(line) + 1
        if size > _LOG_AT_MOST:
            return "\n".join(kept[len(kept) - number :])
    return "\n".join(kept)


def _invocation(line: str) -> str:
    try:
        return str(json.loads(line)["info"]["invocation_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def remembered(folder: Path, url: str) -> Mapping[str, str]:
    """kind → the invocation whose artifact was sent to `url` last."""
    try:
        known = json.loads((folder / MEMORY).read_bytes()).get(_place(url))
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return {str(kind): str(invocation) for kind, invocation in known.items()} if isinstance(known, dict) else {}


def remember(folder: Path, url: str, found: Iterable[Found]) -> None:
    """Notes what was sent. A folder that cannot be written is no reason to complain: it is sent again, and known as the same."""
    path = folder / MEMORY
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        known = {}
    known = known if isinstance(known, dict) else {}
    known[_place(url)] = {**remembered(folder, url), **{str(one.kind): one.invocation for one in found}}
    try:
        path.write_text(json.dumps(known), encoding="utf-8")
    except OSError:
        return


def _place(url: str) -> str:
    return sha256(url.encode()).hexdigest()[:16]  # an address may hold a token


def bodies(found: Iterable[Found], about: Mapping[str, Any], complain: Callable[[str], None]) -> Iterator[bytes]:
    """The bundle as one body; of one that is too large, manifest and catalog go before it, each on its own if it fits."""
    parts: dict[str, Any] = {}
    for one in found:
        name = one.kind.value.replace("-", "_")
        parts[name] = [*parts.get(name, ()), one.body] if one.kind in (Kind.RUN_RESULTS, Kind.SOURCES) else one.body
    whole = _dump({**about, **parts})
    if len(whole) <= LARGEST:
        yield whole
        return
    explains = {name: parts.pop(name) for name in ("manifest", "catalog") if name in parts}
    for name, part in explains.items():
        alone = _dump({**{key: value for key, value in about.items() if key not in ("command", "log")}, name: part})
        if len(alone) <= LARGEST:
            yield alone
        else:
            complain(f"{name}.json is left out: it has {len(alone)} bytes after what is not read was cut away, {LARGEST} fit")
    if parts or "command" in about or "log" in about:
        yield _dump({**about, **parts})


def _dump(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
