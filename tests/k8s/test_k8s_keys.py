"""Tests of the Kustomize component `keys`: in any overlay, the service reads the key file from the Secret."""

import pytest

from service.settings import Settings
from tests.k8s import policies
from tests.k8s.conftest import OVERLAYS, composed
from tests.k8s.manifests import Manifest, containers, named, service_container, settings
from tests.k8s.policies import Policy
from tests.k8s.test_k8s_schemas import VERSIONS, validate

SECRET = "depesche-keys"  # noqa: S105 - its name
FILE = "keys"  # the name in the command in docs/operations.md


def with_keys(folder: str) -> list[Manifest]:
    return composed(f"resources: [depesche/k8s/{folder}]\ncomponents: [depesche/k8s/components/keys]\n")


@pytest.mark.parametrize("folder", OVERLAYS)
def test_key_file_is_in_the_secret_volume(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    manifests = with_keys(folder)
    monkeypatch.setenv("DEPESCHE_KEYS_FILE", settings(manifests)["DEPESCHE_KEYS_FILE"])
    file = Settings().keys_file
    assert file is not None
    assert file.name == FILE
    (mount,) = (one for one in service_container(manifests)["volumeMounts"] if one["name"] == "keys")
    # A subPath mount would not be updated when the Secret changes.
    assert mount == {"name": "keys", "mountPath": str(file.parent), "readOnly": True}
    volumes = named(manifests, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "keys", "secret": {"secretName": SECRET}} in volumes


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_keys_overlay_keeps_every_policy(policy: Policy) -> None:
    assert list(policy(with_keys("overlays/production"))) == []


def test_keys_overlay_meets_its_schemas() -> None:
    for manifest in with_keys("overlays/production"):
        validate(manifest, VERSIONS[0])


def test_no_other_container_sees_the_keys() -> None:
    manifests = with_keys("overlays/production")
    seeing = [where for where, _, one in containers(manifests) if "keys" in {m["name"] for m in one["volumeMounts"]}]
    assert seeing == ["Deployment depesche: depesche"]
