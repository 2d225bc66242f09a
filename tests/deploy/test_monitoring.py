"""The alert rules and the dashboard ask for what there is, and the rules ring when they should."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.test_metrics import PAGE

pytestmark = pytest.mark.req("R95")
ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "deploy" / "prometheus" / "tocsin-rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "tocsin.json"
NOT_OURS = {"instance", "job", "le"}


def documented() -> dict[str, set[str]]:
    """Metric → its labels, by the page that another test holds to the code."""
    rows = re.findall(r"^\| `(tocsin_\w+)` \|([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str, str]]:
    """(where, expression, what is written of its labels)."""
    for rule in rules():
        yield str(rule["alert"]), str(rule["expr"]), json.dumps(rule["annotations"])
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"], ""


@pytest.mark.parametrize(("where", "expression", "written"), list(expressions()))
def test_every_metric_and_label_that_is_asked_for_exists(where: str, expression: str, written: str) -> None:
    known = documented()
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) if name not in known else name for name in re.findall(r"tocsin_\w+", expression)}
    assert asked
    assert asked <= known.keys()
    labels = set().union(*(known[name] for name in asked)) | NOT_OURS
    named = [part.split(",") for part in re.findall(r"by \(([^)]*)\)", expression)]
    matched = re.findall(r"[{,]\s*(\w+)=~?\"", expression)
    legend = re.findall(r"{{\s*(\w+)\s*}}", written) + re.findall(r"\$labels\.(\w+)", written)
    assert {one.strip() for some in named for one in some} | set(matched) <= labels
    grouped = {one.strip() for some in named for one in some}
    assert set(legend) <= grouped, "a legend can only say what is grouped by"


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = DASHBOARD.read_text(encoding="utf-8")
    missing = {name for name in documented() if name not in shown} - {"tocsin_processing_lag_seconds"}
    assert not missing


def test_every_alert_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")  # type: ignore[index]
        assert {"summary", "action"} <= rule["annotations"].keys()  # type: ignore[attr-defined]
        assert str(rule["alert"]).startswith("Tocsin")


def test_panels_do_not_lie_over_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_rules_ring_when_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    subprocess.run([promtool, "check", "rules", str(RULES)], check=True, capture_output=True)
    for path in (RULES, Path(__file__).with_name("tocsin-rules.test.yaml")):
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        [promtool, "test", "rules", "tocsin-rules.test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
