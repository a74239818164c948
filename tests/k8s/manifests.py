"""Functions that return parts of Kubernetes manifests."""

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]
SERVICE = "depesche"


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str = SERVICE) -> Manifest:
    (found,) = (manifest for manifest in of_kind(manifests, kind) if manifest["metadata"]["name"] == name)
    return found


def templates(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield (kind and name, pod template) for every object that contains a pod template."""
    for manifest in manifests:
        template = manifest.get("spec", {}).get("template")
        if template is not None:
            yield f"{manifest['kind']} {manifest['metadata']['name']}", template


def containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield (location, pod spec, container) for every container, including init containers."""
    for owner, template in templates(manifests):
        spec = template["spec"]
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            yield f"{owner}: {container['name']}", spec, container


def service_container(manifests: list[Manifest]) -> Manifest:
    spec = named(manifests, "Deployment")["spec"]["template"]["spec"]
    found: Manifest
    (found,) = (container for container in spec["containers"] if container["name"] == SERVICE)
    return found


def settings(manifests: list[Manifest]) -> dict[str, str]:
    """Return the environment variables that the service gets from its ConfigMap."""
    (source,) = (
        one["configMapRef"]["name"] for one in service_container(manifests)["envFrom"] if "configMapRef" in one
    )
    data: dict[str, str] = named(manifests, "ConfigMap", source)["data"]
    return data
