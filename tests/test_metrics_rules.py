"""Tests that the Grafana dashboard and the alert rules use existing metrics, and that promtool accepts the rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parent.parent
MONITORING = ROOT / "k8s" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
RULES = (MONITORING / "alerts.yaml").read_text("utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
ROWS = ["Traffic", "Latency", "Queue and batching", "Cache", "Quality", "Engine"]
PROGRAM = "promtool"
OF_PROMETHEUS = {"job", "instance", "le"}  # labels that are added at the scrape, and the label of buckets
METRIC = r"\b(?:depesche|process)_\w+"
Matcher = tuple[str, str, str, str]


def promtool(*args: str, given: str | None = None) -> None:
    """Run promtool, and fail if it reports an error. Skip the test if promtool is not installed.

    ``given`` is the standard input of promtool.
    """
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    done = subprocess.run([PROGRAM, *args], input=given, capture_output=True, text=True, check=False, cwd=MONITORING)
    assert (done.returncode, "FAILED" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    """Return the PromQL expressions of the dashboard, with values in the place of Grafana's variables."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [e.replace("$__rate_interval", "5m").replace("$job", "a|b").replace("$instance", ".*") for e in found]


def queries() -> str:
    """Return the alert rules without comments, and the expressions and variables of the dashboard, as one text."""
    rules = "\n".join(line for line in RULES.splitlines() if not line.lstrip().startswith("#"))
    variables = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    return "\n".join([rules, *expressions(), *variables])


def matchers(text: str) -> Iterator[Matcher]:
    """Yield the metric, label, operator and value of each label matcher in the PromQL ``text``."""
    for name, inside in re.findall(rf"({METRIC})\{{([^}}]*)\}}", text):
        yield from ((name, *parts) for parts in re.findall(r'(\w+)(=~|!=|=|!~)"([^"]*)"', inside))


@pytest.fixture(scope="module")
def given(client: TestClient) -> dict[str, list[dict[str, str]]]:
    """Return the labels of all samples for each metric, after a real request."""
    assert client.post("/v1/articles", json={"body": "Der Zug fährt heute nicht nach Kiel."}).status_code == 200
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        found.setdefault(family.name, [])  # gauges of remote models have no samples here
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_used_metrics_exist(given: dict[str, list[dict[str, str]]]) -> None:
    asked = set(re.findall(METRIC, queries()))
    assert len(asked) > 30
    assert asked - set(given) == set()


def test_used_labels_exist(given: dict[str, list[dict[str, str]]]) -> None:
    for name, label, _, _ in matchers(queries()):
        assert label in {*OF_PROMETHEUS, *given[name][0]}, f"{name} has no label {label}"


def test_used_reasons_exist(given: dict[str, list[dict[str, str]]]) -> None:
    closed = [m for m in matchers(queries()) if m[1] in {"reason", "tier", "priority", "output", "code", "during"}]
    assert closed
    for name, label, _, values in closed:
        assert set(values.split("|")) <= {labels[label] for labels in given[name]}, f"{name} {label}"


def test_grouping_labels_exist(given: dict[str, list[dict[str, str]]]) -> None:
    labels = {label for samples in given.values() for one in samples for label in one} | OF_PROMETHEUS
    for grouping in re.findall(r"\b(?:by|on) \(([^)]*)\)", queries()):
        assert set(re.findall(r"\w+", grouping)) <= labels


def test_dashboard_rows_are_in_order() -> None:
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == ROWS


def test_panels_have_title_unit_and_source() -> None:
    for panel in panels():
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert "id" not in DASHBOARD  # Grafana assigns it, and refuses a foreign one


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_complete(alert: str) -> None:
    rule = RULES.split(f"- alert: {alert}\n")[1].partition("- alert:")[0]
    for part in (r"for: \d+m", "severity: (critical|warning|info)", "summary: .+", "description: .+"):
        assert re.search(part, rule), part
    assert f"runbook: docs/metrics.md#{alert.lower()}\n" in rule
    assert f"\n### {alert}\n" in (ROOT / "docs" / "metrics.md").read_text("utf-8")
    cases = (MONITORING / "alerts_test.yaml").read_text("utf-8").split(f"alertname: {alert}\n")[1:]
    silent = ["exp_alerts: []" in case.partition("alertname")[0] for case in cases]
    assert set(silent) == {True, False}, "one case in which it fires, and one in which it does not"


def test_runbook_names_existing_alerts() -> None:
    assert re.findall(r"\n### (\w+)\n", (ROOT / "docs" / "metrics.md").read_text("utf-8")) == ALERTS


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "alerts.yaml")


@pytest.mark.slow
def test_promtool_rule_tests_pass() -> None:
    promtool("test", "rules", "alerts_test.yaml")


def test_promtool_accepts_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")  # JSON is YAML
    promtool("check", "rules", str(file))


def test_promtool_accepts_the_metrics(client: TestClient) -> None:
    promtool("check", "metrics", given=client.get("/metrics").text)
