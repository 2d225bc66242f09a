"""Docs, registry and fixtures say the same of every sender; what they say is run."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.engine.mapping import kinds
from mappers.contract import SourceKind, SourceSettings
from tests.acceptance.conftest import TOKENS, Tocsin, eventually, free_port

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FIXTURES = ROOT / "tests" / "fixtures"
KINDS = {name: kind for name, kind in kinds(()).items() if not kind.is_own}
PAGES = sorted(DOCS.glob("connect-*.md"))
PEOPLE = """
[[team]]
slug = "acme"

[[user]]
email = "ana@acme.test"
token = "env:ANA_TOKEN"
teams = { acme = { role = "admin" } }

"""


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def source_block(page: Path) -> str:
    """The first source a page shows, as it is written: the one the page is about."""
    shown = next((block for block in blocks(page, "toml") if "[[source]]" in block), "")
    return next((table for table in re.split(r"^(?=\[\[)", shown, flags=re.MULTILINE) if table.startswith("[[source]]")), "")


def source_of(page: Path) -> dict[str, Any]:
    """The same, as a table."""
    return dict(tomllib.loads(source_block(page)).get("source", [{}])[0])


ABOUT = {page: str(source_of(page).get("kind", "")) for page in PAGES}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def page_of(kind: SourceKind) -> Path:
    (page,) = (page for page, about in ABOUT.items() if about == kind.kind)
    return page


def text_of(kind: SourceKind) -> str:
    return page_of(kind).read_text(encoding="utf-8")


def test_each_kind_has_one_page_and_each_page_a_kind() -> None:
    assert sorted(ABOUT.values()) == sorted(KINDS)


@each_kind
def test_readers_find_the_page(kind: SourceKind) -> None:
    assert f"({page_of(kind).name})" in (DOCS / "configure.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_sender() -> None:
    linked = set(re.findall(r"\(docs/(connect-[a-z0-9-]+\.md)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert linked == {page.name for page in PAGES}


@each_kind
def test_the_page_has_the_headings_of_all_others(kind: SourceKind) -> None:
    headings = re.findall(r"^## (.*)$", text_of(kind), re.MULTILINE)
    assert [one for one in headings if one.startswith("What arrives as what")]
    assert [one for one in headings if re.match(r"Identity,.* owner, link", one)]
    assert [one for one in headings if re.match(r"\d\. .*source", one, re.IGNORECASE)]
    assert headings[-1] == "Ring it"


@each_kind
def test_the_page_names_every_event_type(kind: SourceKind) -> None:
    assert kind.event_types, "which event types does it understand?"
    page = text_of(kind)
    missing = [one for one in kind.event_types if not re.search(rf"(?<![\w]){re.escape(one)}(?![\w])", page, re.IGNORECASE)]
    assert not missing


@each_kind
def test_the_page_names_every_setting_of_its_own(kind: SourceKind) -> None:
    own = kind.settings.model_fields.keys() - SourceSettings.model_fields.keys()
    shown = r"`[^`\n]*\b{0}\b[^`\n]*`|^[^#\n]*\b{0} = "
    assert not [name for name in own if not re.search(shown.format(name), text_of(kind), re.MULTILINE)]


@each_kind
def test_the_page_names_every_way_to_prove_oneself(kind: SourceKind) -> None:
    page = text_of(kind)
    shown = r"(?:`[^`\n]*\b{0}\b[^`\n]*`|^auth = .*\b{0} = |^\[source\.auth\.{0}\])"
    assert not [scheme.value for scheme in kind.auth if not re.search(shown.format(scheme.value), page, re.MULTILINE)]


@each_kind
def test_the_steps_say_where_to_put_the_address(kind: SourceKind) -> None:
    assert kind.steps, "tocsin connect has nothing to say"
    assert len(kind.steps) <= 8
    assert any("{url}" in step for step in kind.steps)
    assert all(step.strip() == step and step for step in kind.steps)


def test_each_folder_of_fixtures_belongs_to_a_kind_and_each_kind_has_one() -> None:
    assert {folder.name for folder in FIXTURES.iterdir() if folder.is_dir() and any(folder.glob("*.request.json"))} == set(kinds(()))


def ring_it(kind: SourceKind) -> str:
    """The page's own command that makes it ring: the first below that heading which talks to us."""
    below = text_of(kind).partition("\n## Ring it\n")[2]
    commands = re.findall(r"^```sh\n(.*?)^```", below, re.MULTILINE | re.DOTALL)
    return next((one for one in commands if "HOST:8080" in one), "")


def variables(kind: SourceKind) -> dict[str, str]:
    """A value for every variable the page's source names."""
    values = {"basic": "tocsin:ring-it-0123456789", "standard_webhooks": "whsec_cmluZy1pdC0wMTIzNDU2Nzg5"}
    scheme = next(iter(source_of(page_of(kind)).get("auth", {})), "")
    return dict.fromkeys(re.findall(r"env:(\w+)", source_block(page_of(kind))), values.get(scheme, "ring-it-0123456789"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tocsin]:
    """One gateway with the source of every page, as the page shows it."""
    directory = tmp_path_factory.mktemp("senders")
    shown = [kind for kind in KINDS.values() if list(ABOUT.values()).count(kind.kind) == 1]  # the others fail by themselves
    sources = [source_block(page_of(kind)) for kind in shown]
    (directory / "tocsin.toml").write_text(PEOPLE + "\n".join(sources), encoding="utf-8")
    environment = {name: value for kind in shown for name, value in variables(kind).items()}
    tocsin = Tocsin(directory, free_port(), environment=environment)
    tocsin.start()
    yield tocsin
    tocsin.stop()


@pytest.mark.acceptance
@each_kind
def test_ring_it_rings_the_bell(kind: SourceKind, gateway: Tocsin) -> None:
    """The command of the page, as a reader would paste it, against a real door."""
    source = source_of(page_of(kind))
    command = ring_it(kind).replace("HOST:8080", f"127.0.0.1:{gateway.port}")
    assert command, "the page has no command below Ring it"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", command], cwd=gateway.directory, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **TOKENS, **gateway.environment, "PATH": path, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr + ran.stdout
    told = f"/api/notifications/filtered?source={source['slug']}&team=acme"
    assert eventually(lambda: gateway.api(told).body["items"])
