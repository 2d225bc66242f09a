"""The documentation is held to the code: commands, variables, endpoints, configuration."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.app import OPERATIONS
from gateway.cli import main
from gateway.config.document import Auth, Configuration
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.provision.apply import check_sources
from mappers.contract import Inbound, Level, SourceKind
from mappers.contract.signature import Scheme

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    (page, language, block)
    for page in PAGES
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "block"), [(page, block) for page, language, block in BLOCKS if language == "toml" and "[[" in block])
def test_every_configuration_shown_is_one_that_works(page: Path, block: str) -> None:
    configuration = Configuration.model_validate(tomllib.loads(block.replace("env:", "a-secret-from-")))
    check_sources(configuration, kinds(()))


def test_every_variable_is_documented_and_every_documented_one_exists() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)`", text("configure.md"), re.MULTILINE))
    assert documented == {str(field.validation_alias or f"TOCSIN_{name.upper()}") for name, field in Environment.model_fields.items()}


def test_every_scheme_is_documented() -> None:
    shown = set(re.findall(r"^\| `\{ (\w+) = ", text("configure.md"), re.MULTILINE))
    assert shown == {scheme.value for scheme in Scheme} == set(Auth.model_fields)


def test_every_operation_is_documented_and_every_documented_one_exists() -> None:
    documented = set(re.findall(r"^\| `([A-Z]+ /api/\S+)`", text("api.md"), re.MULTILINE))
    assert documented == {f"{operation.method} {operation.path}" for operation in OPERATIONS}


def test_every_command_named_exists() -> None:
    named = {
        command
        for page in PAGES
        if page.name != "requirements.md"
        for command in re.findall(r"`tocsin ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert named <= set(main.commands)
    assert set(main.commands) <= named, "a command nobody is told of"


def test_every_relative_link_leads_somewhere() -> None:
    for page in [*PAGES, *sorted((ROOT / "docs" / "adr").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_every_kind_has_a_page_that_readers_find() -> None:
    for kind in (name for name, kind in kinds(()).items() if not kind.is_own):
        pages = [page for page in (ROOT / "docs").glob("connect-*.md") if f'kind = "{kind}"' in page.read_text(encoding="utf-8")]
        assert pages
        assert all(page.name in text("configure.md") for page in pages)


def test_every_reason_of_the_judge_is_explained() -> None:
    from gateway.domain.judge import Reason

    explained = set(
        re.findall(r"`([a-z-]+)`", "\n".join(line.split("|")[1] for line in text("judging.md").splitlines() if line.startswith("| `")))
    )
    assert explained == {reason.value for reason in Reason}


@pytest.mark.req("R24")
def test_the_mapper_of_the_guide_works_as_a_third_partys(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from mappers.contract import registry

    source = next(block for page, language, block in BLOCKS if page.name == "write-a-mapper.md" and language == "python")
    module: dict[str, object] = {}
    exec(compile(source, "write-a-mapper.md", "exec"), module)

    class Offered(EntryPoint):
        def load(self) -> object:
            return module["SOURCE"]

    entry = Offered("backup", "tocsin_backup:SOURCE", "tocsin.mappers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    assert "backup" not in registry.load(()), "loaded only where the configuration allows it"
    kind = registry.load.__wrapped__(("backup",))["backup"]
    assert isinstance(kind, SourceKind)
    (draft,) = kind.map(Inbound(body=kind.example.body)).drafts
    assert (draft.title, draft.level) == ("Backup nightly failed", Level.ERROR)
    with pytest.raises(registry.RegistryError, match="no installed package"):
        registry.load.__wrapped__(("nothing",))
    taken = module["SOURCE"]
    object.__setattr__(taken, "kind", "prefect")
    with pytest.raises(registry.RegistryError, match="already taken"):
        registry.load.__wrapped__(("backup",))


def test_nothing_in_the_repository_names_one_machine() -> None:
    import subprocess

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    machine = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
    for name in files:
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".toml", ".sh", ".yaml", ".html", ".js", ".css")
            and path.is_file()
            and "fixtures" not in path.parts
        ):
            assert not machine.search(path.read_text(encoding="utf-8")), name


def test_every_limit_is_documented_as_it_is() -> None:
    from gateway.domain.limits import LIMITS

    rows = re.findall(r"^\| [a-z].*? \| ([\d,]+) \|$", text("limits.md"), re.MULTILINE)
    assert rows == [f"{limit.most:,}" for limit in LIMITS]


def test_every_operation_says_for_whom_it_is() -> None:
    rows = dict(re.findall(r"^\| `([A-Z]+ /api/\S+)` \| (?:\*(members|admins):\*)?", text("api.md"), re.MULTILINE))
    floors = {"viewer": "", "member": "members", "admin": "admins"}
    assert rows == {f"{one.method} {one.path}": floors[one.floor] for one in OPERATIONS}


def test_who_may_what_is_as_the_operations_say() -> None:
    table = text("api.md").partition("## Who may what")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [a-z].*? \| (yes|–) \| (yes|–) \| (yes|–) \| `(\w+)` \|$", table, re.MULTILINE)
    of_floor = {"viewer": ("yes", "yes", "yes"), "member": ("–", "yes", "yes"), "admin": ("–", "–", "yes")}
    assert set(rows) - {("–", "yes", "yes", "ingest")} == {(*of_floor[one.floor], one.scope) for one in OPERATIONS}
