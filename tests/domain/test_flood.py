"""When mail is too much, and what becomes of it then."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.flood import ALLOWANCE, GATHER_URGENT, WINDOW, Due, Fate, Lately, fates, gathers_for

KINDS = st.sampled_from(["failing", "reminder", "resolved", "digest"])
DUE = st.builds(Due, st.integers(1, 10**6), st.integers(1, 3), KINDS, st.booleans(), st.booleans())
SENT = st.dictionaries(st.integers(1, 3), st.builds(Lately, st.integers(0, 30), st.integers(0, 30)))


def due(number: int, **values: object) -> list[Due]:
    return [Due(**{"id": one, "user_id": 1, "kind": "failing", "urgent": False, "is_frozen": False, **values}) for one in range(number)]  # type: ignore[arg-type]


def test_the_first_few_leave() -> None:
    decided = fates(due(ALLOWANCE + 3), {})
    assert [one for one, fate in decided.items() if fate is Fate.FOLDED] == [10, 11, 12]


def test_what_was_sent_lately_counts() -> None:
    assert set(fates(due(3), {1: Lately(other=ALLOWANCE)}).values()) == {Fate.FOLDED}
    assert set(fates(due(3, urgent=True), {1: Lately(other=ALLOWANCE)}).values()) == {Fate.LEAVES}
    assert set(fates(due(3, user_id=2), {1: Lately(other=ALLOWANCE)}).values()) == {Fate.LEAVES}


def test_how_long_the_one_mail_collects() -> None:
    assert (gathers_for(urgent=True), gathers_for(urgent=False)) == (GATHER_URGENT, WINDOW)


@given(st.lists(DUE, max_size=80, unique_by=lambda one: one.id), SENT)
def test_nobody_gets_more_than_the_allowance_and_nothing_that_may_have_left_is_folded(waiting: list[Due], sent: dict[int, Lately]) -> None:
    decided = fates(waiting, sent)
    assert decided.keys() == {one.id for one in waiting}
    assert all(decided[one.id] is Fate.LEAVES for one in waiting if one.is_frozen or one.kind == "digest")
    for user_id in (1, 2, 3):
        for urgent in (True, False):
            single = [
                one for one in waiting if (one.user_id, one.urgent) == (user_id, urgent) and not one.is_frozen and one.kind != "digest"
            ]
            tried = sum((one.user_id, one.urgent) == (user_id, urgent) and one.is_frozen and one.kind != "digest" for one in waiting)
            before = sent.get(user_id, Lately())
            room = max(ALLOWANCE - tried - (before.urgent if urgent else before.other), 0)
            assert [decided[one.id] for one in single] == [Fate.LEAVES] * min(room, len(single)) + [Fate.FOLDED] * max(
                len(single) - room, 0
            )
