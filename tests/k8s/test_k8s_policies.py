"""Tests that every overlay complies with every policy, and that each policy detects manifests that violate it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.k8s import policies
from tests.k8s.conftest import rendered
from tests.k8s.manifests import SERVICE, Manifest, named, of_kind, service_container, settings
from tests.k8s.policies import Policy

Break = Callable[[list[Manifest]], Any]


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_overlay_keeps_the_policy(overlay: list[Manifest], policy: Policy) -> None:
    assert list(policy(overlay)) == []


@pytest.mark.parametrize("policy", policies.OF_ANY_POD)
@pytest.mark.parametrize("folder", ["models", "llm-models"])
def test_pull_job_keeps_the_pod_policies(folder: str, policy: Policy) -> None:
    manifests = [*rendered(folder), *of_kind(rendered("base"), "ServiceAccount")]
    assert list(policy(manifests)) == []


def pod(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = named(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def context(manifests: list[Manifest]) -> Manifest:
    found: Manifest = service_container(manifests)["securityContext"]
    return found


def starter(manifests: list[Manifest]) -> Manifest:
    found: Manifest = pod(manifests)["initContainers"][0]
    return found


def egress(manifests: list[Manifest]) -> list[Manifest]:
    found: list[Manifest] = named(manifests, "NetworkPolicy")["spec"]["egress"]
    return found


def admin_ingress(manifests: list[Manifest]) -> Manifest:
    found: Manifest = named(manifests, "NetworkPolicy")["spec"]["ingress"][1]
    return found


def without(kind: str, name: str = SERVICE) -> Break:
    return lambda m: m.remove(named(m, kind, name))


BROKEN: list[tuple[Policy, str, Break]] = [
    (policies.restricted, "runAsNonRoot", lambda m: context(m).pop("runAsNonRoot")),
    (policies.restricted, "runAsUser", lambda m: context(m).update(runAsUser=0)),
    (
        policies.restricted,
        "readOnlyRootFilesystem",
        lambda m: starter(m)["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    (policies.restricted, "capabilities", lambda m: context(m)["capabilities"].update(add=["NET_ADMIN"])),
    (policies.restricted, "allowPrivilegeEscalation", lambda m: context(m).pop("allowPrivilegeEscalation")),
    (policies.restricted, "seccompProfile", lambda m: context(m).update(seccompProfile={"type": "Unconfined"})),
    (policies.restricted, "hostNetwork", lambda m: pod(m).update(hostNetwork=True)),
    (policies.restricted, "port of its node", lambda m: service_container(m)["ports"][0].update(hostPort=80)),
    (policies.volumes, "has no size limit", lambda m: pod(m)["volumes"].append({"name": "tmp", "emptyDir": {}})),
    (policies.volumes, "/models is writable", lambda m: service_container(m)["volumeMounts"][0].pop("readOnly")),
    (policies.volumes, "the node's", lambda m: pod(m)["volumes"].append({"name": "n", "hostPath": {"path": "/"}})),
    (policies.tokens, "mounts a token", lambda m: pod(m).pop("automountServiceAccountToken")),
    (policies.tokens, "mounts tokens", lambda m: named(m, "ServiceAccount").pop("automountServiceAccountToken")),
    (policies.tokens, "default account", lambda m: pod(m).pop("serviceAccountName")),
    (policies.links, "service links", lambda m: pod(m).pop("enableServiceLinks")),
    (policies.images, "has no version", lambda m: starter(m).update(image="depesche")),
    (policies.images, "has no version", lambda m: service_container(m).update(image="registry:5000/depesche:latest")),
    (policies.resources, "requests no cpu", lambda m: service_container(m)["resources"]["requests"].pop("cpu")),
    (policies.resources, "memory", lambda m: service_container(m)["resources"]["limits"].update(memory="8Gi")),
    (
        policies.resources,
        "ephemeral storage",
        lambda m: service_container(m)["resources"]["limits"].update({"ephemeral-storage": "128Mi"}),
    ),
    (policies.resources, "no limit on cores", lambda m: service_container(m)["resources"]["limits"].pop("cpu")),
    (
        policies.probes,
        "livenessProbe does not",
        lambda m: service_container(m)["livenessProbe"]["httpGet"].update(path="/readyz"),
    ),
    (policies.probes, "readinessProbe does not", lambda m: service_container(m).pop("readinessProbe")),
    (
        policies.probes,
        "kills a busy process",
        lambda m: service_container(m)["livenessProbe"].update(failureThreshold=2),
    ),
    (policies.probes, "reacts too late", lambda m: service_container(m)["readinessProbe"].update(periodSeconds=30)),
    (policies.probes, "starts slowly", lambda m: service_container(m)["startupProbe"].pop("failureThreshold")),
    (policies.endings, "before proxies drop it", lambda m: service_container(m).pop("lifecycle")),
    (
        policies.endings,
        "shorter than the longest request",
        lambda m: settings(m).update(DEPESCHE_REQUEST_TIMEOUT_MS=f"{int(settings(m)['DEPESCHE_DRAIN_S']) + 1}000"),
    ),
    (
        policies.endings,
        "killed while it drains",
        lambda m: settings(m).update(DEPESCHE_DRAIN_S=str(pod(m)["terminationGracePeriodSeconds"] - 15)),
    ),
    (policies.scaling, "owned by the autoscaler", lambda m: named(m, "Deployment")["spec"].update(replicas=3)),
    (policies.scaling, "replicas are not set", without("HorizontalPodAutoscaler")),
    (policies.scaling, "more than one pod", lambda m: named(m, "PodDisruptionBudget")["spec"].update(maxUnavailable=2)),
    (
        policies.scaling,
        "selects no pod",
        lambda m: named(m, "PodDisruptionBudget")["spec"]["selector"].update(matchLabels={}),
    ),
    (policies.references, "0 kinds of pods", lambda m: named(m, "Service")["spec"]["selector"].update(more="labels")),
    (policies.references, "no port", lambda m: service_container(m)["ports"].pop()),
    (
        policies.references,
        "scales nothing",
        lambda m: named(m, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="x"),
    ),
    (policies.references, "no PersistentVolumeClaim", without("PersistentVolumeClaim", "depesche-models")),
    (policies.references, "no ServiceAccount", without("ServiceAccount")),
    (policies.network, "Egress is open", without("NetworkPolicy")),
    (policies.network, "may call anything", lambda m: egress(m).append({})),
    (policies.network, "may call ['443', '53']", lambda m: egress(m)[0]["ports"].append({"port": 443})),
    (policies.network, "may call", lambda m: egress(m)[0].pop("to")),
    (policies.network, "every pod of a namespace", lambda m: egress(m)[0]["to"][0].pop("podSelector")),
    (policies.network, "admin port is open", lambda m: admin_ingress(m).pop("from")),
]


@pytest.mark.parametrize(("policy", "complaint", "broken"), BROKEN)
def test_policy_finds_a_breach(production: list[Manifest], policy: Policy, complaint: str, broken: Break) -> None:
    broken(production)
    assert any(complaint in found for found in policy(production)), list(policy(production))


def test_every_policy_has_a_breach() -> None:
    assert {policy for policy, _, _ in BROKEN} == set(policies.POLICIES)
