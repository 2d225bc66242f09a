"""The schema's history. A test holds `HEAD` to the versions beside it."""

from typing import Final

HEAD: Final = "0018"
"""The newest revision. Revisions count up: a greater one is newer."""
