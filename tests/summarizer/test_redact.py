# ruff: noqa: E501
"""Secrets do not get through, and what only looks like one does."""

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer.redact import Redactor, Unsure
from summarizer.redact.across import hidden
from summarizer.redact.patterns import SHAPES
from summarizer.redact.shape import Shape
from tests.summarizer.corpus import basic, held_out, more, wide
from tests.summarizer.corpus.basic import HARMLESS, NAMED, SHAPED, harmless, secrets
from tests.summarizer.corpus.line import changes, leaks

REDACTOR = Redactor()


@pytest.mark.req("R86")
def test_of_a_generated_corpus_nearly_nothing_gets_through() -> None:
    lines = [*basic.secrets(1_000), *wide.secrets(1_100)]
    missed = [line for line in lines if leaks(line, REDACTOR)]
    assert len(missed) <= 0.005 * len(lines), missed


@pytest.mark.req("R86")
def test_of_what_was_written_without_a_look_at_the_patterns_most_does_not_get_through() -> None:
    for part, least in ((more, 0.97), (held_out, 0.85)):
        lines = part.secrets(600)
        missed = [line for line in lines if leaks(line, REDACTOR)]
        assert len(missed) <= (1 - least) * len(lines), part


@pytest.mark.parametrize("sort", wide.NO_SECRETS)
def test_what_is_only_said_of_secrets_stays_as_it_is(sort: str) -> None:
    changed = [line.text for line in wide.harmless(1_000) if line.sort == sort and changes(line, REDACTOR)]
    assert changed == []


@pytest.mark.parametrize("sort", SHAPED)
@pytest.mark.req("R86")
def test_a_secret_with_a_shape_never_gets_through(sort: str) -> None:
    missed = [line for line in secrets(1_500, seed=3) if line.sort == sort and leaks(line, REDACTOR)]
    assert missed == []


@pytest.mark.parametrize("sort", NAMED)
@pytest.mark.req("R86")
def test_a_secret_with_a_name_never_gets_through(sort: str) -> None:
    missed = [line for line in secrets(1_500, seed=5) if line.sort == f"named {sort}" and leaks(line, REDACTOR)]
    assert missed == []


@pytest.mark.parametrize("sort", HARMLESS)
def test_lines_without_secrets_stay_as_they_are(sort: str) -> None:
    lines = [line for line in harmless(1_000) if line.sort == sort]
    changed = [line.text for line in lines if REDACTOR.clean(line.text) != line.text]
    assert len(changed) <= 0.02 * len(lines), changed


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("postgres://etl:s3c@r3t@db:5432/x failed", "postgres://etl:[redacted: connection password]@db:5432/x failed"),
        ("password='two words' next", "password='[redacted: named secret]' next"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: [redacted: authorization]"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIE -----END RSA PRIVATE KEY----- after", "[redacted: private key] after"),
        ("-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1r", "[redacted: private key]"),
        ("create user etl identified by 'x y z'", "create user etl identified by '[redacted: named secret]'"),
        ("Set-Cookie: session=abcdef; Path=/", "Set-Cookie: [redacted: cookie]"),
        ("Access denied for user 'etl'@'db' (using password: YES)", "Access denied for user 'etl'@'db' (using password: YES)"),
        ("https://hc-ping.com/7e3c9a60-1f0b-4c1d-9c1a-6f2d3e4b5a6c timed out", "https://hc-ping.com/[redacted: webhook address] timed out"),
    ],
)
def test_what_is_left_can_still_be_read(text: str, cleaned: str) -> None:
    assert REDACTOR.clean(text) == cleaned


@pytest.mark.req("R86")
def test_the_installations_own_secrets_are_known_in_every_dress() -> None:
    own = 'corre"ct & horse/battery'
    redactor = Redactor.for_secrets([own, "tiny", "ab"])
    dresses = [
        own,
        "corre%22ct%20%26%20horse%2Fbattery",
        "corre&quot;ct &amp; horse/battery",
        'corre\\"ct & horse/battery',
        base64.b64encode(own.encode()).decode(),
    ]
    for dress in dresses:
        cleaned = redactor.clean(f"ERROR with {dress} here")
        assert "horse" not in cleaned
        assert "[redacted: " in cleaned
    assert redactor.clean("tiny, but tinyness and ab stay") == "[redacted: known secret], but tinyness and ab stay"


