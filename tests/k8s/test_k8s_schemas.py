"""Tests that every rendered manifest is valid.

The schemas are those of Kubernetes. For objects of Prometheus, KEDA and the Gateway API, the tests have their own schemas.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.k8s.conftest import ROOT, WHOLE, rendered
from tests.k8s.manifests import Manifest, named, service_container

# The oldest version that has every field we use, and the newest that the library knows.
VERSIONS = ("1.30", "1.37")
OURS = ROOT / "tests" / "data" / "kubernetes"
WITH_OUR_SCHEMA = {"monitoring.coreos.com/v1", "keda.sh/v1alpha1", "gateway.networking.k8s.io/v1"}


@lru_cache
def schema_of_ours(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OURS / f"{kind.lower()}.schema.json").read_text("utf-8"))
    return found


def validate(manifest: Manifest, version: str) -> None:
    if manifest["apiVersion"] in WITH_OUR_SCHEMA:
        jsonschema.validate(manifest, schema_of_ours(manifest["kind"]))
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", WHOLE)
def test_manifest_meets_its_schema(folder: str, version: str) -> None:
    for manifest in rendered(folder):
        validate(manifest, version)


BROKEN: list[tuple[str, Callable[[list[Manifest]], Any], str]] = [
    ("Deployment", lambda m: service_container(m)["livenessProbe"].update(period=5), "period"),
    (
        "HorizontalPodAutoscaler",
        lambda m: named(m, "HorizontalPodAutoscaler")["spec"].pop("maxReplicas"),
        "maxReplicas",
    ),
    ("ServiceMonitor", lambda m: named(m, "ServiceMonitor")["spec"]["endpoints"][0].update(timeout="5s"), "timeout"),
    ("PrometheusRule", lambda m: named(m, "PrometheusRule")["spec"]["groups"][0]["rules"][0].pop("expr"), "expr"),
]


@pytest.mark.parametrize(("kind", "broken", "reason"), BROKEN)
def test_wrong_field_is_found(
    production: list[Manifest], kind: str, broken: Callable[[list[Manifest]], Any], reason: str
) -> None:
    broken(production)
    with pytest.raises(jsonschema.ValidationError, match=reason):
        validate(named(production, kind), VERSIONS[0])


BROKEN_ADDITIONS: list[tuple[str, str, Callable[[Manifest], Any], str]] = [
    ("overlays/keda", "ScaledObject", lambda one: one["spec"]["triggers"][0]["metadata"].pop("query"), "query"),
    ("overlays/keda", "ScaledObject", lambda one: one["spec"].update(minReplicas=2), "minReplicas"),
    ("gateway", "HTTPRoute", lambda one: one["spec"]["rules"][0]["timeouts"].update(request="310"), "310"),
    ("ingress", "Ingress", lambda one: one["spec"]["rules"][0]["http"].pop("paths"), "paths"),
]


@pytest.mark.parametrize(("folder", "kind", "broken", "reason"), BROKEN_ADDITIONS)
def test_wrong_field_of_an_addition_is_found(
    folder: str, kind: str, broken: Callable[[Manifest], Any], reason: str
) -> None:
    manifest = named(rendered(folder), kind)
    broken(manifest)
    with pytest.raises(jsonschema.ValidationError, match=reason):
        validate(manifest, VERSIONS[0])


def test_routes_lead_to_the_service() -> None:
    ports = {port["name"]: port["port"] for port in named(rendered("base"), "Service")["spec"]["ports"]}
    (path,) = named(rendered("ingress"), "Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["port"]["name"] in ports
    (rule,) = named(rendered("gateway"), "HTTPRoute")["spec"]["rules"]
    assert [(one["name"], one["port"]) for one in rule["backendRefs"]] == [("depesche", ports["http"])]


def test_secret_example_is_never_applied() -> None:
    example = yaml.safe_load((ROOT / "k8s" / "base" / "secret.example.yaml").read_text("utf-8"))
    kubernetes_validate.validate(example, VERSIONS[0], strict=True)
    assert not [one for folder in WHOLE for one in rendered(folder) if one["kind"] == "Secret"]
