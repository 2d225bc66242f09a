"""The files a page refers to, read once, under addresses that change with their content."""

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT: Final = re.compile(rb'^import [^;]*?"\./([\w-]+\.js)";', re.MULTILINE)
_ANYWHERE: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Modules are fetched with CORS even by a script tag, and the bar may stand in other pages:
https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-single-module-script"""
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    etag: str


@functools.cache
def assets() -> dict[str, Asset]:
    """name → file, of everything in `static/`."""
    found: dict[str, Asset] = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:12]}"')
    return found


@functools.cache
def version() -> str:
    """One for all files, so that a module finds those it imports beside itself."""
    return hashlib.sha256("".join(name + asset.etag for name, asset in assets().items()).encode()).hexdigest()[:12]


def asset_url(name: str) -> str:
    """The address of a file; a `KeyError` for one that is not there."""
    assets()[name]
    return f"/static/{version()}/{name}"


@functools.cache
def imported(name: str) -> tuple[str, ...]:
    """The modules that a module imports, and those that these import: what a browser may fetch at once."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        new = [one.decode() for one in _IMPORT.findall(assets()[waiting.pop(0)].body) if one.decode() not in (name, *found)]
        found += new
        waiting += new
    return tuple(dict.fromkeys(found))


async def serve(request: web.Request) -> web.Response:
    """A file of the page; cached for ever where the address names the version, asked for anew where it names another or none."""
    asset = assets().get(request.match_info["name"])
    if asset is None:
        return web.Response(status=404, text="There is no such file.")
    caching = {"Cache-Control": _FOR_EVER if request.match_info.get("version") == version() else "no-cache", "ETag": asset.etag}
    if request.headers.get("If-None-Match") == asset.etag:
        return web.Response(status=304, headers=caching | _ANYWHERE)
    charset = None if asset.content_type == "image/svg+xml" else "utf-8"
    return web.Response(body=asset.body, content_type=asset.content_type, charset=charset, headers=caching | _ANYWHERE)
