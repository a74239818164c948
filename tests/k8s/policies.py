"""Rules that manifests must follow and that schemas cannot express. Each function yields the violations of a rule."""

from collections.abc import Callable, Iterator

from service.settings import Settings
from tests.k8s.manifests import (
    SERVICE,
    Manifest,
    containers,
    named,
    of_kind,
    service_container,
    settings,
    templates,
)

Policy = Callable[[list[Manifest]], Iterator[str]]
NOBODY = 65532
LEAVING_S = 6  # the shutdown and the administration port, see service/server.py
DNS, REDIS, LLM = 53, 6379, 8000
AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def restricted(manifests: list[Manifest]) -> Iterator[str]:
    """Yield violations of the Pod Security Standard Restricted.

    Each container must also use the user id of the service and a read-only root file system.
    """
    for where, spec, container in containers(manifests):
        context = container.get("securityContext", {})
        wanted = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        yield from (f"{where}: {key} is not {value}" for key, value in wanted.items() if context.get(key) != value)
        yield from (f"{where}: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key))
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{where}: uses a port of its node"


def volumes(manifests: list[Manifest]) -> Iterator[str]:
    """Yield writable mounts other than /tmp, volumes without a size limit, and volumes of the node.

    Jobs, which pull models, may have other writable mounts.
    """
    for where, spec, container in containers(manifests):
        by_name = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            volume = by_name[mount["name"]]
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{where}: {mount['name']} has no size limit"
            if mount["mountPath"] != "/tmp" and not mount.get("readOnly") and not where.startswith("Job "):  # noqa: S108
                yield f"{where}: {mount['mountPath']} is writable"
        yield from (f"{where}: uses the node's {name}" for name, volume in by_name.items() if "hostPath" in volume)


def tokens(manifests: list[Manifest]) -> Iterator[str]:
    """Yield pods and service accounts that mount a token for the Kubernetes API.

    Also yield pods that use the default service account.
    """
    for where, template in templates(manifests):
        if template["spec"].get("automountServiceAccountToken") is not False:
            yield f"{where}: mounts a token"
        if template["spec"].get("serviceAccountName") != SERVICE:
            yield f"{where}: runs under the default account"
    for account in of_kind(manifests, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {account['metadata']['name']}: mounts tokens"


def links(manifests: list[Manifest]) -> Iterator[str]:
    """Yield pods in which Kubernetes would set DEPESCHE_PORT for the Service ``depesche``."""
    for where, template in templates(manifests):
        if template["spec"].get("enableServiceLinks") is not False:
            yield f"{where}: enables service links"


def images(manifests: list[Manifest]) -> Iterator[str]:
    """Yield the containers whose image has no version in its tag."""
    for where, _, container in containers(manifests):
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if tag in {"", "latest"}:
            yield f"{where}: {container['image']} has no version"


def resources(manifests: list[Manifest]) -> Iterator[str]:
    """Yield containers with missing resource requests, or whose memory limit differs from the request.

    Containers of the service must also have a CPU limit. Their limits on ephemeral storage must be large enough for
    their volumes.
    """
    for where, _, container in containers(manifests):
        found = container.get("resources", {})
        requests, limits = found.get("requests", {}), found.get("limits", {})
        yield from (f"{where}: requests no {name}" for name in ("cpu", "memory") if name not in requests)
        if requests.get("memory") != limits.get("memory"):
            yield f"{where}: memory limit differs from request"
        if container["image"].startswith(SERVICE) and "cpu" not in limits:
            yield f"{where}: no limit on cores"
    for where, template in templates(manifests):
        spec = template["spec"]
        limits_mib = [
            _mib(one.get("resources", {}).get("limits", {}).get("ephemeral-storage")) for one in spec["containers"]
        ]
        volumes_mib = sum(_mib(one["emptyDir"].get("sizeLimit")) for one in spec["volumes"] if "emptyDir" in one)
        if not all(limits_mib) or sum(limits_mib) <= volumes_mib:
            yield f"{where}: ephemeral storage has no limit, or one below its volumes"


def _mib(size: str | None) -> int:
    """Return a size such as ``64Mi`` or ``2Gi`` in MiB, or 0 if it is missing."""
    return 0 if size is None else int(size[:-2]) * {"Mi": 1, "Gi": 1_024}[size[-2:]]


def probes(manifests: list[Manifest]) -> Iterator[str]:
    """Yield faults of the service's probes: wrong paths, and too few or too many tolerated failures."""
    container = service_container(manifests)
    for probe, path in (("startupProbe", "/livez"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
        if container.get(probe, {}).get("httpGet") != {"path": path, "port": "http"}:
            yield f"{probe} does not ask {path}"
    patience_s = {
        probe: container.get(probe, {}).get("periodSeconds", 10) * container.get(probe, {}).get("failureThreshold", 3)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    if patience_s["livenessProbe"] < 30:
        yield "livenessProbe kills a busy process"
    if patience_s["readinessProbe"] > 15:
        yield "readinessProbe reacts too late to a pod that is not ready"
    if patience_s["startupProbe"] < 60:
        yield "startupProbe kills a process that starts slowly"


def endings(manifests: list[Manifest]) -> Iterator[str]:
    """Yield faults of the shutdown: proxies need a pause before it, and the longest request must be able to finish."""
    spec = named(manifests, "Deployment")["spec"]["template"]["spec"]
    command = service_container(manifests).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    pause_s = int(command[1]) if command[:1] == ["sleep"] else 0
    drain_s = float(settings(manifests).get("DEPESCHE_DRAIN_S", 30))
    default_ms = Settings.model_fields["request_timeout_ms"].default
    request_s = int(settings(manifests).get("DEPESCHE_REQUEST_TIMEOUT_MS", default_ms)) / 1_000
    if pause_s < 5:
        yield "the process stops before proxies drop it"
    if drain_s < request_s:
        yield "the drain is shorter than the longest request"
    if spec.get("terminationGracePeriodSeconds", 30) <= pause_s + drain_s + LEAVING_S:
        yield "the process is killed while it drains"


def scaling(manifests: list[Manifest]) -> Iterator[str]:
    """Yield Deployments whose number of replicas is set twice or not at all.

    Also yield faults of the disruption budget, which must allow one pod at a time to stop.
    """
    owned = {one["spec"]["scaleTargetRef"]["name"] for kind in AUTOSCALERS for one in of_kind(manifests, kind)}
    for deployment in of_kind(manifests, "Deployment"):
        name, has = deployment["metadata"]["name"], "replicas" in deployment["spec"]
        if has == (name in owned):
            yield f"Deployment {name}: replicas are {'owned by the autoscaler' if has else 'not set'}"
    budget = named(manifests, "PodDisruptionBudget")
    if budget["apiVersion"] != "policy/v1" or budget["spec"].get("maxUnavailable") != 1:
        yield "a disruption may remove more than one pod"
    if not _selects(budget["spec"]["selector"]["matchLabels"], named(manifests, "Deployment")["spec"]["template"]):
        yield "the disruption budget selects no pod"


def references(manifests: list[Manifest]) -> Iterator[str]:
    """Yield references to objects and ports that do not exist."""
    pods = [template for _, template in templates(manifests)]
    for service in of_kind(manifests, "Service"):
        name = service["metadata"]["name"]
        selected = [pod for pod in pods if _selects(service["spec"]["selector"], pod)]
        if len(selected) != 1:
            yield f"Service {name}: selects {len(selected)} kinds of pods"
        ports = {port["name"] for pod in selected for one in pod["spec"]["containers"] for port in one.get("ports", [])}
        asked = {port["targetPort"] for port in service["spec"]["ports"]}
        yield from (f"Service {name}: no port {port}" for port in sorted(asked - ports))
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    for target in (one for kind in AUTOSCALERS for one in of_kind(manifests, kind)):
        if ("Deployment", target["spec"]["scaleTargetRef"]["name"]) not in there:
            yield "the autoscaler scales nothing"
    for where, spec, container in containers(manifests):
        asked = {
            ("ConfigMap", one["configMapRef"]["name"]) for one in container.get("envFrom", []) if "configMapRef" in one
        }
        claims = (one["persistentVolumeClaim"] for one in spec.get("volumes", []) if "persistentVolumeClaim" in one)
        asked |= {("PersistentVolumeClaim", claim["claimName"]) for claim in claims}
        asked.add(("ServiceAccount", spec.get("serviceAccountName", "default")))
        yield from (f"{where}: no {kind} {name}" for kind, name in sorted(asked - there))


def network(manifests: list[Manifest]) -> Iterator[str]:
    """Yield faults of network policies.

    Every pod needs policies for ingress and egress. Egress is allowed only to DNS, Redis and a language model, and the
    administration port must not be open to all.
    """
    policies = of_kind(manifests, "NetworkPolicy")
    for where, template in templates(manifests):
        mine = [one for one in policies if _selects(one["spec"]["podSelector"].get("matchLabels", {}), template)]
        bounded = {kind for one in mine for kind in one["spec"]["policyTypes"]}
        yield from (f"{where}: {kind} is open" for kind in ("Ingress", "Egress") if kind not in bounded)
        for rule in (rule for one in mine for rule in one["spec"].get("egress", [])):
            ports = {port.get("port") for port in rule.get("ports", [])}
            if not rule.get("to") or not ports or not ports <= {DNS, REDIS, LLM}:
                yield f"{where}: may call {sorted(map(str, ports)) or 'anything'}"
            if any("namespaceSelector" in peer and "podSelector" not in peer for peer in rule.get("to", [])):
                yield f"{where}: may call every pod of a namespace"
    for rule in (rule for one in policies for rule in one["spec"].get("ingress", [])):
        ports = {port.get("port") for port in rule.get("ports", [])}
        peers = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in rule.get("from") or [{}]]
        if "admin" in ports and not all(peers):
            yield "the admin port is open"
        if not ports or None in ports:
            yield "every port is open"


def _selects(labels: dict[str, str], template: Manifest) -> bool:
    return bool(labels) and labels.items() <= template["metadata"]["labels"].items()


POLICIES: tuple[Policy, ...] = (
    restricted,
    volumes,
    tokens,
    links,
    images,
    resources,
    probes,
    endings,
    scaling,
    references,
    network,
)
# The job has no Service and no probes, and may connect to a hub.
OF_ANY_POD: tuple[Policy, ...] = (restricted, volumes, tokens, links, images, resources)
