"""The files a page refers to, read once, under addresses that change with their content."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    version: str


@functools.cache
def assets() -> dict[str, Asset]:
    """name → file, of everything in `static/`."""
    found: dict[str, Asset] = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:12])
    return found


def asset_url(name: str) -> str:
    """The address of a file; a `KeyError` for one that is not there."""
    return f"/static/{name}?v={assets()[name].version}"


async def serve(request: web.Request) -> web.Response:
    """A file of the page; cached for ever where the address names its content."""
    asset = assets().get(request.match_info["name"])
    if asset is None:
        return web.Response(status=404, text="There is no such file.")
    etag = f'"{asset.version}"'
    caching = {"Cache-Control": _FOR_EVER if request.query.get("v") == asset.version else "no-cache", "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=caching)
    charset = None if asset.content_type == "image/svg+xml" else "utf-8"
    return web.Response(body=asset.body, content_type=asset.content_type, charset=charset, headers=caching)
