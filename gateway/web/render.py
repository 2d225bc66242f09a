"""Templates into answers, with the headers every page carries."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.web import words
from gateway.web.assets import asset_url, imported
from gateway.web.said import phrases
from mappers.contract import duration

if TYPE_CHECKING:
    from jinja2 import Environment

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def secured(response: web.Response) -> web.Response:
    """The answer with every header it does not set itself."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template as text. What a template names and nobody gave is an error, not a gap."""
    return _environment().get_template(template).render(values)


def page(template: str, values: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A template as an HTML answer."""
    return web.Response(text=render(template, values), status=status, content_type="text/html", headers=headers)


def web_links(links: Mapping[str, str]) -> list[tuple[str, str]]:
    """(label, URL) of what may become a link: http and https with a host, nothing else."""
    return [(label or _host(url), url) for label, url in links.items() if url.startswith(("https://", "http://")) and _host(url)]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # slow to import, and the door must open fast

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(asset_url=asset_url, imported=imported, phrases=phrases, words=words)
    environment.filters.update(web_links=web_links, first_line=first_line, duration=duration)
    return environment
