"""Fixtures and helpers for the tests of Kustomize overlays. kubectl renders each overlay only once."""

import copy
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from tests.k8s.manifests import Manifest

ROOT = Path(__file__).parent.parent.parent
K8S = ROOT / "k8s"
OVERLAYS = (
    "base",
    "overlays/redis",
    "overlays/gpu",
    "overlays/custom-metrics",
    "overlays/keda",
    "overlays/llm",
    "overlays/production",
)
WHOLE = (*OVERLAYS, "models", "llm-models", "monitoring", "ingress", "gateway")
LEAST_KUSTOMIZE = 5


@lru_cache
def kustomize_version() -> int:
    """Return the major version of Kustomize that is part of kubectl, or 0 if kubectl is not installed."""
    if shutil.which("kubectl") is None:
        return 0
    asked = ["kubectl", "version", "--client", "--output", "json"]
    version = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout).get("kustomizeVersion", "v0")
    found = re.match(r"v(\d+)", version)
    return int(found[1]) if found else 0


@lru_cache
def rendered_text(folder: str) -> str:
    """Return the output of ``kubectl kustomize`` for the overlay in ``folder``. A warning is treated as an error."""
    return _kustomized(K8S / folder)


def composed(kustomization: str) -> list[Manifest]:
    """Return the manifests that kubectl renders from an operator's kustomization.

    The kustomization refers to this checkout as ``depesche``.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkout = os.path.relpath(ROOT, Path(folder).resolve())
        text = re.sub(r"(?<![\w/])depesche/k8s", f"{checkout}/k8s", kustomization)
        (Path(folder) / "kustomization.yaml").write_text(text, "utf-8")
        return list(yaml.safe_load_all(_kustomized(Path(folder))))


def _kustomized(folder: Path) -> str:
    if kustomize_version() < LEAST_KUSTOMIZE:
        pytest.skip(f"no kubectl with kustomize {LEAST_KUSTOMIZE} or later is installed (kubectl 1.27)")
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rendered(folder: str) -> list[Manifest]:
    """Return a copy of the manifests that kubectl renders for ``folder``. The test may change the copy."""
    return copy.deepcopy(_parsed(folder))


@lru_cache
def _parsed(folder: str) -> list[Manifest]:
    return list(yaml.safe_load_all(rendered_text(folder)))


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(request.param)


@pytest.fixture
def production() -> list[Manifest]:
    return rendered("overlays/production")
