"""A line of the log is one line, says what it is about, and holds no secret."""

import io
import json
import logging
import re
from collections.abc import Iterator
from unicodedata import category
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gateway import logs
from gateway.logs import masking
from gateway.logs.lines import TextLine

pytestmark = pytest.mark.req("R95")
FORMS = ("text", "json")
SECRETS = st.text(alphabet="!#%&+/:=?@<>\"'\\ßж€ qXZ9\n", min_size=6, max_size=30).map(str.strip)
HEAD = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ [\w.]+: ")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    masking.forget()


class Unreadable(str):
    """What cannot be a number, and says so in its own words."""

    __slots__ = ()

    def __int__(self) -> int:
        raise ValueError(str(self))


def written(form: str, *args: object, error: str | None = None, **extra: object) -> str:
    stream = io.StringIO()
    logs.set_up(form, "debug", stream)
    logger = logging.getLogger("tocsin.test")
    if error is None:
        logger.warning(*args, extra=extra)
    else:
        try:
            int(Unreadable(error))
        except ValueError:
            logger.exception(*args, extra=extra)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text())
@example("2026-01-01T00:00:00.000Z ERROR tocsin: forged\n2026-01-01T00:00:00.000Z ERROR tocsin: forged", "\r\u2028\x85\x1b[2K")
def test_what_strangers_wrote_never_begins_a_line(form: str, one: str, other: str) -> None:
    lines = written(form, "it says %s", one, error=f"{other}\n2026-01-01T00:00:00.000Z ERROR tocsin: forged", slug=other).splitlines()
    if form == "json":
        (line,) = lines
        assert json.loads(line)["message"] == f"it says {one}"
    else:
        assert HEAD.match(lines[0])
        assert all(line.startswith("    | ") for line in lines[1:])
        assert not any(category(letter) in ("Cc", "Zl", "Zp") for line in lines for letter in line)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="!#%&+/:=?@<>\"'\\ßж€ qXZ9\n", min_size=6, max_size=30).map(str.strip), st.text(alphabet="!%:ж \"'\\Z9", max_size=5)
)
def test_a_known_secret_stands_nowhere_in_a_line(form: str, secret: str, around: str) -> None:
    assume(len(secret) >= 6)
    assume(secret not in repr(("[secret]", around * 2)))
    logs.know([secret])
    told = f"{around} {secret} {around}"
    line = written(form, "a %s %r", told, {"key": secret}, error=told, url=f"postgresql://u:{quote(secret, safe='')}@db", own=told)
    assert secret not in line
    assert json.dumps(secret)[1:-1] not in line
    assert quote(secret, safe="") not in line
    if form == "json":
        assert not any(secret in str(value) for value in json.loads(line).values())


def test_a_short_secret_takes_no_words_apart() -> None:
    logs.know(["prod", "ab"])
    assert logs.masked("prod production ab") == f"{logs.MASK} production ab"


def test_a_line_says_which_request_and_what_else_it_is_about() -> None:
    made = logs.begin_request()
    with logs.about(event_id=7):
        said = json.loads(written("json", "stored", source="acme/etl"))
    assert (said["request_id"], said["event_id"], said["source"], said["level"], said["logger"]) == (
        made, 7, "acme/etl", "warning", "tocsin.test",
    )  # fmt: skip
    assert f"[request_id={made} source=acme/etl]" in written("text", "stored", source="acme/etl")
    assert logs.begin_request() != made


def test_arguments_that_do_not_fit_lose_no_line() -> None:
    record = logging.LogRecord("tocsin.test", logging.WARNING, __file__, 1, "two %s %s", ("one",), None)
    assert "two %s %s ('one',)" in TextLine().format(record)


def test_what_is_said_in_other_words_than_the_level_is_not_written() -> None:
    stream = io.StringIO()
    logs.set_up("text", "error", stream)
    logging.getLogger("tocsin.test").warning("not this")
    assert stream.getvalue() == ""


def test_every_secret_of_the_environment_is_known() -> None:
    from pydantic import SecretStr

    from gateway.config.environment import Environment
    from gateway.workers.reading import own_secrets

    names = [name for name, field in Environment.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert len(names) >= 6
    environment = Environment(
        database_url="postgresql://me:a-password-of-it@db/t", **{name: SecretStr(f"the-{name}-of-thirty-two-characters") for name in names}
    )
    assert {f"the-{name}-of-thirty-two-characters" for name in names} | {"a-password-of-it"} <= set(own_secrets(environment))
