"""Links as a reader can follow them."""

from collections.abc import Mapping
from urllib.parse import urljoin


def absolute(links: Mapping[str, str], base: str) -> dict[str, str]:
    """These links, label → target, with paths resolved against the team's base URL."""
    return {label: urljoin(f"{base}/", target) if target.startswith("/") else target for label, target in links.items()}
