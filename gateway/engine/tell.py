"""Who is told of what a batch was judged to mean: small teams at once, large ones in ranges of their people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.domain.judge import Alert
from gateway.engine.ledger import Ledger
from gateway.storage import audience, changes, fan_outs, recipients, teams, threads
from gateway.storage.audience import Moment, News
from gateway.storage.database import Transaction
from gateway.storage.hearing import EVERYONE
from gateway.storage.teams import Team

RANGE: Final = 2_000
"""People who are told in one transaction."""


def tell(transaction: Transaction, ledgers: Sequence[Ledger], now: datetime) -> int:
    """Tells of these threads, as noted in their ledgers; gives how many people heard already.

    Of a large team nobody has yet; it counts as one person who will.
    """
    ledgers = [ledger for ledger in ledgers if ledger.alert is not Alert.NOBODY]
    if not ledgers:
        return 0
    large = {team_id for team_id in {ledger.team_id for ledger in ledgers} if teams.is_large(transaction, team_id)}
    under_way = fan_outs.under_way(transaction, [ledger.id for ledger in ledgers])
    later = [ledger for ledger in ledgers if ledger.id in under_way or (ledger.team_id in large and not ledger.row["addressed"])]
    fan_outs.put(transaction, [_fan_out(ledger) for ledger in later], now)
    at_once = [(ledger, _people(transaction, ledger, large)) for ledger in ledgers if ledger not in later]
    return len(later) + _tell_at_once(transaction, at_once, now)


def _people(transaction: Transaction, ledger: Ledger, large: Collection[int]) -> tuple[int, int]:
    """The range of people to look through: of a large team no more than those named."""
    return recipients.span(transaction, ledger.id) if ledger.row["addressed"] and ledger.team_id in large else (0, EVERYONE)


def _tell_at_once(transaction: Transaction, ledgers: Sequence[tuple[Ledger, tuple[int, int]]], now: datetime) -> int:
    calendar = audience.calendar(transaction, now) if ledgers else None
    digests = _digests(transaction, {ledger.team_id: ledger.team for ledger, _ in ledgers}, now) if calendar is not None else {}
    groups: dict[tuple[Alert, bool, tuple[int, int]], list[News]] = {}
    for ledger, people in ledgers:
        news = News(ledger.id, ledger.row["episode"], ledger.reason.value, ledger.news, digests.get(ledger.team_id))
        groups.setdefault((ledger.alert, ledger.stale, people), []).append(news)
    return sum(
        audience.tell(transaction, alert, news, Moment(now, by_mail=not stale, calendar=calendar, after=after, upto=upto))
        for (alert, stale, (after, upto)), news in groups.items()
    )


def fan_out(transaction: Transaction, now: datetime) -> bool:
    """Tells the next range of a large team's people; False where nobody is left to be told."""
    together = fan_outs.take(transaction)
    if not together:
        return False
    first = together[0]
    upto = fan_outs.end_of_range(transaction, first.team_id, after=first.after, size=RANGE)
    calendar = audience.calendar(transaction, now)
    digests = _digests(transaction, teams.rules(transaction, [first.team_id]), now) if calendar is not None else {}
    for by_mail in (True, False):
        ones = [one for one in together if one.is_mailed is by_mail]
        news = [News(one.notification_id, one.episode, one.reason, one.news, digests.get(one.team_id)) for one in ones]
        moment = Moment(now, by_mail, calendar, after=first.after, upto=EVERYONE if upto is None else upto)
        audience.tell(transaction, first.alert, news, moment)
    fan_outs.advance(transaction, [one.id for one in together], upto)
    changes.note_threads(transaction, {one.notification_id for one in together})
    return True


def _digests(transaction: Transaction, of: Mapping[int, Team], now: datetime) -> Mapping[int, int]:
    return threads.digest_conversations(transaction, {team_id: f"[{team.slug}] digest" for team_id, team in of.items()}, now)


def _fan_out(ledger: Ledger) -> dict[str, object]:
    return {
        "team_id": ledger.team_id,
        "notification_id": ledger.id,
        "episode": ledger.row["episode"],
        "alert": ledger.alert.value,
        "reason": ledger.reason.value,
        "news": ledger.news,
        "by_mail": not ledger.stale,
    }
