"""The audit says what is wrong, and never calls unasked advisories none."""

import json
import subprocess
from email.message import Message
from pathlib import Path

import pytest

from tests import audit

LOCK = "good==1.0 \\\n    --hash=sha256:aa\nbare==2.0 ; sys_platform == 'win32'\n"


def test_what_has_no_hash_and_what_is_not_pinned_is_seen(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(LOCK)
    assert [(one.name, one.version, one.is_hashed) for one in audit.entries(lock)] == [("good", "1.0", True), ("bare", "2.0", False)]
    lock.write_text("loose>=1\n")
    with pytest.raises(SystemExit, match="not pinned"):
        audit.entries(lock)


def test_every_licence_of_an_installation_is_known_and_can_be_lived_with() -> None:
    found = list(audit.licences())
    assert len(found) > 40
    assert [one for one in found if one[3]] == []


@pytest.mark.parametrize(
    ("text", "fine"),
    [("MIT", True), ("Apache-2.0 OR BSD-3-Clause", True), ("AGPL-3.0-only", False), ("", False), ("Some Own Terms", False)],
)
def test_a_licence_that_nobody_looked_at_is_a_fault(text: str, fine: bool) -> None:
    said = Message()
    said["License-Expression"] = text
    assert (audit._trouble("x", audit.licence(said)) is None) is fine  # type: ignore[arg-type]


HOLE = {
    "dependencies": [
        {"name": "x", "version": "1", "vulns": [{"id": "GHSA-1", "fix_versions": ["1.1"]}]},
        {"name": "y", "version": "2", "vulns": []},
    ]
}


@pytest.mark.parametrize(
    ("printed", "found"),
    [(json.dumps(HOLE), ["x 1: GHSA-1, mended in 1.1"]), ("", None), ("Traceback …", None), ('{"dependencies": []}', [])],
)
def test_advisories(monkeypatch: pytest.MonkeyPatch, printed: str, found: list[str] | None) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), 1, printed, ""))
    assert audit.advisories(Path("a.lock")) == found


def test_unreachable_it_is_loud_and_no_failure_and_a_hole_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "advisories", lambda _: None)
    assert audit.main() == 0
    assert "ADVISORIES WERE NOT ASKED" in capsys.readouterr().err
    monkeypatch.setattr(audit, "advisories", lambda _: ["x 1: GHSA-1"])
    assert audit.main() == 1
    assert "GHSA-1" in capsys.readouterr().out
