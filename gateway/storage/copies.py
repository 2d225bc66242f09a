"""Copies of the two SQLite files that fit each other: made while they are in use, whole or not at all, and put back.

What is not whole bears a name that begins with a dot and is not held by anybody: the next copy sweeps it away.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from gateway.storage.migrations import HEAD

MANIFEST: Final = "backup.json"
_NAME: Final = re.compile(r"tocsin-\d{8}T\d{6}Z(-\d+)?")
_LEFT_BEHIND: Final = 60.0
"""Seconds after which a folder that nobody holds is what a copy that was killed left."""
_BESIDE: Final = ("-wal", "-shm")
"""What SQLite keeps beside a file that is in use."""


class CopyFault(Exception):
    """No copy could be made, or this one cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """The two files that belong together."""

    main: Path
    journal: Path


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy, as its manifest describes it."""

    made_at: str
    program: str
    revision: str
    last_event: int
    """The newest event in it."""
    waiting: int
    """How many of its events are still to be processed."""
    main: str
    journal: str
    files: Mapping[str, Mapping[str, Any]]
    """Name → size and sha256."""


def make(files: Files, place: Path, *, key: Path | None, program: str, now: datetime) -> tuple[Path, Copy]:
    """A new folder in `place` with a copy of both files, and of the key where one is given. Raises `CopyFault` and `OSError`."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(place)
    part = place / f".tocsin-{secrets.token_hex(6)}"
    part.mkdir(mode=0o700)
    try:
        with _held(part):
            _copy_both(files, part)
            copied = [part / files.main.name, part / files.journal.name]
            if key is not None:
                shutil.copyfile(key, part / key.name)
                (part / key.name).chmod(0o600)
                copied.append(part / key.name)
            revision, last_event, waiting = _examine(part / files.main.name, part / files.journal.name)
            described = {one.name: {"size": one.stat().st_size, "sha256": _digest(one)} for one in copied}
            copy = Copy(now.isoformat(), program, revision, last_event, waiting, files.main.name, files.journal.name, described)
            (part / MANIFEST).write_text(json.dumps(asdict(copy), indent=1) + "\n", encoding="utf-8")
            for one in (*copied, part / MANIFEST, part):
                _sync(one)
            whole = _free_name(place, now)
            part.rename(whole)
            _sync(place)
    except sqlite3.Error as error:
        raise CopyFault(f"the copy could not be made: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return whole, copy


def kept(place: Path) -> list[Path]:
    """The whole copies there, the oldest first."""
    return sorted(one for one in place.iterdir() if _NAME.fullmatch(one.name) and (one / MANIFEST).is_file())


def prune(place: Path, keep: int) -> list[Path]:
    """Removes all but the newest `keep` copies; gives those that went. Half of one is never left under its name."""
    gone = kept(place)[:-keep]
    for one in gone:
        hidden = one.with_name(f".{one.name}")
        one.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
    return gone


def check(folder: Path) -> Copy:
    """The copy in this folder, after all of it was read and found whole. Raises `CopyFault`."""
    try:
        copy = Copy(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CopyFault(f"{folder} is no backup: there is no {MANIFEST} in it") from None
    except (OSError, ValueError, TypeError) as error:
        raise CopyFault(f"{folder / MANIFEST} cannot be read: {error}") from None
    if copy.revision > HEAD:
        raise CopyFault(f"{folder} was made by a newer version ({copy.program}): restore it with that one")
    for name, said in copy.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or path.stat().st_size != said["size"] or _digest(path) != said["sha256"]:
            raise CopyFault(f"{path} is not what was copied: use another backup")
    try:
        _examine(folder / copy.main, folder / copy.journal)
    except sqlite3.Error as error:
        raise CopyFault(f"{folder} cannot be read: {error}") from None
    return copy


def put_back(folder: Path, copy: Copy, files: Files, *, key: Path, aside: Path) -> None:
    """Puts a copy that was checked in place; what is there goes into `aside`. Only while nobody uses the files.

    Killed in between, no database is under the name of the main file, which is the last to come: a start is refused then, and this can be
    done again.
    """
    files.main.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with_key = [(key.name, key)] if key.name in copy.files else []
    places = [*with_key, (copy.journal, files.journal), (copy.main, files.main)]
    fresh: dict[Path, Path] = {}
    for name, place in places:
        fresh[place] = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        shutil.copyfile(folder / name, fresh[place])
        fresh[place].chmod(0o600)
        _sync(fresh[place])
    for path in (files.main, files.journal):
        _settle(path)
    for path in (files.main, *_beside(files.main), files.journal, *_beside(files.journal), *(one for _, one in with_key)):
        if path.exists():
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.rename(aside / path.name)
    for place, path in fresh.items():
        path.rename(place)
        _sync(place.parent)


def _copy_both(files: Files, part: Path) -> None:
    """First the main file: the journal of the copy may know more than the rest does, never less."""
    for path in (files.main, files.journal):
        _copy(path, part / path.name)
    _without_strangers(part / files.main.name, part / files.journal.name)


def _copy(source: Path, target: Path) -> None:
    """In one step, which is one read transaction: writers go on, and what they write meanwhile is not in it."""
    with contextlib.closing(_opened(source)) as reading, contextlib.closing(sqlite3.connect(target)) as writing:
        target.chmod(0o600)
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it


def _without_strangers(main: Path, journal: Path) -> None:
    """A source that was made between the two copies is not in the first: neither is what it sent, or another might inherit it."""
    with _together(main, journal, mode="rw") as both:
        for table in ("events", "request_keys", "rejections"):
            both.execute(f"DELETE FROM journal.{table} WHERE source_id > (SELECT coalesce(max(id), 0) FROM sources)")


def _examine(main: Path, journal: Path) -> tuple[str, int, int]:
    """(revision, newest event, events that wait) of a pair that is sound and fits. Raises `CopyFault`."""
    with _together(main, journal) as both:
        for schema, path in (("main", main), ("journal", journal)):
            (said,) = both.execute(f"PRAGMA {schema}.integrity_check(1)").fetchone()
            if said != "ok":
                raise CopyFault(f"{path.name} is damaged: {said}")
        (revision,) = both.execute("SELECT version_num FROM alembic_version").fetchone()
        (given_out,) = both.execute("SELECT coalesce(max(event_id), 0) FROM processing").fetchone()
        (reached,) = both.execute("SELECT coalesce(max(seq), 0) FROM journal.sqlite_sequence WHERE name = 'events'").fetchone()
        if reached < given_out:
            raise CopyFault(f"the two files do not fit: {main.name} knows event {given_out}, {journal.name} ends with {reached}")
        (queued,) = both.execute("SELECT count(*) FROM processing WHERE status = 'waiting'").fetchone()
        (unqueued,) = both.execute("SELECT count(*) FROM journal.events WHERE id > ?", (given_out,)).fetchone()
    return str(revision), reached, queued + unqueued


@contextlib.contextmanager
def _together(main: Path, journal: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    with contextlib.closing(_opened(main)) as both:
        both.execute("ATTACH DATABASE ? AS journal", (f"file:{quote(str(journal))}?mode={mode}",))
        yield both


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise CopyFault(f"there is no {path}")
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)
    connection.isolation_level = None
    return connection


def _settle(path: Path) -> None:
    """Brings what is beside a file into it, as far as it can be read."""
    if path.exists():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _BESIDE]


def _sweep(place: Path) -> None:
    """Removes what a copy that was killed left behind."""
    for left in place.glob(".tocsin-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime < _LEFT_BEHIND:
                continue
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _free_name(place: Path, now: datetime) -> Path:
    name = f"tocsin-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return next(path for number in range(1, 1000) if not (path := place / (name if number == 1 else f"{name}-{number}")).exists())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
