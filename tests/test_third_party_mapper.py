"""The example package is installed as anybody would, and works everywhere a kind of our own does; unless it is allowed, nowhere."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import conftest
from tests.acceptance.conftest import CONFIGURATION, TOKENS, Tocsin, call, eventually, free_port

pytestmark = pytest.mark.acceptance
DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "third_party_mapper"
SOURCE = """
[[source]]
team = "acme"
slug = "backup"
kind = "backup"
auth = { bearer = ["env:HOOK"] }
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed: by pip, without a network."""
    copy, target = tmp_path_factory.mktemp("example") / "package", tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, copy)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(copy)],
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return target


@pytest.fixture
def tocsin(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tocsin]:
    monkeypatch.setattr(conftest, "ROOT", f"{installed}{os.pathsep}{conftest.ROOT}")  # what its processes find to import
    (tmp_path / "tocsin.toml").write_text('mappers = ["backup"]\n' + CONFIGURATION + SOURCE, encoding="utf-8")
    running = Tocsin(tmp_path, free_port())
    yield running
    if running.process and running.process.poll() is None:
        running.stop()


@pytest.mark.req("R24")
def test_map_connect_and_apply_know_it(tocsin: Tocsin) -> None:
    printed = tocsin.run("map", "backup", str(EXAMPLE / "requests" / "failed.json"), "--source", "acme/backup", "--json")
    assert printed.returncode == 0, printed.stderr
    (draft,) = json.loads(printed.stdout)["drafts"]
    assert (draft["title"], draft["message"]) == ("Backup nightly failed", "rsync: No space left on device (28)")
    assert f"{tocsin.url}/webhooks/acme/backup" in tocsin.run("connect", "backup").stdout
    applied = tocsin.run("apply")
    assert applied.returncode == 0, applied.stderr
    assert "1 sources, 0 monitors are in force" in applied.stdout


@pytest.mark.req("R24")
def test_a_real_door_takes_it_and_the_recovery_resolves_what_it_opened(tocsin: Tocsin) -> None:
    tocsin.start()
    headers = {"Authorization": f"Bearer {TOKENS['HOOK']}", "Content-Type": "application/json"}
    states = []
    for request in ("failed", "finished"):
        body = (EXAMPLE / "requests" / f"{request}.json").read_bytes()
        assert call(f"{tocsin.url}/webhooks/acme/backup", method="POST", body=body, headers=headers).status == 202
        eventually(tocsin.settled)
        (entry,) = tocsin.inbox()
        states.append((entry["title"], entry["category"], entry["status"]))
    assert states == [("Backup nightly failed", "job_failure", "open"), ("Backup nightly failed", "job_failure", "resolved")]


@pytest.mark.req("R24")
def test_what_is_installed_and_not_allowed_is_not_loaded(tocsin: Tocsin) -> None:
    configuration = tocsin.directory / "tocsin.toml"
    configuration.write_text(CONFIGURATION + SOURCE, encoding="utf-8")
    for arguments in (("apply",), ("map", "backup", str(EXAMPLE / "requests" / "failed.json"))):
        refused = tocsin.run(*arguments)
        assert refused.returncode == 1
        assert re.search(r"there is no (kind )?'backup'; there are ", refused.stderr)


def test_the_page_shows_the_module_and_the_entry_point_as_they_are() -> None:
    page = (DOCS / "write-a-mapper.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown
    assert (EXAMPLE / "tocsin_backup.py").read_text(encoding="utf-8").endswith(shown[1])
    entry = re.search(r"```toml\n(\[project.entry-points.*?)```", page, re.DOTALL)
    assert entry
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))
    assert tomllib.loads(entry[1])["project"]["entry-points"] == project["project"]["entry-points"]
