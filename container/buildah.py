"""Builds the Dockerfile with Buildah, which needs no daemon: each RUN is a process under chroot."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container.index import IndexConfig


@dataclass(frozen=True, slots=True)
class Config:
    """What an image says of how it is to be run."""

    environment: dict[str, str]
    command: list[str]
    user: str
    folder: str
    stop_signal: str
    health: list[str]
    labels: dict[str, str]


class Buildah:
    """Images in a store of their own under ``folder``.

    All methods raise subprocess.CalledProcessError where Buildah fails; ``build.log`` in there has the builds' output.
    """

    def __init__(self, folder: Path) -> None:
        self._program = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self._log = folder / "build.log"

    def imported(self, root: Path, name: str) -> str:
        """The image ``name``, made of a root file system, once: a new one would make every layer above it anew."""
        known = [*self._program, "inspect", "--type", "image", name]
        if subprocess.run(known, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return name
        container = self._said("from", "scratch")
        try:
            self._said("add", "--quiet", container, str(root), "/")
            self._said("commit", "--quiet", container, name)
        finally:
            self._said("rm", container)
        return name

    def built(self, context: Path, target: str, arguments: dict[str, str], index: IndexConfig) -> str:
        """The image of one target of ``context``'s Dockerfile; layers that are there already are taken as they are."""
        name = f"localhost/depesche:{target}"
        given = [option for key, value in arguments.items() for option in ("--build-arg", f"{key}={value}")]
        mounts = [option for volume in index.volumes for option in ("--volume", volume)]
        place = ["--isolation", "chroot", "--network", "host", "--format", "docker", "--layers"]
        command = [*self._program, "build", *place, *given, *mounts, "--target", target, "--tag", name, str(context)]
        with self._log.open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)
        return name

    def config(self, image: str) -> Config:
        """How the image is to be run."""
        found: dict[str, Any] = json.loads(self._said("inspect", "--type", "image", image))["Docker"]["config"]
        return Config(
            environment=dict(entry.split("=", 1) for entry in found["Env"]),
            command=[*found["Entrypoint"], *found["Cmd"]],
            user=found["User"],
            folder=found["WorkingDir"],
            stop_signal=found["StopSignal"],
            health=found["Healthcheck"]["Test"][1:],
            labels=found["Labels"],
        )

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The image's root file system, for as long as the block lasts."""
        container = self._said("from", "--pull-never", image)
        try:
            yield Path(self._said("mount", container))
        finally:
            self._said("rm", container)

    def _said(self, *arguments: str) -> str:
        done = subprocess.run([*self._program, *arguments], check=True, stdout=subprocess.PIPE, encoding="utf-8")
        return done.stdout.strip()
