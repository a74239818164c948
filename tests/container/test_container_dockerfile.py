"""What the Dockerfile promises, as far as it can be read off it; `make prove` builds it and serves from the result."""

import re
from pathlib import Path

import pytest

import service
from container.lock import torch_version
from service.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
TEXT = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ORIGINS = dict(re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE))


def instructions(stage: str, word: str) -> list[str]:
    return re.findall(rf"^{word} (.*)$", STAGES[stage], re.MULTILINE)


def test_the_base_is_fixed_by_a_digest_that_is_empty_at_first_or_whole() -> None:
    assert re.search(r"^ARG BASE_DIGEST=(sha256:[0-9a-f]{64})?$", TEXT, re.MULTILINE)
    assert ORIGINS["${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}}"] == "base"


@pytest.mark.parametrize("target", ["cpu", "full"])
def test_a_target_is_the_runtime_and_one_folder_of_packages_and_builds_nothing(target: str) -> None:
    assert STAGES[target].split("\n")[0] == f"COPY --from=installed-{target} /opt/depesche /opt/depesche"
    assert re.search(rf"^FROM runtime AS {target}$", TEXT, re.MULTILINE)
    assert instructions(target, "RUN") == instructions("runtime", "RUN") == []


def test_the_default_target_is_the_one_without_torch() -> None:
    assert list(STAGES)[-1] == "cpu"
    assert "torch" not in STAGES["installed-cpu"]


def test_the_image_runs_as_nobody_stops_by_sigterm_and_says_what_it_is() -> None:
    assert instructions("runtime", "USER") == ["65532:65532"]
    assert instructions("runtime", "STOPSIGNAL") == ["SIGTERM"]
    assert instructions("runtime", "EXPOSE") == ["8000"]
    (health,) = instructions("runtime", "HEALTHCHECK")
    assert "/readyz" in health
    (labels,) = instructions("runtime", "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


def test_every_package_is_installed_by_hash_but_torch_which_is_installed_by_version() -> None:
    commands = [command for stage in STAGES for command in instructions(stage, "RUN")]
    installs = [
        part for command in commands for part in command.split(" && ") if re.search(r"bin/pip\b.* install", part)
    ]
    assert len(installs) == 6
    others = [one for one in installs if "--require-hashes" not in one and "/wheel/*.whl" not in one]
    assert len(others) == 1
    assert others[0].rstrip().endswith('"torch==${TORCH_VERSION}"')
    assert re.fullmatch(r"\d+\.\d+\.\d+", torch_version(DOCKERFILE))
    assert f"TORCH ?= torch=={torch_version(DOCKERFILE)}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_no_index_is_named_and_torchs_has_no_default() -> None:
    assert instructions("installed-full", "ARG")[1] == "TORCH_INDEX_URL"
    assert "://" not in TEXT.replace("http://127.0.0.1", "")


def test_the_context_has_what_is_copied_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        source
        for stage in STAGES
        for one in instructions(stage, "COPY")
        if "--from" not in one
        for source in one.split()[:-1]
    }
    covered = {
        name
        for name in copied
        if any(rule == name or rule.startswith(f"{name}/") or Path(name).match(rule) for rule in let_in)
    }
    assert copied - covered == set()
    assert {rule.partition("/")[0] for rule in let_in} == {name.partition("/")[0] for name in copied}


def test_the_environment_is_one_that_the_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in re.findall(r"(DEPESCHE_[A-Z_]+)=(\S+)", STAGES["runtime"]):
        monkeypatch.setenv(name, value)
    assert (Settings().host, Settings().port) == ("0.0.0.0", 8000)  # noqa: S104


def test_images_are_tagged_with_the_version_of_the_service() -> None:
    for file in (ROOT / "k8s").rglob("kustomization.yaml"):
        tags = re.findall(r"newName: depesche\n\s+newTag: \"(.*)-(cpu|full)\"", file.read_text("utf-8"))
        assert {tag for tag, _ in tags} <= {service.__version__}
    assert f"image: depesche:{service.__version__}-cpu\n" in (ROOT / "compose.yaml").read_text("utf-8")
