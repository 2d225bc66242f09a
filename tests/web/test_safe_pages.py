"""Every payload is hostile, every header is there, every colour is legible."""

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

import gateway.web
from gateway.storage.database import StorageUnavailable
from gateway.web.assets import version
from gateway.web.clock import Clock, duration
from gateway.web.render import web_links
from gateway.web.visit import local
from tests.conftest import NOW
from tests.web.house import House, draft, text

Client = TestClient[Any, Any]
HERE = Path(gateway.web.__file__).parent
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}{% raw %}javascript:alert(3)"
PAGES = ("/", "/notifications/1", "/urgent-bar", "/mail", "/mail/1", "/preferences", "/sources", "/events", "/watched")


def hostile_draft() -> Any:
    return draft(
        "evil",
        title=HOSTILE,
        pipeline=HOSTILE,
        message=HOSTILE + "\n" + HOSTILE,
        facts={HOSTILE: HOSTILE},
        impact=[HOSTILE],
        excerpt=HOSTILE + "x",
        tags=[HOSTILE],
        owners=[HOSTILE],
        run=HOSTILE,
        links={HOSTILE: "https://runs.acme.test/?a='\u0022".replace("\u0022", "%22"), "Bad": "javascript:alert(1)"},
        environment=HOSTILE,
        member={"key": HOSTILE, "label": HOSTILE},
    )


async def test_what_a_payload_says_is_only_ever_text(house: House, ana: Client) -> None:
    await house.happens(hostile_draft())
    await house.sends()
    for path in PAGES:
        page = await text(await ana.get(path))
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', page)), path
        assert not re.search(r"\son\w+=(?![^<>]*&)", re.sub(r">[^<]*<", "><", page)), path
        assert ">49" not in page, path
    page = await text(await ana.get("/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&source=%22%27%3E&pipeline=%3Cb%3E"))
    assert "<script>alert" not in page
    assert "<b>" not in re.sub(r"<b>(All clear|\d+ urgent)", "", page)


async def test_every_answer_carries_its_headers(house: House, ana: Client) -> None:
    await house.happens(draft())
    for path in (*PAGES[:3], "/nowhere", "/sign-in/x"):
        headers = (await ana.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert policy == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
            "frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", sorted(HERE.glob("templates/*.html")), ids=lambda path: path.name)
def test_no_template_holds_a_style_or_a_script(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe\b|https?://", source)
    assert all('src="{{ asset_url(' in tag for tag in re.findall(r"<script[^>]*>", source))


async def test_files_are_cached_by_their_content(house: House, ana: Client) -> None:
    client = house.visitor()
    page = await text(await client.get("/"), 401) + await text(await ana.get("/"))
    for address in set(re.findall(r'(?:href|src)="(/static/[^"]*)"', page)):
        answer = await client.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for other in (address.replace(version(), "0123456789ab"), address.replace(f"/{version()}", "")):
            known = await client.get(other, headers={"If-None-Match": answer.headers["ETag"]})
            assert (known.status, known.headers["Cache-Control"]) == (304, "no-cache"), "a page of yesterday's version gets today's file"
    for path in ("/static/none.css", "/static/..%2Fpages.py", "/static/", f"/static/{version()}/none.css", f"/static/{version()}/"):
        assert (await client.get(path)).status in (401, 404)
    await client.session.close()


async def test_a_page_names_every_module_it_will_need(ana: Client) -> None:
    """So that a browser fetches them at once, and not one after the other as it reads who imports whom."""
    page = await text(await ana.get("/"))
    named = [address.rpartition("/")[2] for address in re.findall(r'<link rel="modulepreload" href="([^"]*)">', page)]
    waiting, needed = ["page.js"], set[str]()
    while waiting:
        source = (HERE / "static" / waiting.pop()).read_text(encoding="utf-8")
        new = set(re.findall(r'(?:from|import) "\./([^"]+)"', source)) - needed
        needed |= new
        waiting += new
    assert sorted(named) == sorted(needed)
    assert needed


async def test_trouble_with_the_database_is_a_page_that_says_so(house: House, ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise StorageUnavailable("disk full")

    monkeypatch.setattr(house.database, "read", broken)
    answer = await ana.get("/")
    assert "The database cannot be reached" in await text(answer, 503)
    assert answer.headers["Retry-After"]


async def test_a_fault_of_ours_is_a_page_too(house: House, ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr(house.database, "read", broken)
    page = await text(await ana.get("/"), 500)
    assert "written to its log" in page
    assert "secret detail" not in page


async def test_the_api_keeps_its_own_answers(house: House, ana: Client) -> None:
    assert (await ana.get("/api/nothing")).status == 404
    assert (await ana.get("/webhooks/acme/nothing")).content_type == "application/problem+json"
    assert (await ana.get("/healthz")).status == 200
    assert (await ana.get("/api/openapi.json")).status == 200


def test_nobody_is_led_elsewhere() -> None:
    assert local("/mail?of=me") == "/mail?of=me"
    for target in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/ä",
        "/<",
        "/" + "a" * 3000,
    ):
        assert local(target) == "/"


def test_only_web_links_become_links() -> None:
    found = web_links(
        {
            "a": "https://x.test/",
            "": "http://y.test:8/p",
            "c": "javascript:alert(1)",
            "d": "//z.test",
            "e": "http://",
            "f": "https://[bad",
            "g": "data:x",
        }
    )
    assert found == [("a", "https://x.test/"), ("y.test", "http://y.test:8/p")]


def test_times_in_words() -> None:
    clock = Clock.of("Europe/Berlin", NOW)
    assert clock.short(NOW) == "10:00"
    assert clock.short(NOW.replace(month=1)) == "2 Jan, 10:00"
    assert clock.short(NOW.replace(year=2025)) == "2 Mar 2025, 10:00"
    assert [clock.day(NOW.replace(day=day)) for day in (2, 1)] == ["Today", "Yesterday"]
    assert clock.day(NOW.replace(month=2, day=20)) == "Friday 20 February"
    assert clock.full(NOW) == "Monday 2 March 2026, 10:00:00 CET"
    assert Clock.of("Mars/Base", NOW).name == "UTC"
    assert [
        duration(NOW - NOW.replace(**ago)) for ago in ({"minute": 0}, {"hour": 8}, {"hour": 7, "minute": 55}, {"day": 1, "hour": 4})
    ] == [
        "0 s",
        "1 h",
        "1 h 5 min",
        "1 d 5 h",
    ]


def tokens(dark: bool) -> dict[str, str]:
    css = (HERE / "static" / "base.css").read_text(encoding="utf-8")
    light, night = css.split("@media (prefers-color-scheme: dark)")[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", night.split("*, ::before")[0])) if dark else found


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_is_legible(dark: bool) -> None:
    """https://www.w3.org/TR/WCAG22/#contrast-minimum and, for the edges of controls, #non-text-contrast."""
    colour = tokens(dark)
    grounds = ["ground", "surface", "sunk"]
    levels = ["error", "warning", "success", "info"]
    pairs = [(name, ground) for name in ("text", "quiet", "accent", *levels) for ground in grounds]
    pairs += [(name, f"{level}-ground") for level in levels for name in (level, "text", "quiet")]
    pairs += [("on-accent", "accent"), ("surface", "error"), ("text", "accent-ground"), ("accent", "accent-ground")]
    poor = {
        pair: round(contrast(colour[pair[0]], colour[pair[1]]), 2) for pair in pairs if contrast(colour[pair[0]], colour[pair[1]]) < 4.5
    }
    assert not poor
    assert all(contrast(colour["control"], colour[ground]) >= 3 for ground in grounds)
