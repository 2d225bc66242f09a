"""Each kind of mail, word for word. `UPDATE_GOLDEN=1 pytest tests/channels/email` writes the files anew; read the diff."""

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gateway.channels.email.compose import compose
from tests.channels.email.mail_cases import CASES, MAIL_FROM

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.req("R82")
@pytest.mark.parametrize("name", CASES)
def test_the_text_part_reads_as_agreed(name: str):
    mail = message_from_bytes(compose(CASES[name], MAIL_FROM).raw, policy=policy.default)
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    shown = f"Subject: {mail['Subject']}\n\n{text}"
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


def test_there_is_no_golden_file_without_its_case():
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(CASES)


@pytest.mark.req("R82")
def test_a_whole_mail_is_the_same_bytes_on_every_machine():
    raw = compose(CASES["late"], MAIL_FROM).raw
    file = GOLDEN / "late.eml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_bytes(raw)
    assert raw == file.read_bytes()
