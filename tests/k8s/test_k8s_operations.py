"""Tests that metrics, files, make targets, settings and numbers in docs/operations.md are correct."""

import re
import textwrap

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

import service
from service.settings import Settings
from tests.k8s.conftest import OVERLAYS, ROOT, composed, rendered
from tests.k8s.manifests import containers, named, settings

DOCUMENT = (ROOT / "docs" / "operations.md").read_text("utf-8")
KUSTOMIZATIONS = re.findall(r"^ *```yaml\n(.*?)^ *```$", DOCUMENT, re.DOTALL | re.MULTILINE)


def test_documented_metrics_exist(client: TestClient) -> None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    given = {sample.name for family in families for sample in family.samples}
    families_of_histograms = {name.removesuffix("_bucket") for name in given if name.endswith("_bucket")}
    asked = set(re.findall(r"`((?:depesche|process)_\w+)[`{]", DOCUMENT))
    assert len(asked) > 10
    assert asked - given - families_of_histograms == set()


def test_documented_files_exist() -> None:
    paths = re.findall(r"\b((?:k8s|container)/[\w./*-]+\w)", DOCUMENT)
    assert len(paths) > 10
    assert [path for path in paths if not list(ROOT.glob(path))] == []
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [one for one in re.findall(r"make ([a-z-]+)", DOCUMENT) if f"\n{one}:" not in makefile] == []
    assert f"depesche:{service.__version__}-cpu" in DOCUMENT


def test_documented_settings_exist() -> None:
    known = {f"DEPESCHE_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bDEPESCHE_[A-Z_]+", DOCUMENT)) - known == set()


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_overlay_is_documented(folder: str) -> None:
    assert f"| `k8s/{folder}` |" in DOCUMENT


def test_documented_numbers_match() -> None:
    for folder in ("base", "overlays/production"):
        spec = named(rendered(folder), "HorizontalPodAutoscaler")["spec"]
        assert f"{spec['minReplicas']} to {spec['maxReplicas']} pods" in DOCUMENT
    base = rendered("base")
    pod = named(base, "Deployment")["spec"]["template"]["spec"]
    assert f"After {pod['terminationGracePeriodSeconds']} s Kubernetes kills" in " ".join(DOCUMENT.split())
    assert f"`DEPESCHE_DRAIN_S` ({settings(base)['DEPESCHE_DRAIN_S']} s)" in DOCUMENT
    pause = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1]
    assert f"`preStop`, a pause of {pause} s" in DOCUMENT
    (tmp,) = pod["volumes"]
    assert f"{tmp['emptyDir']['sizeLimit'].removesuffix('Mi')} MiB" in DOCUMENT


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_documented_overlays_render(monkeypatch: pytest.MonkeyPatch, kustomization: str) -> None:
    manifests = composed(textwrap.dedent(kustomization))
    assert {one["metadata"]["namespace"] for one in manifests} == {"depesche"}
    ours = [one["image"] for _, _, one in containers(manifests) if "depesche" in one["image"]]
    assert ours
    assert [image for image in ours if not image.startswith("REGISTRY/depesche:")] == []
    if any(one["kind"] == "Deployment" for one in manifests):
        for name, value in settings(manifests).items():
            monkeypatch.setenv(name, value)
        assert Settings().admin_port == 8001


def test_every_image_was_pushed() -> None:
    """Check that the overlay and the job use the right images.

    docs/operations.md instructs operators to push these images.
    """
    over = KUSTOMIZATIONS[0].replace("overlays/redis", "overlays/production")
    assert over != KUSTOMIZATIONS[0]
    (job,) = (one for one in KUSTOMIZATIONS if "k8s/models" in one)
    manifests = [*composed(textwrap.dedent(over)), *composed(textwrap.dedent(job))]
    used = {one["image"] for _, _, one in containers(manifests) if "depesche" in one["image"]}
    assert used == set(re.findall(r"docker push (\S+?)`", DOCUMENT))
    (puller,) = (one for where, _, one in containers(manifests) if where.startswith("Job "))
    assert puller["image"].endswith("-full")
