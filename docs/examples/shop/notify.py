"""One client for each process; it may be shared by threads."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from gateway.client import Tocsin, TocsinError

log = logging.getLogger(__name__)
_aside = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tocsin")


@cache
def tocsin() -> Tocsin:
    return Tocsin()  # TOCSIN_URL, TOCSIN_TOKEN, TOCSIN_TEAM


def aside(tell: Callable[[], object]) -> None:
    """Tells without letting anybody wait, and without letting anything fail because of it."""

    def run() -> None:
        try:
            tell()
        except TocsinError:
            log.exception("Tocsin was not told")

    _aside.submit(run)
