"""The secrets of a source: told apart, replaced, ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.rotation import rotated, secrets_of, tidied, without

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = NOW + timedelta(days=7)


def kept(*secrets: tuple[str, datetime | None], scheme: str = "bearer") -> dict[str, Any]:
    return {"scheme": scheme, "secrets": [{"digest": name, "expires_at": at and at.isoformat()} for name, at in secrets]}


def test_the_others_of_its_scheme_end_and_those_of_another_do_not() -> None:
    auth = [kept(("old", None), ("ending", NOW + timedelta(hours=1))), kept(("token", None), scheme="token")]
    now = rotated(auth, "bearer", {"digest": "new", "expires_at": None}, until=WEEK, now=NOW)
    told = [(one.scheme, one.expires_at, one.added_at) for one in secrets_of(now)]
    assert told == [
        ("bearer", WEEK, None),
        ("bearer", NOW + timedelta(hours=1), None),
        ("bearer", None, NOW),
        ("token", None, None),
    ]


def test_a_secret_keeps_its_number_and_is_told_from_every_other() -> None:
    auth = [kept(("old", None), ("older", None)), {"scheme": "dbt", "secrets": [{"sealed": "old", "expires_at": None}]}]
    ids = [one.id for one in secrets_of(auth)]
    later = rotated(auth, "bearer", {"digest": "new"}, until=WEEK, now=NOW)
    assert [one.id for one in secrets_of(later)][:2] == ids[:2]
    assert len({one.id for one in secrets_of(later)} - set(ids)) == 1
    assert all(0 < one < 2**53 for one in ids)
    assert next(one.id for one in secrets_of(without(later, ids[0]))) == ids[1]


def test_what_has_expired_is_tidied_away_and_its_scheme_stays() -> None:
    auth = [kept(("gone", NOW))]
    assert not secrets_of(auth)[0].is_valid(NOW)
    assert tidied(auth, NOW) == [{"scheme": "bearer", "secrets": []}]
