"""Tests that every rendered manifest is valid.

The schemas are those of Kubernetes. For Prometheus objects, the tests have their own schemas.
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
OF_PROMETHEUS = "monitoring.coreos.com/v1"


@lru_cache
def schema_of_ours(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OURS / f"{kind.lower()}.schema.json").read_text("utf-8"))
    return found


def validate(manifest: Manifest, version: str) -> None:
    if manifest["apiVersion"] == OF_PROMETHEUS:
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


def test_secret_example_is_never_applied() -> None:
    example = yaml.safe_load((ROOT / "k8s" / "base" / "secret.example.yaml").read_text("utf-8"))
    kubernetes_validate.validate(example, VERSIONS[0], strict=True)
    assert not [one for folder in WHOLE for one in rendered(folder) if one["kind"] == "Secret"]
