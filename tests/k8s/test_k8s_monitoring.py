"""Tests that the configuration of Prometheus, its operator and its adapter matches the service."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.k8s.conftest import K8S, rendered
from tests.k8s.manifests import named, of_kind

MONITORING = K8S / "monitoring"
(ADAPTED,) = yaml.safe_load((K8S / "overlays" / "custom-metrics" / "adapter-rules.yaml").read_text("utf-8"))["rules"]


def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prometheusrule", MONITORING / "prometheusrule.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_prometheusrule_equals_the_rule_file() -> None:
    alerts = (MONITORING / "alerts.yaml").read_text("utf-8")
    assert (MONITORING / "prometheusrule.yaml").read_text("utf-8") == writer().written(alerts), "make rules"
    assert named(rendered("monitoring"), "PrometheusRule")["spec"] == yaml.safe_load(alerts)


@pytest.mark.parametrize("folder", ["overlays/custom-metrics", "overlays/keda", "overlays/production"])
def test_servicemonitor_selects_the_admin_port(folder: str) -> None:
    manifests = rendered(folder)
    spec = named(manifests, "ServiceMonitor")["spec"]
    wanted = spec["selector"]["matchLabels"].items()
    (found,) = (one for one in manifests if one["kind"] == "Service" and wanted <= one["metadata"]["labels"].items())
    assert found["metadata"]["name"] == "depesche-admin"
    assert [port["name"] for port in found["spec"]["ports"]] == [endpoint["port"] for endpoint in spec["endpoints"]]


def test_hpa_metric_exists(client: TestClient) -> None:
    metrics: list[dict[str, Any]] = named(rendered("overlays/custom-metrics"), "HorizontalPodAutoscaler")["spec"][
        "metrics"
    ]
    (asked,) = (metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods")
    assert asked == ADAPTED["name"]["as"]
    series = ADAPTED["seriesQuery"].partition("{")[0]
    assert ADAPTED["name"]["matches"] == f"^{series}$"
    assert series in {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}


def test_keda_asks_for_metrics_that_exist(client: TestClient) -> None:
    manifests = rendered("overlays/keda")
    assert not of_kind(manifests, "HorizontalPodAutoscaler")  # KEDA creates one
    spec = named(manifests, "ScaledObject")["spec"]
    assert spec["minReplicaCount"] > 0  # models load too slowly for a start from zero
    families = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}
    asked = {name for one in spec["triggers"] for name in re.findall(r"depesche_\w+(?=\{)", one["metadata"]["query"])}
    assert {name.removesuffix("_bucket") for name in asked} == {
        "depesche_queue_source_tokens",
        "depesche_http_request_seconds",
    }
    assert {name.removesuffix("_bucket") for name in asked} <= families


def test_adapter_query_sums_queues(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    query = ADAPTED["metricsQuery"]
    for template, value in {
        "<<.Series>>": "depesche_queue_source_tokens",
        "<<.LabelMatchers>>": 'namespace="n",pod=~"a|b"',
        "<<.GroupBy>>": "pod",
    }.items():
        assert template in query
        query = query.replace(template, value)
    labels = 'namespace="n", pod="{pod}", model="{model}"'
    values = {("a", "translation"): "3000x8", ("a", "summary"): "500x8", ("b", "translation"): "0 0 0 9000 0 0 0 0"}
    series = [
        {"series": f"depesche_queue_source_tokens{{{labels.format(pod=pod, model=model)}}}", "values": given}
        for (pod, model), given in values.items()
    ]
    samples = [{"labels": '{pod="a"}', "value": 3500}, {"labels": '{pod="b"}', "value": 0}]
    test = {"expr": query, "eval_time": "45s", "exp_samples": samples}
    file = tmp_path / "test.yaml"
    file.write_text(
        json.dumps({"tests": [{"interval": "15s", "input_series": series, "promql_expr_test": [test]}]}), "utf-8"
    )
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
