"""The audience that the database computes is the one that a plain reading of the rules gives."""

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from gateway.domain.judge import Alert
from gateway.domain.rhythm import Digest, Rhythm
from gateway.storage import audience
from gateway.storage.audience import Moment
from gateway.storage.database import Database
from gateway.storage.hearing import EVERYONE
from gateway.storage.people import ROLES
from tests.conftest import NOW
from tests.domain.test_rhythm import CLOCKS_ARE_SET
from tests.storage.oracle import EPISODE, Choice, Earlier, Entry, Happened, Membership, Outcome, Someone, hears, is_muted, leaves, outcome
from tests.storage.stage import Stage, unsent

CATEGORIES = ("job_failure", "late_run")
REASONS = {
    Alert.AUDIENCE: ("first", "reopened", "escalated", "grew", "flapping"),
    Alert.QUIETLY: ("passed",),
    Alert.READERS: ("repeat",),
    Alert.TOLD: ("resolved",),
    Alert.REMINDED: ("reminder",),
}
KINDS = {Alert.AUDIENCE: "failing", Alert.READERS: "failing", Alert.TOLD: "resolved", Alert.REMINDED: "reminder"}
MOST = 6
EXAMPLES = int(os.environ.get("TOCSIN_AUDIENCE_EXAMPLES", "25"))
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example costs a database transaction or ten; to shrink one takes longer than to read it."""

mostly = st.sampled_from([True, True, True, True, True, False])
seldom = mostly.map(lambda one: not one)
weights = st.sampled_from([1, 2, 3])
words = st.frozensets(st.sampled_from(["x", "y"]))
spans = st.sampled_from([timedelta(hours=-1), timedelta(0), timedelta(seconds=1), timedelta(minutes=50), timedelta(hours=9)])
seldom_spans = st.one_of(st.none(), st.none(), st.none(), spans)
episodes = st.sampled_from([None, None, None, EPISODE - 1, EPISODE])
minutes = st.integers(0, 24 * 4 - 1).map(lambda one: time(one // 4, one % 4 * 15))
digests = st.sampled_from([Digest.IMMEDIATE, Digest.IMMEDIATE, *Digest])
hours = st.one_of(st.none(), st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1])).map(lambda one: one or (None, None))
choices = st.builds(Choice, mostly, mostly, st.none() | weights, st.none() | weights, st.sampled_from(["all", "all", "owned"]))
membership = st.builds(Membership, st.sampled_from(ROLES), st.frozensets(st.sampled_from(["p", "q"])), seldom_spans)
entries = st.builds(Entry, mostly, st.booleans(), seldom, seldom, st.sampled_from([EPISODE - 1, EPISODE]), seldom_spans, episodes,
                    seldom_spans, episodes)  # fmt: skip
moments = st.tuples(
    st.sampled_from([(zone, text) for zone, texts in CLOCKS_ARE_SET.items() for text in texts]), st.integers(-30 * 3600, 8 * 3600)
).map(lambda one: (one[0][0], datetime.fromisoformat(one[0][1]).replace(tzinfo=UTC) + timedelta(seconds=one[1])))


@st.composite
def someone(draw: st.DrawFn, zone: str, threads: int) -> Someone:
    theirs = draw(st.sampled_from([("mine",), ("mine",), ("mine",), ("mine", "other"), ("other",), ()]))
    collecting, (quiet_from, quiet_until), digest = draw(seldom_spans), draw(hours), draw(digests)
    earlier = st.sampled_from([one for one in Earlier if one is not Earlier.OPEN_DIGEST or collecting is not None])
    return Someone(
        memberships={word: draw(membership) for word in theirs},
        owns=draw(words),
        enabled=draw(mostly),
        mailable=draw(mostly),
        in_app_enabled=draw(mostly),
        email_enabled=draw(mostly),
        in_app_weight=draw(weights),
        email_weight=draw(weights),
        choices=draw(st.dictionaries(st.tuples(st.sampled_from(["mine", "other"]), st.sampled_from(CATEGORIES)), choices)),
        rhythm=Rhythm(draw(st.sampled_from([zone, zone, "UTC"])), quiet_from, quiet_until, digest),
        breaks_through=draw(mostly),
        disturb=draw(seldom_spans),
        views=tuple((draw(st.none() | entries), draw(earlier)) for _ in range(threads)),
        collecting=collecting,
    )


happened = st.builds(
    Happened,
    category=st.sampled_from(CATEGORIES),
    weight=weights,
    urgent=st.booleans(),
    permissions=st.frozensets(st.sampled_from(["p", "q", "role:member", "role:admin"]), max_size=1),
    owners=st.frozensets(st.tuples(st.sampled_from(["x", "y"]), st.booleans())),
    addressed=st.one_of(st.none(), st.none(), st.frozensets(st.integers(0, MOST - 1))),
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[datetime, list[Someone], list[Happened]]:
    zone, now = draw(moments)
    threads = draw(st.lists(happened, min_size=1, max_size=2))
    return now, draw(st.lists(someone(zone, len(threads)), min_size=1, max_size=MOST)), threads


class Undone(Exception):
    """A worker that dies within its transaction."""


def tell(stage: Stage, alert: Alert, reason: str, by_mail: bool, after: int, upto: int, *, dies: bool = False) -> None:
    with stage.database.writing() as transaction:
        moment = Moment(stage.now, by_mail, audience.calendar(transaction, stage.now), after, upto)
        audience.tell(transaction, alert, stage.news(reason), moment)
        if dies:
            raise Undone


@pytest.mark.req("R37", "R38", "R46", "R50", "R52", "R53", "R54", "R55", "R56", "R57", "R58")
@pytest.mark.parametrize("alert", REASONS)
@settings(max_examples=EXAMPLES, deadline=None, phases=NO_SHRINKING, suppress_health_check=list(HealthCheck))
@given(scene=scenes(), choose=st.data())
def test_the_database_tells_exactly_those_whom_the_rules_name(
    database: Database, alert: Alert, scene: tuple[datetime, list[Someone], list[Happened]], choose: st.DataObject
) -> None:
    now, crowd, threads = scene
    reason, by_mail = choose.draw(st.sampled_from(REASONS[alert])), choose.draw(mostly)
    stage = Stage(database, now)
    stage.put(crowd, threads)
    cuts = sorted(choose.draw(st.sets(st.sampled_from(stage.user_ids))))
    for after, upto in zip([0, *cuts], [*cuts, EVERYONE], strict=True):
        if choose.draw(st.booleans()):
            with pytest.raises(Undone):
                tell(stage, alert, reason, by_mail, after, upto, dies=True)
        tell(stage, alert, reason, by_mail, after, upto)
    expected = {
        (place, number): outcome(place, one, number, what, alert, reason, now, by_mail=by_mail)
        for place, one in enumerate(crowd)
        for number, what in enumerate(threads)
    }
    check(stage, alert, crowd, expected)


def check(stage: Stage, alert: Alert, crowd: list[Someone], expected: dict[tuple[int, int], Outcome]) -> None:
    """What people have now is what they should have, and nobody has anything else."""
    assert stage.entries() == {place: one.entry for place, one in expected.items() if one.entry}
    mails = {place: one.mail for place, one in expected.items() if one.mail}
    digests = {place: stage.now + one.collecting for place, one in enumerate(crowd) if one.collecting is not None}
    for (place, _), leaves_at in mails.items():
        if leaves_at > stage.now:
            digests[place] = min(leaves_at, digests.get(place, leaves_at))
    assert stage.mails() == {
        (place, number, *(("digest", digests[place]) if leaves_at > stage.now else (KINDS[alert], stage.now)))
        for (place, number), leaves_at in mails.items()
    }
    assert stage.digests() == digests
    assert stage.cancelled() == (unsent(crowd) if alert is Alert.TOLD else set())
    assert stage.empty() == []
    event(f"{alert}: {'digest' if any(one > stage.now for one in mails.values()) else 'mail' if mails else 'nothing'}")


NOBODY_SPECIAL = Someone(
    memberships={"mine": Membership("member", frozenset(), None)}, owns=frozenset(), enabled=True, mailable=True, in_app_enabled=True,
    email_enabled=True, in_app_weight=1, email_weight=2, choices={}, rhythm=Rhythm(), breaks_through=True, disturb=None,
    views=((None, Earlier.NOTHING),), collecting=None,
)  # fmt: skip
THREAD = Happened("job_failure", 3, urgent=False, permissions=frozenset(), owners=frozenset(), addressed=None)
MUTED = Entry(True, False, False, False, EPISODE, timedelta(seconds=1), None, None, None)


def test_the_oracle_itself_knows_both_outcomes() -> None:
    one = NOBODY_SPECIAL
    assert hears(0, one, None, THREAD, "email")
    assert not hears(0, one, None, replace(THREAD, permissions=frozenset({"p"})), "email")
    assert not hears(0, one, None, replace(THREAD, addressed=frozenset({1})), "in_app")
    assert not hears(0, one, MUTED, THREAD, "in_app")
    assert is_muted(MUTED)
    asleep = replace(one, rhythm=Rhythm("UTC", time(22), time(10)))
    assert leaves(asleep, THREAD, NOW) == NOW.replace(hour=10)
    assert leaves(asleep, replace(THREAD, urgent=True), NOW) == NOW
    assert leaves(replace(asleep, breaks_through=False), replace(THREAD, urgent=True), NOW) == NOW.replace(hour=10)
    assert leaves(replace(asleep, disturb=timedelta(hours=14)), THREAD, NOW) == NOW.replace(hour=10) + timedelta(days=1)
