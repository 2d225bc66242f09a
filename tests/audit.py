"""`make audit`: every package pinned with its hash, under a licence we can live with, and without a known hole as far as that can be asked.

Advisories are asked of OSV. Where that cannot be reached this says so, loudly, and is no failure: what is here is checked all the same.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RUNTIME: Final = ("requirements.lock", "requirements-otel.lock")
LOCKS: Final = (*RUNTIME, "requirements-dev.lock", "requirements-llm.lock", "requirements-prefect.lock")
ASK_WITHIN: Final = 60
PERMISSIVE: Final = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|0BSD|Unlicense|CNRI|HPND|CC0)\b", re.IGNORECASE
)
RECIPROCAL: Final = re.compile(r"GPL|GNU|EUPL|SSPL|\bBUSL\b|Commons Clause", re.IGNORECASE)
ALLOWED: Final = {
    "psycopg": "LGPL: used as it is, and can be replaced by whoever runs it",
    "psycopg-binary": "LGPL: the same",
}
"""Reciprocal licences that were looked at, each with why it may be."""


@dataclass(frozen=True)
class Entry:
    """A line of a lock file."""

    name: str
    version: str
    is_hashed: bool
    marker: str


def entries(lock: Path) -> list[Entry]:
    """What a lock file pins."""
    text = re.sub(r"^#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found = []
    for line in filter(str.strip, text.splitlines()):
        matched = re.match(r"([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*(?:;([^-]*?))?(?=\s--|\s*$)", line)
        if matched is None:
            raise SystemExit(f"{lock.name}: not pinned: {line[:80]}")
        found.append(Entry(matched[1], matched[2], "--hash=sha256:" in line, (matched[3] or "").strip()))
    return found


def licence(said: PackageMetadata) -> str:
    """The licence of a package, in its own words, short."""
    classified = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or () if one.startswith("License ::")]
    written = (said.get("License") or "").strip()
    return said.get("License-Expression") or ", ".join(classified) or written.partition("\n")[0][:60]


def licences() -> Iterator[tuple[str, str, str, str | None]]:
    """(name, version, licence, what is wrong) of what an installation gets and what is installed here."""
    seen = {}
    for lock in RUNTIME:
        for one in entries(ROOT / lock):
            seen[one.name] = one
    for one in sorted(seen.values(), key=lambda entry: entry.name):
        try:
            said = metadata(one.name)
        except PackageNotFoundError:
            continue  # of another platform
        text = licence(said)
        yield one.name, one.version, text, _trouble(one.name, text)


def _trouble(name: str, text: str) -> str | None:
    if RECIPROCAL.search(text) and not PERMISSIVE.search(text):
        return None if name in ALLOWED else "a reciprocal licence nobody has looked at: see ALLOWED"
    return None if PERMISSIVE.search(text) else "says nothing of its licence, or one that is not known here"


def advisories(lock: Path) -> list[str] | None:
    """Known holes of what is pinned; None where nobody could be asked."""
    command = [
        sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--timeout", "5", "--require-hashes", "--disable-pip",
        "--progress-spinner", "off", "--format", "json", "--requirement", str(lock),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ASK_WITHIN)
        answered = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in answered["dependencies"]
        for hole in one.get("vulns", ())
    ]


def main() -> int:
    """Prints what was found; 1 where something is wrong."""
    wrong = [f"{lock}: {one.name} has no hash" for lock in LOCKS for one in entries(ROOT / lock) if not one.is_hashed]
    found = list(licences())
    wrong += [f"{name} {version}: {text or 'no licence'}: {trouble}" for name, version, text, trouble in found if trouble]
    if "--licences" in sys.argv:
        sys.stdout.write("".join(f"{name} {version}: {text}\n" for name, version, text, _ in found))
    asked = advisories(ROOT / RUNTIME[1])
    if asked is None:
        sys.stderr.write("!!! ADVISORIES WERE NOT ASKED: OSV cannot be reached from here. Run `make audit` where it can. !!!\n")
    else:
        wrong += asked
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    holes = "no advisory was asked" if asked is None else f"{len(asked)} known holes"
    sys.stdout.write(
        f"audit: {len(found)} packages of an installation, all pinned by hash; licences looked at; {holes}\n" if not wrong else ""
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
