"""Tests that Kubernetes manifests, image and compose.yaml match the settings, ports and commands of the service."""

import re
from typing import Any

import pytest
import typer
import yaml

import service
from service.cli.main import app
from service.registry.catalog import Catalog
from service.settings import Settings
from tests.k8s.conftest import OVERLAYS, ROOT, rendered
from tests.k8s.manifests import Manifest, containers, service_container, settings

FOLDERS = OVERLAYS
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PYTHON_OF_THE_IMAGE = "3.11"  # the Python version of Debian bookworm
OF_THE_IMAGE = dict(re.findall(r"(DEPESCHE_[A-Z_]+)=(\S+)", DOCKERFILE))


@pytest.fixture(autouse=True)
def the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_THE_IMAGE.items():
        monkeypatch.setenv(name, value)


def given(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("folder", FOLDERS)
def test_service_accepts_overlay_settings(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    manifests = rendered(folder)
    found = given(monkeypatch, settings(manifests))
    ports = {port["name"]: port["containerPort"] for port in service_container(manifests)["ports"]}
    assert ports == {"http": found.port, "admin": found.admin_port}
    assert (found.host, found.admin_host, found.metrics_port) == ("0.0.0.0", "0.0.0.0", "admin")  # noqa: S104
    assert {found.translation_model, found.summary_model} - {None} <= set(Catalog(ROOT / "models").names())


@pytest.mark.parametrize("folder", [*FOLDERS, "models"])
def test_manifest_commands_exist(folder: str) -> None:
    for _, _, container in containers(rendered(folder)):
        if container["image"].startswith("depesche:"):
            assert "command" not in container  # the image's entry point
            assert has_command(container.get("args", ["serve"]))


def test_models_share_one_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    production, (puller,) = rendered("overlays/production"), [one for _, _, one in containers(rendered("models"))]
    served, pulled = settings(production), {one["name"]: one["value"] for one in puller["env"]}
    assert given(monkeypatch, served).installed_dir == given(monkeypatch, pulled).installed_dir
    mounts = [
        mount["mountPath"]
        for one in (puller, *(one for _, _, one in containers(production) if one["image"].startswith("depesche:")))
        for mount in one["volumeMounts"]
        if mount["name"] == "models"
    ]
    assert mounts == [served["DEPESCHE_INSTALLED_DIR"]] * 3


def test_verified_models_are_served() -> None:
    (found,) = (one for _, _, one in containers(rendered("overlays/production")) if one["name"] == "verify-models")
    assert found["args"] == ["models", "verify", "$(DEPESCHE_TRANSLATION_MODEL)", "$(DEPESCHE_SUMMARY_MODEL)"]
    served = settings(rendered("overlays/production"))
    names = [served[name[2:-1]] for name in found["args"][2:]]
    ((_, _, puller),) = containers(rendered("models"))
    assert puller["args"] == ["models", "pull", *names]


def test_gpu_overlay_serves_converted_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Check that the GPU overlay does not require the torch engine.

    A downloaded model has no weights for this engine.
    """
    manifests = rendered("overlays/gpu")
    found = given(monkeypatch, settings(manifests))
    assert (found.engine, found.device) == ("auto", "cuda")
    (path,) = (one["value"] for one in service_container(manifests)["env"] if one["name"] == "LD_LIBRARY_PATH")
    assert path.startswith(f"/opt/depesche/lib/python{PYTHON_OF_THE_IMAGE}/site-packages/")
    assert "bookworm" in DOCKERFILE
    assert "PATH=/opt/depesche/bin" in DOCKERFILE


def has_command(arguments: list[str]) -> bool:
    """Return whether ``arguments`` name an existing command of the command line."""
    found: Any = typer.main.get_command(app)
    for argument in arguments:
        if hasattr(found, "commands"):  # otherwise it would be an argument of the command
            found = found.commands.get(argument)
    return found is not None and not hasattr(found, "commands")


def test_missing_command_is_found() -> None:
    assert has_command(["models", "list"])
    assert has_command(["translate", "article.txt"])
    assert not has_command(["models", "verified"])
    assert not has_command(["models", "verified", "name"])
    assert not has_command(["models"])


def test_secret_example_names_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "k8s" / "base" / "secret.example.yaml").read_text("utf-8")
    filled_in = given(monkeypatch, yaml.safe_load(text)["stringData"])
    named = set(re.findall(r"^ +(?:# )?DEPESCHE_([A-Z_]+): ", text, re.MULTILINE))
    assert named == {
        name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    assert filled_in.cache_key is not None


@pytest.mark.parametrize("folder", FOLDERS)
def test_secret_example_overrides_no_setting(folder: str) -> None:
    example = yaml.safe_load((ROOT / "k8s" / "base" / "secret.example.yaml").read_text("utf-8"))
    assert set(example["stringData"]) & set(settings(rendered(folder))) == set()


def test_compose_drains_before_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = COMPOSE["depesche"]["environment"]
    assert environment["DEPESCHE_CACHE_SEAL_KEY"].startswith("${DEPESCHE_CACHE_SEAL_KEY:?")  # compose stops without it
    found = given(monkeypatch, {**environment, "DEPESCHE_CACHE_SEAL_KEY": "none"})
    assert found.drain_s >= found.request_timeout_ms / 1000
    assert float(COMPOSE["depesche"]["stop_grace_period"].removesuffix("s")) > found.drain_s + 6
    ports = [f"127.0.0.1:8000:{found.port}", f"127.0.0.1:8001:{found.admin_port}"]
    assert COMPOSE["depesche"]["ports"] == ports


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_is_as_confined_as_pods(name: str) -> None:
    container = COMPOSE[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"/tmp:size=\d+m,mode=1777", container["tmpfs"][0])  # noqa: S108 - the container's own
    assert container.get("user", "65532:65532") == "65532:65532"
    assert "USER 65532:65532\n" in DOCKERFILE


def test_compose_and_manifests_share_images() -> None:
    wanted = {f"depesche:{service.__version__}-cpu", f"depesche:{service.__version__}-full", COMPOSE["redis"]["image"]}
    manifests: list[Manifest] = [one for folder in FOLDERS if folder != "overlays/llm" for one in rendered(folder)]
    assert {container["image"] for _, _, container in containers(manifests)} == wanted
    assert COMPOSE["depesche"]["image"] in wanted
