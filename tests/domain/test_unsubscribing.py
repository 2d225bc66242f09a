"""Links that end mail: readable by whoever made them, and changed by nobody."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.unsubscribing import VALID_FOR, Subscription, Unsubscribing
from mappers.contract import Category
from tests.conftest import NOW

OURS = Unsubscribing(b"our key")


def token(category: Category | None = Category.JOB_FAILURE, by: Unsubscribing = OURS) -> str:
    return by.link("https://tocsin.test", user_id=7, team_id=3, category=category, made_at=NOW).rpartition("/")[2]


@pytest.mark.req("R59")
@pytest.mark.parametrize("category", [None, *Category])
def test_a_link_says_who_and_what_and_until_when(category: Category | None) -> None:
    assert OURS.read(token(category)) == Subscription(7, 3, category, NOW + VALID_FOR)
    assert token(category) == token(category), "a mail that is composed again has the same bytes"


@pytest.mark.req("R59")
def test_nobody_else_can_make_one() -> None:
    assert OURS.read(token(by=Unsubscribing(b"another key"))) is None
    forged = urlsafe_b64encode(b"8.3..9999999999" + bytes(16)).decode()
    assert OURS.read(forged) is None


@pytest.mark.req("R59")
@given(st.integers(0, 200), st.characters())
def test_a_changed_link_is_none(place: int, other: str) -> None:
    whole = token()
    place %= len(whole)
    changed = whole[:place] + other + whole[place + 1 :]
    found = OURS.read(changed)
    assert found is None or found == OURS.read(whole), "base64 spells some bits in several ways"


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert OURS.read(text) is None


def test_it_expires() -> None:
    assert timedelta(days=30) <= VALID_FOR <= timedelta(days=90)