@pytest.mark.parametrize(
    "text",
    [
        "PGPASSWORD=S3cretWord psql -h db",
        "{'passwd': b'S3cretWord'}",
        'password = "S3cretWord and it is cut',
        "password: SecretWord, user: etl",
        "password=not-SecretWord",
        '{\\"password\\": \\"S3cretWord\\"}',
        "spark.hadoop.fs.s3a.secret.key=S3cretWord",
        "fs.azure.account.key.lake.dfs.core.windows.net=S3cretWord==",
        "jdbc:sqlserver://h;user=sa;password=S3cretWord;",
        "jdbc:oracle:thin:scott/S3cretWord@db:1521/x",
        "mysql -u root -pS3cretWord shop",
        "curl -u etl:S3cretWord https://x.test",
        "sshpass -p S3cretWord ssh x",
        "requests.get(url, auth=('etl', 'S3cretWord'))",
        "Server=db;Uid=sa;Pwd=S3cretWord;",
        'sasl.jaas.config=x required username="a" password="S3cretWord";',
        "X-Api-Key: S3cretWord",
        "'connection': {'user': 'a', 'token': 'S3cretWord'}",
        "redis://:S3cretWord@cache:6379/0",
        "env: AIRFLOW_CONN_DWH='postgres://u:S3cretWord@h/d'",
        "os.environ['API_TOKEN'] = 'S3cretWord'",
        "Proxy-Authorization: Basic S3cretWord",
    ],
)
@pytest.mark.req("R86")
def test_secrets_in_the_dress_of_tools(text: str) -> None:
    assert "cretWord" not in REDACTOR.clean(text)


def test_addresses_of_people_only_if_asked() -> None:
    text = "mail to ana@acme.test bounced"
    assert REDACTOR.clean(text) == text
    assert Redactor(emails=True).clean(text) == "mail to [redacted: e-mail address] bounced"


@pytest.mark.req("R86")
def test_trouble_is_told_and_never_takes_the_text_along(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Redactor(known=_Raising())  # type: ignore[arg-type]
    with pytest.raises(Unsure) as raised:
        broken.clean("password=hunter2")
    assert "hunter2" not in str(raised.value)
    with pytest.raises(Unsure):
        REDACTOR.clean("\ufffd" * 50 + "password")


class _Raising:
    def sub(self, mark: str, text: str) -> str:
        raise RuntimeError(text)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    try:
        cleaned = REDACTOR.clean(text)
    except Unsure:
        return
    assert REDACTOR.clean(cleaned) == cleaned


@given(
    st.lists(
        st.sampled_from(
            [
                "password",
                "=",
                ":",
                '"',
                "'",
                " ",
                "Bearer",
                "://",
                "@",
                "eyJ",
                "-----BEGIN KEY-----",
                "[redacted: x]",
                "tok",
                "en",
                "sk-",
                "a" * 25,
                "A1b2",
            ]
        )
    )
)
@settings(max_examples=300, deadline=None)
def test_any_heap_of_pieces_ends_clean_or_unsure(pieces: list[str]) -> None:
    try:
        cleaned = REDACTOR.clean("".join(pieces))
    except Unsure:
        return
    assert REDACTOR.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("password: two words, host: db", "password: [redacted: named secret], host: db"),
        ("passwd hunter2 rejected", "passwd [redacted: named secret] rejected"),
        ("das Kennwort lautet hunter2 nicht", "das Kennwort lautet [redacted: named secret] nicht"),
        ("mot de passe : soleil", "mot de passe : [redacted: named secret]"),
        ("clé API : abcd1234efgh", "clé API : [redacted: named secret]"),
        ("{'password': \"it's\", 'host': 'db'}", "{'password': \"[redacted: named secret]\", 'host': 'db'}"),
        ("Config(password=SecretStr('hunter'))", "Config(password=SecretStr('[redacted: named secret]'))"),
        ("UID=sa;PWD={a;b c};Encrypt=yes", "UID=sa;PWD={[redacted: named secret]};Encrypt=yes"),
        ("User ID=etl;Password=x y z;Encrypt=yes", "User ID=etl;Password=[redacted: named secret];Encrypt=yes"),
        ("sqlcmd -S db -U sa -P hunter2 -Q 'select 1'", "sqlcmd -S db -U sa -P [redacted: named secret] -Q 'select 1'"),
        ("password: |\n  two words\n  and more\nhost: db", "password: |\n  [redacted: named secret]\n  [redacted: named secret]\nhost: db"),
        ("loader --password \\\n  hunter2 \\\n  --host db", "loader --password \\\n  [redacted: named secret] \\\n  --host db"),
    ],
)
@pytest.mark.req("R86")
def test_only_the_secret_is_taken_out_whatever_its_dress(text: str, cleaned: str) -> None:
    assert REDACTOR.clean(text) == cleaned


