"""What arrived, without the secrets in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.redacting import pairs, without_secrets
from summarizer import Redactor, Unsure

REDACTOR = Redactor.for_secrets(["a secret of the installation"])
NAMES = st.text(max_size=12) | st.sampled_from(["password", "token"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"password":"hunter2","a":1.0}', {"password": "[redacted: named secret]", "a": 1.0}),
        ('{"password": 12345678, "token": 7}', {"password": "[redacted]", "token": 7}),
        ('{"api_key": ["one1two2", "x"]}', {"api_key": ["[redacted: named secret]"] * 2}),
        (r'{"pass\u0077ord": "hunter2"}', {"password": "[redacted: named secret]"}),
        (r'{"text": "{\"password\": \"hunter2\"}"}', {"text": '{"password": "[redacted: named secret]"}'}),
        ('{"a": {"ghp_abcdefghijklmnopqrstuvwxyz01": {"b": 2}}}', {"a": {"[redacted: github token]": {"b": 2}}}),
        (r'{"m": "-----BEGIN RSA PRIVATE KEY-----\nMIIB", "n": "next"}', {"m": "[redacted: private key]", "n": "next"}),
    ],
)
def test_json_stays_json_and_names_give_values_away(body: str, shown: Any) -> None:
    assert json.loads(without_secrets(body, REDACTOR.clean)) == shown


@pytest.mark.parametrize(
    "body", ['{"b":1,  "a":[1.50, "x"]}', "Flow run x entered state Failed", "", "5", '[{"name":"X-Api-Key","value":3}]']
)
def test_what_holds_none_is_as_it_arrived(body: str) -> None:
    assert without_secrets(body, REDACTOR.clean) == body


@pytest.mark.parametrize(
    "body",
    ['{"password": "hunter2", "password": null}', "password=hunter2&x=1", "[" * 5000 + '"password=hunter2"', '{"password": "hunter2'],
)
def test_what_is_no_sound_json_is_looked_at_as_text(body: str) -> None:
    assert "hunter2" not in without_secrets(body, REDACTOR.clean)


def test_where_nothing_can_be_said_of_a_part_the_rest_is_shown() -> None:
    def clean(text: str) -> str:
        return "(not shown)" if "odd" in text else text

    assert json.loads(without_secrets('{"a": "odd", "b": "plain"}', clean)) == {"a": "(not shown)", "b": "plain"}


@given(JSON)
def test_nothing_a_body_holds_makes_it_fail_or_lose_its_shape(value: Any) -> None:
    try:
        shown = json.loads(without_secrets(json.dumps(value), REDACTOR.clean))
    except Unsure:
        return
    assert type(shown) is type(value) or shown == "[redacted]"
    if isinstance(value, dict | list):
        assert len(shown) == len(value)


def test_headers_are_looked_at_by_their_names() -> None:
    given_pairs = [["X-Api-Key", "hunter2"], ["Accept", "*/*"], ["X-Note", 'say "password=hunter2"']]
    shown = pairs(given_pairs, REDACTOR.clean)
    assert shown[1] == ["Accept", "*/*"]
    assert [name for name, _ in shown] == ["X-Api-Key", "Accept", "X-Note"]
    assert "hunter2" not in str(shown)
