"""What is picked from a log, and that nothing makes it slow or large."""

import io
import itertools
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer.excerpt import AT_MOST, Excerpt, fit, lines_of, pick
from summarizer.failure import Log

LOGS = Path(__file__).parent / "logs"


def excerpt(log: Log, limit: int = AT_MOST) -> Excerpt:
    return fit(pick(lines_of(log)), str, limit=limit)


def numbers(log: Log) -> list[int]:
    return [line.number for line in excerpt(log).lines]


QUIET = [f"02:00:00 INFO step {number} of the load is done" for number in range(5000)]

CHAIN = """\
Traceback (most recent call last):
  File "/app/a.py", line 3, in load
    row["x"]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/b.py", line 9, in run
    load()
ValueError: no x in row 17
""".splitlines()

DBT = """\
02:00:07  Completed with 1 error, 0 partial successes, and 0 warnings:
02:00:07  Failure in model orders (models/orders.sql)
02:00:07    Database Error in model orders (models/orders.sql)
  relation "raw.orders" does not exist
  LINE 14:     from "raw"."orders"
  compiled code at target/run/shop/models/orders.sql
""".splitlines()

JAVA = """\
26/03/02 03:11:44 ERROR SparkContext: aborted
org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.fail(DAGScheduler.scala:2856)
\t... 12 more
Caused by: java.lang.OutOfMemoryError: Java heap space
\tat java.util.Arrays.copyOf(Arrays.java:3332)
""".splitlines()


@pytest.mark.parametrize("block", [CHAIN, DBT, JAVA], ids=["python", "dbt", "java"])
def test_a_block_in_the_middle_of_a_long_log_is_found_whole_and_keeps_its_numbers(block: list[str]) -> None:
    said = excerpt("\n".join([*QUIET, *block, *QUIET]))
    shown = {line.number: line.text for line in said.lines}
    for offset, line in enumerate(block):
        if line.strip():
            assert shown[5001 + offset] == line
    assert said.total == 10_000 + len(block)
    assert "lines left out" in said.text


def test_the_first_and_the_last_of_very_many_errors_stay() -> None:
    words = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=4)]
    log = [f"ERROR {word} could not be loaded from {word}" for word in words]
    kept = numbers(log)
    assert kept[0] == 1
    assert kept[-1] == len(log)
    assert len(excerpt(log).text) <= AT_MOST


def test_the_like_of_a_line_is_counted_and_not_shown() -> None:
    log = [
        f"2026-03-02 02:00:{number % 60:02} ERROR attempt {number} failed: connection to 10.0.0.{number % 200} refused"
        for number in range(1, 484)
    ]
    said = excerpt(["start", *log, "ERROR giving up on the warehouse"])
    assert "… 482 similar lines, the last is 484" in said.text
    assert said.text.count("refused") == 1
    assert "giving up" in said.text


def test_two_errors_that_differ_by_a_name_are_two() -> None:
    said = excerpt(["ERROR table orders is missing", "ERROR table payments is missing"])
    assert [line.similar for line in said.lines] == [0, 0]


def test_terminal_escapes_and_overwritten_progress_are_gone() -> None:
    said = excerpt("\x1b[31mERROR\x1b[0m it \x1b]8;;http://x.test\x07failed\x1b]8;;\x07\n 10%\r 20%\rERROR full\r\n")
    assert [line.text for line in said.lines] == ["ERROR it failed", "ERROR full"]


def test_invisible_and_reordering_characters_are_gone() -> None:
    assert excerpt("ERROR a\u202eb\u200bc\ufeff\x00d").lines[0].text == "ERROR abcd"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"level": "error", "msg": "no such table"}, "error no such table"),
        ({"info": {"level": "error", "msg": "Database Error\n  no table"}, "data": {}}, "error Database Error ⏎ no table"),
        ({"severity": "ERROR", "message": "failed", "exception": "ValueError: x"}, "ERROR failed ValueError: x"),
        ({"a": "error"}, '{"a": "error"}'),
    ],
)
def test_json_lines_are_unwrapped(line: dict[str, object], text: str) -> None:
    assert excerpt([json.dumps(line)]).lines[0].text == text


def test_a_key_over_several_lines_is_never_shown_in_part() -> None:
    key = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEAerror", "Zm9vYmFyerrorfailed", "-----END RSA PRIVATE KEY-----"]
    said = excerpt([*key, "ERROR the key was refused"])
    assert "MIIE" not in said.text
    assert "Zm9v" not in said.text
    assert "ERROR the key was refused" in said.text


def test_a_key_that_never_ends_hides_no_more_than_a_key() -> None:
    assert "ERROR at last" in excerpt(["-----BEGIN X KEY-----", *QUIET, "ERROR at last"]).text


def test_the_message_is_line_0() -> None:
    said = fit(pick(lines_of("ERROR one")), str, message="it failed")
    assert [(line.number, line.text) for line in said.lines] == [(0, "it failed"), (1, "ERROR one")]


