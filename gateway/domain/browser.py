"""What a browser is called in front of its user: its kind and what it runs on, no more."""

from typing import Final

_KINDS: Final = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox"),
                 ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
"""The first that is named: most claim to be some of those behind them too."""
_SYSTEMS: Final = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
                   ("Macintosh", "macOS"), ("Linux", "Linux"))  # fmt: skip


def browser_name(user_agent: str) -> str:
    """`Firefox on Linux`, as far as it is told; `A browser` where nothing is."""
    kind = next((name for mark, name in _KINDS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{kind or 'A browser'} on {system}" if system else kind or "A browser"
