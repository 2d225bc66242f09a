"""Notices that a certificate or a domain name is about to expire: text alone, never taken back.

https://github.com/louislam/uptime-kuma/blob/master/server/model/monitor.js (`sendCertNotificationByTargetDays`)
"""

from datetime import datetime
from typing import Final

from mappers.contract import Category, Draft, Level
from mappers.contract.text import one_line

_EXPIRES: Final = " will expire in "


def expiry(msg: str, received_at: datetime) -> Draft | None:
    """`[name][url] server certificate CN will expire in 14 days`, or `Domain name D will expire in 14 days`; else None."""
    what, found, rest = msg.rpartition(_EXPIRES)
    days = rest.removesuffix("s").removesuffix(" day")
    if not found or len(days) > 6 or not days.removeprefix("-").isdecimal():
        return None
    head, of_certificate, common_name = what.rpartition(" certificate ")
    if of_certificate:
        monitor, _, target = head.removeprefix("[").partition("][")
        url, _, certificate = target.rpartition("] ")
        identity = {"monitor": monitor, "certificate": common_name, "type": certificate}
        return _draft("certificate", identity, monitor, f"{monitor}: certificate {common_name} expires", url, msg, days, received_at)
    if what.startswith("Domain name "):
        domain = what.removeprefix("Domain name ")
        return _draft("domain", {"domain": domain}, domain, f"Domain {domain} expires", "", msg, days, received_at)
    return None


def _draft(
    feature: str, identity: dict[str, str], pipeline: str, title: str, url: str, msg: str, days: str, received_at: datetime
) -> Draft:
    return Draft(
        slug=f"uptime-kuma-{feature}",
        event_data={key: one_line(value, 200) for key, value in identity.items()},
        category=Category.INCIDENT,
        level=Level.WARNING,
        title=title,
        pipeline=pipeline,
        # Sent once for each of 21, 14 and 7 days (by default), without a time of its own.
        occurrence=f"{received_at.date()} {days} days",
        message=msg,
        links={"Open target": url},
        facts={"Days left": days},
        closes_itself=True,
    )
