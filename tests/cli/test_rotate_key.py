"""Another key for what is kept encrypted, on both engines, cut off and repeated."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from gateway.cli import main
from gateway.domain.unsubscribing import Unsubscribing
from gateway.storage import sealed, sources, tables, working
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.storage.working import Process
from gateway.vault import Vault, VaultError, keys_beside, looks_sealed
from tests.builders import House
from tests.conftest import NOW, Clock

pytestmark = pytest.mark.req("R98")
OLD, NEW = "the key of yesterday of thirty-two characters", "the key of today, of thirty-two characters"
MANY = 250


@pytest.fixture
def installed(database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Many sources whose secrets are sealed with the old key."""
    database = Database(database_url)
    migrate(database)
    vault, house = Vault(OLD), House(database, clock)
    with database.writing() as transaction:
        for number in range(MANY):
            auth = [{"scheme": "github", "secrets": [{"sealed": vault.seal(f"s{number}".encode()), "expires_at": None}]}]
            sources.put(
                transaction, team_id=house.team_id, slug=f"s{number}", kind="github_actions", environment="", auth=auth,
                settings={"api_key": vault.seal(b"k"), "note": "gAAAA is no secret"}, managed=False, now=NOW,
            )  # fmt: skip
    monkeypatch.setenv("TOCSIN_DATABASE_URL", database_url)
    monkeypatch.setenv("TOCSIN_SECRET_KEY", NEW)
    monkeypatch.setenv("TOCSIN_SECRET_KEYS_OLD", f"something else of thirty-two letters, {OLD}")
    yield database
    database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rotate-key", *arguments])


def by(database: Database, vault: Vault) -> int:
    """How many can be read with this key alone."""
    with database.reading() as transaction:
        return sum(vault.open(value) is not None for _, value in sealed.values(transaction, looks_sealed))


def test_everything_is_sealed_anew_and_again_there_is_nothing_to_do(installed: Database) -> None:
    done = run()
    assert done.exit_code == 0, done.output
    assert f"{2 * MANY} secrets were encrypted anew, 0 already were" in done.output
    assert (by(installed, Vault(NEW)), by(installed, Vault(OLD))) == (2 * MANY, 0)
    assert f"0 secrets were encrypted anew, {2 * MANY} already were" in run().output


def test_cut_off_between_two_batches_nothing_is_lost_and_the_rest_is_done_later(
    installed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, batches = sealed.batch, []

    def cut_off(*arguments: object, **given: object) -> int | None:
        if len(batches) == 1:
            raise KeyboardInterrupt
        batches.append(1)
        return real(*arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sealed, "batch", cut_off)
    assert run().exit_code == 1
    monkeypatch.setattr(sealed, "batch", real)
    assert by(installed, Vault(NEW)) == 2 * (sealed.BATCH - 1), "the first source has none"
    assert by(installed, Vault(NEW, [OLD])) == 2 * MANY
    assert run().exit_code == 0
    assert by(installed, Vault(NEW)) == 2 * MANY


def test_it_waits_for_processes_that_have_another_key(installed: Database, clock: Clock) -> None:
    with installed.writing() as transaction:
        working.live(transaction, Process("p", "node-1", 7, "1", Vault(OLD).mark, NOW), idle={}, now=_now())
    refused = run()
    assert refused.exit_code == 1
    assert "process 7 on node-1" in refused.output
    assert by(installed, Vault(OLD)) == 2 * MANY
    with installed.writing() as transaction:
        working.end(transaction, "p")
    assert run().exit_code == 0


def test_what_no_key_opens_is_named_and_left_alone(installed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_SECRET_KEYS_OLD")
    told = run()
    assert told.exit_code == 1
    assert f"{2 * MANY} secrets cannot be read" in told.output
    assert by(installed, Vault(OLD)) == 2 * MANY


def test_beside_sqlite_a_new_key_goes_above_the_old_one(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tocsin.db"
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.delenv("TOCSIN_SECRET_KEY", raising=False)
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    (first,) = keys_beside(path)
    assert run("--new").exit_code == 0
    second, old = keys_beside(path)
    assert old == first != second
    assert stat.S_IMODE((path.parent / "secret.key").stat().st_mode) == 0o600
    assert run().exit_code == 0
    assert keys_beside(path) == [second, first], "repeated, it makes no key"
    assert run("--forget-old").exit_code == 0
    assert keys_beside(path) == [second]


def test_links_that_were_signed_with_an_old_key_are_read_with_the_new_one() -> None:
    before, after = (Unsubscribing(*vault.every_derived("unsubscribe")) for vault in (Vault(OLD), Vault(NEW, [OLD])))
    link = before.link("https://tocsin.test", user_id=1, team_id=2, category=None, made_at=NOW)
    assert after.read(link.rpartition("/")[2])
    assert Unsubscribing(*Vault(NEW).every_derived("unsubscribe")).read(link.rpartition("/")[2]) is None
    assert after.link("https://tocsin.test", user_id=1, team_id=2, category=None, made_at=NOW) != link


def test_an_old_key_that_is_none_is_refused() -> None:
    with pytest.raises(VaultError, match="KEYS_OLD"):
        Vault(NEW, ["short"])


def test_every_column_that_is_said_to_be_encrypted_is_sealed_anew() -> None:
    said = {column for table in tables.metadata.tables.values() for column in table.c if "encrypted" in (column.comment or "")}
    assert said <= {column for columns in sealed.SEALED.values() for column in columns}


def test_what_is_sealed_looks_so() -> None:
    assert looks_sealed(Vault(NEW).seal(b""))
    assert looks_sealed(Fernet(Fernet.generate_key()).encrypt(b"x").decode())


def _now() -> object:
    from gateway.cli.common import utc_now

    return utc_now()
