"""What is deployed with: the files are in order, name what there is, and the very commands in them run."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app import check
from gateway.cli import main
from gateway.config.document import Configuration
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.provision.apply import check_sources
from tests.acceptance.conftest import eventually, free_port
from tests.faults import balancers

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
VARIABLES = {str(field.validation_alias or f"TOCSIN_{name.upper()}") for name, field in Environment.model_fields.items()}
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments)."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    return [
        (line.partition(" ")[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]


def documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def pods() -> dict[str, dict[str, Any]]:
    """name → the pod of each Deployment and Job."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in documents() if one["kind"] in ("Deployment", "Job")}


# ---- what all of them share --------------------------------------------------------------------------------


def test_the_example_names_every_variable_and_no_other() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) == VARIABLES
    assert len(named) == len(set(named))


def test_as_it_is_the_example_sets_nothing() -> None:
    lines = (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    assert all(not line or line.startswith("#") for line in lines)


def test_every_yaml_file_is_in_order() -> None:
    rules = "{extends: default, rules: {line-length: disable, document-start: disable, comments: {min-spaces-from-content: 1}}}"
    command = [shutil.which("yamllint") or str(Path(sys.executable).with_name("yamllint")), "-s", "-d", rules, str(DEPLOY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_registry_or_the_newest_of_anything() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"docker\.io|ghcr\.io|quay\.io|gcr\.io|:latest", text), path


# ---- the image ---------------------------------------------------------------------------------------------


def test_the_image_is_in_order() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--ignore", "DL3059", "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    told = dict(instructions())
    assert re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", told["USER"])
    assert "HEALTHCHECK" in told
    assert json.loads(told["ENTRYPOINT"]) == ["tocsin"]
    assert json.loads(told["CMD"])[0] in main.commands
    installs = [arguments for name, arguments in instructions() if name == "RUN" and "pip install" in arguments]
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_what_is_copied_into_the_image_is_there_and_let_through() -> None:
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in let_through


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-otel.lock", "requirements-dev.lock", "requirements-llm.lock", "requirements-prefect.lock"]
)
def test_every_package_is_pinned_and_has_its_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    for entry in entries:
        assert re.match(r"[\w.\[\],-]+==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


@pytest.mark.acceptance
def test_the_very_commands_of_the_image_build_something_that_serves(tmp_path: Path) -> None:
    """In a folder of its own, instead of an image: no container engine is needed, and the base image is this Python."""
    context, place = tmp_path / "build", tmp_path / "opt"
    context.mkdir()
    steps = instructions()
    first = steps[: [number for number, (name, _) in enumerate(steps) if name == "FROM"][1]]
    environment = {**os.environ, "LOCK": dict(one.split("=", 1) for name, one in first if name == "ARG")["LOCK"]}
    environment.pop("PYTHONPATH", None)
    for name, arguments in first:
        if name == "COPY":
            *sources, _ = arguments.split()
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, context / source)
        elif name == "RUN":
            command = arguments.replace("/opt/tocsin", str(place)).replace("python -m venv", f"{sys.executable} -m venv", 1)
            subprocess.run(["sh", "-ec", command], cwd=context, env=environment, check=True, capture_output=True, timeout=300)
    told, home, port = dict(steps), tmp_path / "home", free_port()
    home.mkdir()
    clean = {name: value for name, value in environment.items() if not name.startswith(("TOCSIN_", "OTEL_"))}
    running = {**clean, "PATH": f"{place / 'bin'}:{clean['PATH']}", "TOCSIN_LISTEN": f"0.0.0.0:{port}", "TOCSIN_LOG_FORMAT": "json"}
    command = [*json.loads(told["ENTRYPOINT"]), *json.loads(told["CMD"])]
    health = json.loads(told["HEALTHCHECK"].partition("CMD ")[2])
    process = subprocess.Popen(
        [shutil.which(command[0], path=running["PATH"]), *command[1:]],
        cwd=home, env=running, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert subprocess.run([shutil.which(health[0], path=running["PATH"]), *health[1:]], env=running, check=False).returncode in (0, 1)
        eventually(
            lambda: (
                subprocess.run(
                    [shutil.which(health[0], path=running["PATH"]), *health[1:]], env=running, check=False, stderr=subprocess.DEVNULL
                ).returncode
                == 0
            ),
            within=30,
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/tocsin.css") as page:
            assert page.status == 200, "templates and static files are in it"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert subprocess.run([health[0], *health[1:]], env=running, check=False, stderr=subprocess.DEVNULL).returncode != 0


# ---- compose -----------------------------------------------------------------------------------------------


def test_what_compose_starts_exists() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"gateway", "worker", "database", "mail"}
    for name in ("gateway", "worker"):
        command, *arguments = services[name]["command"]
        assert main.commands[command].make_context(command, list(arguments)).params["role"] in ("web", "work")
        assert set(services[name]["environment"]) <= VARIABLES
        assert (DEPLOY / services[name]["build"]["context"] / services[name]["build"]["dockerfile"]).is_file()
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    given = {key: re.sub(r"\$\{[^}]*\}", "", str(value)) for key, value in services["gateway"]["environment"].items()}
    check(Environment(**{key.removeprefix("TOCSIN_").lower(): value for key, value in given.items() if value}))
    for service in services.values():
        for dependency in service.get("depends_on", {}):
            assert dependency in services
    assert set(compose["volumes"]) == {one.partition(":")[0] for one in services["database"]["volumes"]}
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ()))


