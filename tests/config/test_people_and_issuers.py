"""What `tocsin.toml` says of people, their tokens and issuers is put in force, written down, and taken back; what others made stays."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.document import ConfigurationError, read_configuration
from gateway.provision.apply import apply
from gateway.storage import issuers, people, tables
from gateway.storage.credentials import SCOPES
from gateway.storage.database import Database
from gateway.vault import Vault
from tests.api.issuing import jwk, key_set
from tests.builders import KINDS
from tests.conftest import NOW

VAULT = Vault("0123456789abcdef0123456789abcdef")
SECRET = "a secret of the shop, of more than 32 bytes"
ANA = '[[user]]\nemail = "ana@acme.test"\ntoken = "ana-token-0123456789"\nteams = { acme = { role = "admin", permissions = ["b", "a"] } }\n'
BOB = '[[user]]\nemail = "bob@acme.test"\ntoken = "bob-token-0123456789"\nscopes = ["ingest"]\nteams = { acme = {} }\n'
TEAM = '[[team]]\nslug = "acme"\n'
SHOP = '[[issuer]]\nteam = "acme"\nissuer = "https://shop.example"\naudience = "tocsin"\nalgorithm = "HS256"\nsecret = "env:SHOP"\n'
BANK = '[[issuer]]\nteam = "acme"\nissuer = "https://bank.example"\naudience = "tocsin"\nalgorithm = "RS256"\n'


def read(directory: Path, *parts: str) -> Any:
    path = directory / "tocsin.toml"
    path.write_text("".join(parts), encoding="utf-8")
    return read_configuration(path, {"SHOP": SECRET})


def put(database: Database, directory: Path, *parts: str) -> None:
    configuration = read(directory, *parts)
    with database.writing() as transaction:
        apply(transaction, configuration, KINDS, VAULT, NOW)


def rows(database: Database, table: Any) -> list[dict[str, Any]]:
    with database.reading() as transaction:
        return [dict(row._mapping) for row in transaction.execute(table.select().order_by(*table.primary_key.columns))]


def written(database: Database) -> list[tuple[str, str, Any]]:
    assert {(row["actor"], row["actor_id"]) for row in rows(database, tables.audit)} <= {("tocsin.toml", None)}
    return [(row["action"], row["target"], row["details"]) for row in rows(database, tables.audit)]


def test_what_the_file_does_with_people_is_written_down_once(database: Database, tmp_path: Path) -> None:
    for _ in range(2):
        put(database, tmp_path, TEAM, ANA, BOB)
    ana, bob = "ana <ana@acme.test>", "bob <bob@acme.test>"
    first = [
        ("member.added", ana, {"role": "admin", "permissions": ["a", "b"]}), ("member.added", bob, {"role": "member", "permissions": []}),
        ("token.created", f"token of {ana}", None), ("token.created", f"token of {bob}", None),
    ]  # fmt: skip
    assert written(database) == first
    put(database, tmp_path, TEAM, ANA.replace('"admin"', '"viewer"'))
    assert written(database)[4:] == [
        ("member.changed", ana, {"role": "viewer", "permissions": ["a", "b"]}),
        ("member.removed", bob, {"role": "member", "permissions": []}),
    ], "a token of somebody who is in no team any more ends too, and no team is told"
    assert [row["scopes"] for row in rows(database, tables.credentials)] == ["read write admin"]
    kept = repr(rows(database, tables.audit))
    assert "token-0123456789" not in kept


def test_only_what_the_file_made_is_taken_back_by_it(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path, TEAM, ANA, BOB)
    with database.writing() as transaction:
        (team_id,) = people.team_ids(transaction).values()
        guest = people.put_user(transaction, email="guest@acme.test", name="Guest", now=NOW)
        people.put_membership(transaction, team_id=team_id, user_id=guest, role="admin", permissions=())
    put(database, tmp_path, TEAM, ANA)
    assert [(row["user_id"], row["managed"]) for row in rows(database, tables.memberships)] == [(1, True), (guest, False)]
    taken_over = '[[user]]\nemail = "guest@acme.test"\nteams = { acme = { role = "viewer" } }\n'
    put(database, tmp_path, TEAM, ANA, taken_over)
    assert [(row["role"], row["managed"]) for row in rows(database, tables.memberships)] == [("admin", True), ("viewer", True)]
    put(database, tmp_path, TEAM)
    assert rows(database, tables.memberships) == []
    assert rows(database, tables.credentials) == []


def test_scopes_of_a_token_are_what_the_file_says(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path, TEAM, ANA, BOB)
    assert [row["scopes"] for row in rows(database, tables.credentials)] == ["read write admin", "ingest"]
    put(database, tmp_path, TEAM, ANA, BOB.replace('["ingest"]', str(list(SCOPES)).replace("'", '"')))
    assert rows(database, tables.credentials)[1]["scopes"] == "read write ingest admin"


@pytest.mark.req("R98")
def test_issuers_are_kept_sealed_changed_disabled_and_taken_up_again(database: Database, tmp_path: Path) -> None:
    bank = BANK + 'jwks_url = "https://bank.example/jwks"\nrole = "viewer"\npermissions = ["orders.view"]\n'
    for _ in range(2):
        put(database, tmp_path, TEAM, SHOP, bank)
    shop, other = rows(database, tables.issuers)
    assert VAULT.open(shop["secret"]) == SECRET.encode()
    assert (other["jwks"], other["role"], other["permissions"], other["secret"]) == (
        "https://bank.example/jwks", "viewer", ["orders.view"], None,
    )  # fmt: skip
    put(database, tmp_path, TEAM, bank)
    assert [row["disabled_at"] for row in rows(database, tables.issuers)] == [NOW, None]
    put(database, tmp_path, TEAM, SHOP.replace('"tocsin"', '"inbox"'), bank)
    assert [(row["disabled_at"], row["audience"]) for row in rows(database, tables.issuers)] == [(None, "inbox"), (None, "tocsin")]
    assert [(action, target) for action, target, _ in written(database)] == [
        ("issuer.added", "issuer https://shop.example"), ("issuer.added", "issuer https://bank.example"),
        ("issuer.disabled", "issuer https://shop.example"), ("issuer.changed", "issuer https://shop.example"),
    ]  # fmt: skip
    assert SECRET not in repr([rows(database, table) for table in (tables.issuers, tables.audit)])


def test_a_new_role_of_an_issuer_is_everyones_whom_it_named_and_nobody_elses(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path, TEAM, ANA, SHOP)
    with database.writing() as transaction:
        (shop,) = issuers.every(transaction).values()
        for subject in ("a", "b"):
            issuers.meet(transaction, issuer=shop, subject=subject, name=subject, email=f"{subject}@users.invalid", now=NOW)
        people.end_membership(transaction, team_id=shop.team_id, user_id=3)
    put(database, tmp_path, TEAM, ANA, SHOP, 'role = "viewer"\npermissions = ["orders.view"]\n')
    assert [(row["user_id"], row["role"]) for row in rows(database, tables.memberships)] == [(1, "admin"), (2, "viewer")]
    held = {row["permission"] for row in rows(database, tables.membership_permissions) if row["user_id"] == 2}
    assert held == {"role:viewer", "orders.view"}


WRONG: list[tuple[str, str]] = [
    (SHOP.replace('"env:SHOP"', '"short"'), "at least 32 bytes"),
    (SHOP.replace('"env:SHOP"', '"-----BEGIN PUBLIC KEY----- and so on and on"'), "key of another kind"),
    (SHOP.replace('"HS256"', '"none"'), "algorithm"),
    (SHOP.replace('"HS256"', '"RS256"'), "RS256 needs jwks_url or jwks"),
    (SHOP + 'jwks_url = "https://shop.example/jwks"\n', "HS256 needs secret, and nothing else"),
    (SHOP + 'role = "admin"\n', "role"),
    (SHOP + 'permissions = ["role:admin"]\n', "comes with the role alone"),
    (SHOP.replace('audience = "tocsin"\n', ""), "audience: is missing"),
    (SHOP.replace('"acme"', '"nowhere"'), "there is no [[team]] 'nowhere'"),
    (SHOP + SHOP, "is used twice, first in [[issuer]] 1"),
    (BANK, "RS256 needs"),
    (BANK + 'jwks_url = "http://bank.example/jwks"\n', "must begin with https://"),
    (BANK + 'jwks_url = "file:///etc/passwd"\n', "must begin with https://"),
    (BANK + 'jwks_url = "http://127.0.0.1.bank.example/jwks"\n', "must begin with https://"),
    (BANK + "jwks = { keys = 7 }\n", "is no JSON key set"),
    (BANK + "jwks = { keys = [] }\n", "needs RSA keys of at least 2048 bits"),
    (BANK + 'jwks = { keys = [{ kty = "EC" }] }\n', "needs RSA keys of at least 2048 bits"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_an_issuer_that_could_not_be_checked_is_an_error_and_nothing_changes(
    database: Database, tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        put(database, tmp_path, TEAM, text)
    assert told in str(raised.value)
    assert "[[issuer]]" in str(raised.value)
    assert rows(database, tables.teams) == []


def test_keys_that_stand_in_the_file_are_kept_and_a_loopback_address_needs_no_tls(database: Database, tmp_path: Path) -> None:
    key = ", ".join(f'{name} = "{value}"' for name, value in jwk().items())
    put(database, tmp_path, TEAM, BANK, f"jwks = {{ keys = [{{ {key} }}] }}\n")
    assert rows(database, tables.issuers)[0]["jwks"] == key_set(dict(sorted(jwk().items())))
    put(database, tmp_path, TEAM, BANK, 'jwks_url = "http://127.0.0.1:9/jwks"\n')
    assert rows(database, tables.issuers)[0]["jwks"] == "http://127.0.0.1:9/jwks"


@pytest.mark.req("R36")
def test_an_issuer_stays_with_its_team(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path, TEAM, '[[team]]\nslug = "other"\n', SHOP)
    with pytest.raises(ConfigurationError, match="bound to another team"):
        put(database, tmp_path, TEAM, '[[team]]\nslug = "other"\n', SHOP.replace('"acme"', '"other"'))
    assert len({row["team_id"] for row in rows(database, tables.issuers)}) == 1