@pytest.mark.req("R86")
def test_a_name_on_one_line_gives_the_secret_on_the_next_away() -> None:
    log = [
        "10:00:01 ERROR password:",
        "10:00:01 ERROR hunter",
        "10:00:02 INFO connecting to db",
        "token:",
        "  and so on",
        "api_key:",
        "  'x y'",
    ]
    assert list(hidden(log)) == [
        "10:00:01 ERROR password:",
        "10:00:01 ERROR [redacted: named secret]",
        "10:00:02 INFO connecting to db",
        "token:",
        "  and so on",
        "api_key:",
        "  [redacted: named secret]",
    ]


def test_a_block_that_does_not_end_hides_no_more_than_a_hundred_lines_or_so() -> None:
    shown = list(hidden(["password: |", *(f"  line {number}" for number in range(300))]))
    assert shown[1] == "  [redacted: named secret]"
    assert shown[-1] == "  line 299"


NEAR_MISSES = (
    "password ", "password=", "password: ", "'password': ", "{'password': ['a',", "mot de passe ", "clé d'", "password for x ", "password: a b c ", "pwd={", ";password=", "<password>",
    "password\"value", "secret(", "credentials a:", "session_id=", "token: ", "token is ", "env x_", "--user a", "--user \"a:", "-u a:", "-U a", "curl -", "echo a |", "login -", "mysql -p",
    "sqlcmd -", "redis-cli -", "ldapx -", "sqlplus a ", "passin ", "authorization: ", "authorization: digest ", "cookie: a", "sid=a", "a.atlasv1.", "MAAAAAAAAAAAAAAAAAAAAAAAA.", "pat",
    "xox", "tskey-a-", "-----BEGIN ", "password:\n", "password: |\n", "secret: \\\n", "\\", "\"", "Ab1",
)  # fmt: skip


HOSTILE = "\n".join(
    (near_miss * (1 + 1_000_000 // len(NEAR_MISSES) // len(near_miss)))[: 1_000_000 // len(NEAR_MISSES)] for near_miss in NEAR_MISSES
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_megabyte_of_near_misses_is_read_to_its_end(shape: Shape) -> None:
    assert len(shape.pattern.sub("", HOSTILE)) <= len(HOSTILE)


def test_a_megabyte_of_names_without_secrets_is_read_line_by_line_to_its_end() -> None:
    lines = ["password:", "token: |", "secret: \\", "  x y"] * 25_000 + ["password" * 125_000, "password" + " " * 1_000_000 + ":"]
    assert len(list(hidden(lines))) == len(lines)


def test_every_pattern_has_a_near_miss_that_it_looks_at() -> None:
    shown = " ".join(NEAR_MISSES).lower()
    assert [shape.where for shape in SHAPES if not shape.may_be_in(shown)] == []


def test_no_pattern_has_a_run_without_a_bound_before_its_end() -> None:
    for shape in SHAPES:
        assert not re.search(
            r"(?<!\\)[*+](?!\))", re.sub(r"\[[^\]]*\]|\(\?[<!=][^)]*\)|\\.", "x", shape.pattern.pattern).replace("x*\\Z", "")
        ), shape