def test_each_line_is_cleaned_before_it_is_cut() -> None:
    secret = "s" * 40
    said = fit(pick(lines_of("ERROR " + "word " * 147 + secret + " tail" * 100)), lambda text: text.replace(secret, "[redacted]"))
    assert "sss" not in said.text


def test_no_half_word_stands_at_a_cut() -> None:
    token = "A" * 3000
    said = excerpt(f"ERROR before {token} after and more words")
    assert "AAA" not in said.lines[0].text
    assert said.lines[0].text.startswith("ERROR before")


@pytest.mark.parametrize(
    "log",
    [
        "ERROR a\nERROR b\n",
        b"ERROR a\nERROR b",
        ["ERROR a", "ERROR b"],
        [b"ERROR a\n", b"ERROR b\n"],
        io.StringIO("ERROR a\nERROR b"),
        io.BytesIO(b"ERROR a\r\nERROR b\r\n"),
        (line for line in ("ERROR a\nERROR b",)),
    ],
    ids=lambda log: type(log).__name__,
)
def test_a_log_may_come_in_any_form(log: Log) -> None:
    assert [line.text for line in excerpt(log).lines] == ["ERROR a", "ERROR b"]


@pytest.mark.parametrize("log", ["", b"", [], io.BytesIO(), "\n\n \n"])
def test_nothing_to_read(log: Log) -> None:
    assert excerpt(log).lines == ()


class Endless(io.RawIOBase):
    """So many bytes of the same, made as they are read."""

    def __init__(self, block: bytes, blocks: int) -> None:
        self.block, self.left = block, blocks

    def read(self, size: int = -1, /) -> bytes:
        if self.left <= 0 or size == 0:
            return b""
        self.left -= 1
        return self.block


HOSTILE = {
    "no line end": b"error " * 10_000,
    "one character": b"x" * 65_536,
    "nuls": b"\x00" * 65_536,
    "no UTF-8": bytes(range(128, 256)) * 512,
    "escapes": b"\x1b[" * 32_768,
    "half of a link": b"\x1b]8;;" * 13_000,
    "carriage returns": b"\r" * 65_536,
    "braces": b"{" * 65_536,
    "errors": b"Error: failed\n" * 500,
    "named": b"aError.bError.cError." * 3_100 + b"\n",
    "keys": b"-----BEGIN KEY-----\n" * 400,
    "only line ends": b"\n" * 2_000,
}


@pytest.mark.parametrize("block", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_log_of_any_size_takes_constant_memory(block: bytes) -> None:
    tracemalloc.start()
    try:
        small = _peak(block, 8)
        large = _peak(block, 24)
    finally:
        tracemalloc.stop()
    assert large < small * 1.3 + 2_000_000
    assert large < 60_000_000


def _peak(block: bytes, blocks: int) -> int:
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert len(excerpt(Endless(block, blocks)).text) <= AT_MOST
    return tracemalloc.get_traced_memory()[1] - before


@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(["ERROR it failed", "Traceback (most recent call last):", '  File "x", line 3', "KeyError: 'x'"]),
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_every_line_shown_stands_in_the_log_under_its_number(log: list[str]) -> None:
    whole = list(lines_of("\n".join(log)))
    said = excerpt("\n".join(log))
    for line in said.lines:
        assert line.text == whole[line.number - 1]
    assert [line.number for line in said.lines] == sorted({line.number for line in said.lines})


@given(st.binary(max_size=3000), st.integers(200, 2000))
@settings(max_examples=60, deadline=None)
def test_an_excerpt_never_exceeds_its_limit(log: bytes, limit: int) -> None:
    said = excerpt(log, limit)
    assert len(said.text) <= limit or len(said.lines) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "dbt-1.4-build.jsonl",
            [
                "Got 1 result, configured to fail if != 0",
                "Runtime Error in test assert_broken_sql",
                "ERROR creating sql table model main.broken_model",
            ],
        ),
        ("dbt-1.11-contract.jsonl", ["Compilation Error in model stg_orders", "data type mismatch"]),
        ("dbt-1.11-freshness.jsonl", ["ERROR STALE freshness of raw.raw_orders", "Table with name raw_missing does not exist!"]),
    ],
)
def test_real_logs_of_dbt(name: str, told: list[str]) -> None:
    said = excerpt((LOGS / name).read_bytes())
    for text in told:
        assert text in said.text
    assert "\x1b" not in said.text
    assert '"invocation_id"' not in said.text


def test_a_real_log_of_prefect() -> None:
    said = excerpt((LOGS / "prefect-3.8.log").open("rb"))
    shown = said.by_number
    assert shown[18] == "ConnectionRefusedError: [Errno 111] Connection refused"
    assert shown[33] == 'File "/opt/app/flow.py", line 10, in load'
    assert shown[35] == "RuntimeError: cannot load orders"
    assert "similar" not in said.text.split("Traceback")[1].split("ConnectionRefused")[0]
    assert "^^^" not in said.text
