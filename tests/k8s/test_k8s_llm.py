"""Tests of the overlay `llm`: the settings of service and language model match, and only they can reach each other."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from service.generation.remote.client import host_of
from service.registry.catalog import Catalog
from tests.k8s.conftest import ROOT, rendered
from tests.k8s.manifests import Manifest, containers, named, service_container, settings
from tests.k8s.policies import LLM

LLM_NAME = "depesche-llm"


@pytest.fixture
def llm() -> list[Manifest]:
    return rendered("overlays/llm")


def vllm(manifests: list[Manifest]) -> Manifest:
    """Return the container of the language model."""
    (found,) = (one for where, _, one in containers(manifests) if where == f"Deployment {LLM_NAME}: vllm")
    return found


def arguments(manifests: list[Manifest]) -> dict[str, str]:
    """Return the options of vLLM by name."""
    return dict(argument.partition("=")[::2] for argument in vllm(manifests)["args"])


def test_the_service_calls_the_service_of_the_model(llm: list[Manifest]) -> None:
    url = settings(llm)["DEPESCHE_REMOTE_URL"]
    (port,) = named(llm, "Service", LLM_NAME)["spec"]["ports"]
    assert url == f"http://{LLM_NAME}:{port['port']}/v1"
    assert host_of(url) == "private"
    assert {"name": port["targetPort"], "containerPort": LLM} in vllm(llm)["ports"]
    assert arguments(llm)["--port"] == str(LLM)


def test_the_served_name_is_that_of_the_catalogue(llm: list[Manifest]) -> None:
    manifest = Catalog(ROOT / "models").entry(settings(llm)["DEPESCHE_TRANSLATION_MODEL"]).manifest
    assert manifest.remote is not None
    assert arguments(llm)["--served-model-name"] == manifest.id
    (pull,) = (one for _, _, one in containers(rendered("llm-models")))
    assert manifest.id in pull["command"]
    assert vllm(llm)["command"][-1] == pull["command"][-1]


def test_both_tiers_require_the_same_key(llm: list[Manifest]) -> None:
    (key,) = (one["valueFrom"]["secretKeyRef"] for one in vllm(llm)["env"] if one["name"] == "VLLM_API_KEY")
    assert key == {"name": LLM_NAME, "key": "VLLM_API_KEY"}  # not optional
    spec = named(llm, "Deployment")["spec"]["template"]["spec"]
    (volume,) = (one for one in spec["volumes"] if one.get("secret", {}).get("secretName") == LLM_NAME)
    (mount,) = (one for one in service_container(llm)["volumeMounts"] if one["name"] == volume["name"])
    assert settings(llm)["DEPESCHE_REMOTE_KEY_FILE"] == f"{mount['mountPath']}/{key['key']}"
    assert mount["readOnly"] is True
    assert "optional" not in volume["secret"]


def test_the_model_has_a_gpu_and_its_own_probes(llm: list[Manifest]) -> None:
    container = vllm(llm)
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in service_container(llm)["resources"]["limits"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 1_200  # loading and compiling take minutes


def faults(manifests: list[Manifest]) -> list[str]:
    """Return the faults of the network policies between the two tiers."""
    own, other = named(manifests, "NetworkPolicy", LLM_NAME)["spec"], named(manifests, "NetworkPolicy")["spec"]
    found = []
    callers = [peer["podSelector"]["matchLabels"] for rule in own["ingress"] for peer in rule.get("from", [{}]) if peer]
    if {"app.kubernetes.io/name": "depesche"} not in callers:
        found.append("the service may not call the model")
    if not all(rule.get("from") for rule in own["ingress"]):
        found.append("anyone may call the model")
    if own.get("egress"):
        found.append("the model may call something")
    called = [
        (peer.get("podSelector", {}).get("matchLabels"), port["port"])
        for rule in other["egress"]
        for peer in rule["to"]
        for port in rule["ports"]
    ]
    if ({"app.kubernetes.io/name": LLM_NAME}, LLM) not in called:
        found.append("the service has no egress to the model")
    return found


def test_only_the_two_tiers_talk_to_each_other(llm: list[Manifest]) -> None:
    assert faults(llm) == []


BROKEN: list[tuple[str, Callable[[list[Manifest]], Any]]] = [
    ("the service may not call", lambda m: named(m, "NetworkPolicy", LLM_NAME)["spec"]["ingress"][0]["from"].pop(0)),
    ("anyone may call", lambda m: named(m, "NetworkPolicy", LLM_NAME)["spec"]["ingress"].append({"ports": []})),
    ("the model may call", lambda m: named(m, "NetworkPolicy", LLM_NAME)["spec"].update(egress=[{}])),
    ("no egress to the model", lambda m: named(m, "NetworkPolicy")["spec"]["egress"].pop()),
]


@pytest.mark.parametrize(("complaint", "broken"), BROKEN)
def test_a_breach_of_the_network_is_found(
    llm: list[Manifest], complaint: str, broken: Callable[[list[Manifest]], Any]
) -> None:
    changed = copy.deepcopy(llm)
    broken(changed)
    assert any(complaint in found for found in faults(changed))


def test_nothing_is_downloaded_or_logged_while_serving(llm: list[Manifest]) -> None:
    given = {one["name"]: one.get("value") for one in vllm(llm)["env"]}
    assert {given["HF_HUB_OFFLINE"], given["VLLM_NO_USAGE_STATS"]} == {"1"}
    assert "--disable-uvicorn-access-log" in arguments(llm)
    assert "--enable-log-requests" not in arguments(llm)
    mounts = {one["name"]: one for one in vllm(llm)["volumeMounts"]}
    assert mounts["models"]["readOnly"] is True
