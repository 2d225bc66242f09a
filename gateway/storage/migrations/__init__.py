"""The schema's history. `HEAD` is the newest revision; a test holds it to the versions beside it."""

from typing import Final

HEAD: Final = "0001"