# ---- Kubernetes --------------------------------------------------------------------------------------------


def test_the_manifests_fit_their_schemas(tmp_path: Path) -> None:
    whole = tmp_path / "all.yaml"
    whole.write_text(yaml.safe_dump_all(one for one in documents() if one["kind"] != "ScaledObject"), encoding="utf-8")
    validate = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run([validate, "-k", "1.30", "--strict", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_manifests_are_applied() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted(listed) == [path.name for path in MANIFESTS]


def test_every_pod_is_confined() -> None:
    assert set(pods()) == {"tocsin-web", "tocsin-work", "tocsin-migrate"}
    for pod in pods().values():
        (container,) = pod["spec"]["containers"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["limits"]["memory"]
        command, *arguments = container["args"]
        main.commands[command].make_context(command, list(arguments))


def test_what_selects_finds_something() -> None:
    labels = [pod["metadata"]["labels"] for pod in pods().values()]

    def finds(wanted: dict[str, str]) -> bool:
        return any(wanted.items() <= one.items() for one in labels)

    names = {(one["kind"], one["metadata"]["name"]) for one in documents()}
    for one in documents():
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            assert finds(spec["selector"])
        for selector in (spec.get("selector"), spec.get("podSelector")):
            if selector and "matchLabels" in selector:
                assert finds(selector["matchLabels"]), one["metadata"]["name"]
        if target := spec.get("scaleTargetRef"):
            assert ("Deployment", target["name"]) in names
    for pod in pods().values():
        for given in pod["spec"]["containers"][0]["envFrom"]:
            kind = "ConfigMap" if "configMapRef" in given else "Secret"
            assert (kind, next(iter(given.values()))["name"]) in names


def test_its_configuration_can_be_applied() -> None:
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in documents()}
    given = {**by_name["ConfigMap", "tocsin"]["data"], **by_name["Secret", "tocsin"]["stringData"]}
    document = by_name["ConfigMap", "tocsin-toml"]["data"]["tocsin.toml"]
    wanted = set(re.findall(r'"env:([A-Z_]+)"', document))
    assert set(given) - wanted <= VARIABLES
    assert wanted <= set(given)
    configuration = Configuration.model_validate(tomllib.loads(document.replace("env:", "")))
    check_sources(configuration, kinds(()))
    check(Environment(**{key.removeprefix("TOCSIN_").lower(): value for key, value in given.items() if key in VARIABLES}))


def test_probes_ask_what_is_answered_and_scaling_what_is_measured() -> None:
    from tests.deploy.test_monitoring import documented

    for name in ("tocsin-web", "tocsin-work"):
        (container,) = pods()[name]["spec"]["containers"]
        paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert paths == {"/healthz", "/readyz"}
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "an outage of the database is no reason to be killed"
    (scaled,) = (one for one in documents() if one["kind"] == "ScaledObject")
    assert set(re.findall(r"tocsin_\w+", scaled["spec"]["triggers"][0]["metadata"]["query"])) <= documented().keys()


# ---- systemd -----------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with this Python's own command in them."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/tocsin/bin/tocsin", str(Path(sys.executable).with_name("tocsin")))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_units_are_in_order(units: Path) -> None:
    paths = [str(path) for path in sorted(units.iterdir()) if path.suffix in (".service", ".timer")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(units) in line or "tocsin" in line]
    assert not complaints


@pytest.mark.parametrize("name", ["tocsin.service", "tocsin-backup.service"])
def test_the_units_are_confined(units: Path, name: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(units / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_what_the_units_start_exists() -> None:
    for path in (DEPLOY / "systemd").glob("*.service"):
        (line,) = re.findall(r"^ExecStart=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        _, command, *arguments = shlex.split(line)
        main.commands[command].make_context(command, list(arguments))


def test_the_balancers_configurations_are_in_order(tmp_path: Path) -> None:
    said = subprocess.run([balancers.program("haproxy"), "-c", "-f", balancers.HAPROXY], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "[WARNING]" not in said.stderr
    around = balancers.written_for_nginx(tmp_path, balancers.NGINX.read_text(encoding="utf-8"))
    said = subprocess.run([balancers.program("nginx"), "-t", "-c", around, "-e", "stderr"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "[warn]" not in said.stderr


def test_a_balancer_turns_elsewhere_before_a_gateway_is_gone() -> None:
    """As it is documented: the time it drains for is longer than the balancer takes to believe that it stops."""
    configured, documented = balancers.HAPROXY.read_text(encoding="utf-8"), (ROOT / "docs" / "scale-out.md").read_text(encoding="utf-8")
    every, times = re.findall(r"inter (\d+)s fall (\d+)", configured)[0]
    assert int(every) * (int(times) + 1) < int(re.findall(r"export TOCSIN_DRAIN_SECONDS=(\d+)", documented)[0])
