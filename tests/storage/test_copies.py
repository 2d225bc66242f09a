"""A backup is whole or is not there, its two files fit, and what was put in place of them is still to be had."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gateway.storage import copies
from gateway.storage.copies import CopyFault, Files
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from tests.builders import House, failure
from tests.conftest import NOW, Clock


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> House:
    database = Database(f"sqlite:///{tmp_path / 'data' / 'tocsin.db'}")
    migrate(database)
    house = House(database, clock)
    house.user("ana")
    for _ in range(5):
        house.send(failure())
    house.process()
    return house


def files(house: House) -> Files:
    assert house.database.file
    assert house.database.journal_file
    return Files(house.database.file, house.database.journal_file)


def make(house: House, place: Path, **given: object) -> Path:
    return copies.make(files(house), place, key=None, program="1", now=NOW, **given)[0]  # type: ignore[arg-type]


def test_a_copy_is_whole_private_and_says_what_is_in_it(house: House, tmp_path: Path) -> None:
    house.send(failure())
    whole = make(house, tmp_path / "copies")
    copy = copies.check(whole)
    assert (copy.last_event, copy.waiting) == (6, 1)
    assert {one.name for one in whole.iterdir()} == {"tocsin.db", "tocsin.journal.db", "backup.json"}
    assert whole.stat().st_mode & 0o77 == 0
    assert all(one.stat().st_mode & 0o77 == 0 for one in whole.glob("*.db"))
    assert make(house, tmp_path / "copies") != whole, "two in a second are two"


def test_a_pair_fits_however_much_is_written_meanwhile(house: House, tmp_path: Path) -> None:
    """Sources are made and their events come in, and are processed, while copy after copy is made."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            house.say(failure(), source_id=house.source(f"etl-{number}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(8):
            copies.check(make(house, tmp_path / "copies"))
    finally:
        stop.set()
        writer.join()


def test_files_that_do_not_fit_are_no_backup(house: House, tmp_path: Path) -> None:
    old = make(house, tmp_path / "copies")
    house.say(failure())
    new = make(house, tmp_path / "copies")
    with pytest.raises(CopyFault, match="do not fit"):
        copies._examine(new / "tocsin.db", old / "tocsin.journal.db")


@pytest.mark.parametrize("harm", ["a byte", "a half", "gone", "manifest"])
def test_a_copy_that_was_harmed_is_known(house: House, tmp_path: Path, harm: str) -> None:
    whole = make(house, tmp_path / "copies")
    path = whole / ("backup.json" if harm == "manifest" else "tocsin.db")
    raw = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(raw[: len(raw) // 2] + (b"" if harm != "a byte" else bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :]))
    with pytest.raises(CopyFault):
        copies.check(whole)


def test_a_damaged_database_is_not_copied_as_if_it_were_sound(house: House, tmp_path: Path) -> None:
    house.database.close()
    path = files(house).main
    raw = bytearray(path.read_bytes())
    for page in range(20, len(raw) // 4096, 3):
        raw[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    path.write_bytes(raw)
    with pytest.raises(CopyFault):
        make(house, tmp_path / "copies")
    assert copies.kept(tmp_path / "copies") == []


def test_only_the_newest_are_kept(house: House, tmp_path: Path) -> None:
    place = tmp_path / "copies"
    made = [make(house, place) for _ in range(4)]
    (place / "mine").mkdir()
    assert copies.prune(place, 2) == made[:2]
    assert copies.kept(place) == made[2:]
    assert (place / "mine").is_dir()


KILLED = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from gateway.storage import copies
while True:
    copies.make(copies.Files(Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3]), key=None, program="1", now=datetime.now(UTC))
    print("one", flush=True)
"""


def test_killed_anywhere_it_leaves_no_half_that_looks_whole(house: House, tmp_path: Path) -> None:
    place, pair = tmp_path / "copies", files(house)
    for number in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(pair.main), str(pair.journal), str(place)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.003 * number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    made = copies.kept(place)
    assert len(made) >= 12
    for one in made[-15:]:
        copies.check(one)
    for left in place.glob(".tocsin-*"):  # as if a minute had passed
        os.utime(left, (0, 0))
    make(house, place)
    assert not list(place.glob(".*")), "the next one sweeps up"


def test_what_is_put_back_is_what_was_copied_and_what_was_there_is_aside(house: House, tmp_path: Path) -> None:
    whole = make(house, tmp_path / "copies")
    house.say(failure("later"))
    house.database.close()
    pair, aside = files(house), tmp_path / "data" / "before"
    copies.put_back(whole, copies.check(whole), pair, key=tmp_path / "data" / "secret.key", aside=aside)
    assert _events(pair.journal) == 5
    assert _events(aside / "tocsin.journal.db") == 6
    assert {one.name for one in (tmp_path / "data").iterdir()} == {"tocsin.db", "tocsin.journal.db", "before"}
    again = Database(f"sqlite:///{pair.main}")
    assert migrate(again) is False
    again.close()


def test_cut_off_while_putting_back_a_start_is_refused_and_it_can_be_done_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.storage.database import StorageUnavailable

    whole, pair = make(house, tmp_path / "copies"), files(house)
    house.database.close()
    real, renamed = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        if len(renamed) == cut:
            raise KeyboardInterrupt
        renamed.append(target)
        return real(path, target)

    for cut in range(4):
        renamed.clear()
        monkeypatch.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            copies.put_back(whole, copies.check(whole), pair, key=tmp_path / "secret.key", aside=tmp_path / f"before-{cut}")
        monkeypatch.undo()
        opened = Database(f"sqlite:///{pair.main}")
        if cut in (1, 3):  # only the journal is there, the old or the new one
            with pytest.raises(StorageUnavailable, match="put"):
                migrate(opened)
        opened.close()
        copies.put_back(whole, copies.check(whole), pair, key=tmp_path / "secret.key", aside=tmp_path / f"again-{cut}")
        assert _events(pair.journal) == 5


def test_a_backup_of_a_newer_version_is_refused(house: House, tmp_path: Path) -> None:
    whole = make(house, tmp_path / "copies")
    manifest = whole / "backup.json"
    manifest.write_text(manifest.read_text().replace('"revision": "', '"revision": "9'))
    with pytest.raises(CopyFault, match="newer version"):
        copies.check(whole)


def _events(journal: Path) -> int:
    connection = sqlite3.connect(journal)
    try:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        connection.close()
