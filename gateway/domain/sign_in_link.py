"""One-time links that are mailed: made from what was asked and a key of the installation, so that they are stored nowhere.

The mail can be written again after a crash, the same to the byte, and nobody who reads the database can follow its link.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

GOOD_FOR: Final = timedelta(minutes=15)
"""From when it was asked for."""
LAST_SENT: Final = timedelta(minutes=10)
"""From then on a mail would come too late to be of use."""
INVITED_FOR: Final = timedelta(days=1)
"""How long it is tried to tell somebody of a team that they are in; the mail holds no link that signs in."""
INBOX: Final = "/"


class SignInLinks:
    """Makes the links, with a key for this purpose alone."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, number: int, salt: str) -> str:
        """256 bits that nobody guesses: the same whenever they are asked for."""
        return urlsafe_b64encode(hmac.digest(self._key, f"{number}.{salt}".encode(), "sha256")).decode().rstrip("=")


def page_for(public_url: str, email: str) -> str:
    """The page where a link can be asked for, with the address filled in."""
    return f"{public_url}/sign-in?{urlencode({'email': email})}"


def address(public_url: str, token: str, target: str) -> str:
    """The link; it leads to a page with a button, and from there to `target`."""
    return f"{public_url}/sign-in/{token}" + ("" if target == INBOX else f"?{urlencode({'next': target})}")
