"""Where Tocsin is and who is asking."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

DEFAULT_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One Tocsin and one token."""

    url: str
    token: str = field(repr=False)
    team: str | None
    timeout: float
    """Seconds for one call with all its repetitions."""


def read_settings(
    url: str | None = None,
    token: str | None = None,
    team: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """What is given, else TOCSIN_URL, TOCSIN_TOKEN and TOCSIN_TEAM. Raises `ValueError` naming what is missing or wrong."""
    if not timeout > 0:
        raise ValueError("timeout must be more than 0 seconds")
    return Settings(
        url=_address(url or environment.get("TOCSIN_URL", "")),
        token=_token(token or environment.get("TOCSIN_TOKEN", "")),
        team=team or environment.get("TOCSIN_TEAM") or None,
        timeout=timeout,
    )


def _address(url: str) -> str:
    if not url:
        raise ValueError("where is Tocsin? Set TOCSIN_URL, as in https://tocsin.acme.test, or give url")
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("TOCSIN_URL must be a web address without query, as in https://tocsin.acme.test")
    if parts.username is not None or parts.password is not None:
        raise ValueError("TOCSIN_URL must not hold a user or password; the token goes to TOCSIN_TOKEN")
    return url.strip().rstrip("/")


def _token(token: str) -> str:
    found = token.strip()
    if not found:
        raise ValueError("who is asking? Set TOCSIN_TOKEN to an API token, or give token")
    if not all("!" <= character <= "~" for character in found):
        raise ValueError("TOCSIN_TOKEN is no API token: it holds blanks or letters beyond ASCII")
    return found
