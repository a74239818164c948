"""`make pin-base` writes what the registry says, and nothing where it says nothing."""

import os
from pathlib import Path

import pytest

from container import pin

DIGEST = "sha256:" + "0123456789abcdef" * 4
DOCKERFILE = "ARG BASE_IMAGE=debian:bookworm-slim\nARG BASE_DIGEST=\nFROM ${BASE_IMAGE}\n"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which a test fills, before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(pin, "DOCKERFILE", tmp_path / "Dockerfile")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE, "utf-8")
    return tmp_path / "docker"


def answering(docker: Path, script: str) -> None:
    docker.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    docker.chmod(0o755)


def test_the_digest_of_the_base_is_written(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answering(docker, f'[ "$4" = debian:bookworm-slim ] && echo {DIGEST}')
    pin.main()
    assert pin.DOCKERFILE.read_text("utf-8") == DOCKERFILE.replace("BASE_DIGEST=", f"BASE_DIGEST={DIGEST}")
    assert capsys.readouterr().out == f"BASE_DIGEST={DIGEST}\n"


def test_an_older_digest_is_replaced() -> None:
    older = DOCKERFILE.replace("BASE_DIGEST=", "BASE_DIGEST=sha256:" + "f" * 64)
    assert pin.pinned(older, DIGEST) == DOCKERFILE.replace("BASE_DIGEST=", f"BASE_DIGEST={DIGEST}")


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo no route to it >&2; exit 1", "no route to it"), ("echo latest", "latest"), ("true", "no digest")],
)
def test_without_a_digest_nothing_is_written(docker: Path, script: str, reason: str) -> None:
    answering(docker, script)
    with pytest.raises(SystemExit, match=reason):
        pin.main()
    assert pin.DOCKERFILE.read_text("utf-8") == DOCKERFILE


def test_without_docker_nothing_is_written(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker.parent / "empty"))
    with pytest.raises(SystemExit, match="docker cannot be run"):
        pin.main()


def test_a_dockerfile_without_a_base_is_refused() -> None:
    with pytest.raises(pin.NotPinned, match="no ARG BASE_IMAGE"):
        pin.base_image("FROM scratch\n")
