"""An operator's desk: a hub of our own, a catalogue with one model of it, and the real command line."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import torch
from safetensors.torch import load

from tests.engine import checkpoints
from tests.hub_server import Hub, Repo
from tests.store.forked import Command, Running

REPO, NAME = "tests/tiny", "tiny"
PATIENCE_S = 180
FILES = ("config.json", "source.spm", "target.spm", "vocab.json", "tokenizer_config.json", "model.safetensors")
CATALOG = """
id = "tests/tiny"
task = "translation"
architecture = "marian"
source_lang = "de"
target_lang = "en"
licence = "CC-BY-4.0"
commercial_use = "yes"
quality = "production"

[tokens]
max_source_tokens = 64
max_output_tokens = 64

[hub]
repo = "tests/tiny"
patterns = ["config.json", "*.spm", "vocab.json", "tokenizer_config.json"]
"""


def checkpoint(folder: Path) -> dict[str, bytes]:
    """The files of a tiny Marian checkpoint with random weights, as a repository holds them."""
    checkpoints.marian(folder)
    return {name: (folder / name).read_bytes() for name in FILES}


class Program:
    """A malicious object: unpickled without care it runs a command."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


def pickled(files: dict[str, bytes], **more: Any) -> dict[str, bytes]:
    """The same with its weights as a pickle, as older repositories have them."""
    held = BytesIO()
    torch.save({**load(files["model.safetensors"]), **more}, held)
    others = {name: content for name, content in files.items() if name != "model.safetensors"}
    return {**others, "pytorch_model.bin": held.getvalue()}


@dataclass
class Desk:
    """Runs `depesche models …` as an operator does, each in a process of its own."""

    folder: Path
    hub: Hub
    program: str = "tests.store.light"  # or "service", with the real conversion
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.models / "catalog").mkdir(parents=True)
        self.describe(CATALOG)

    @property
    def models(self) -> Path:
        """DEPESCHE_MODELS_DIR."""
        return self.folder / "models"

    @property
    def installed(self) -> Path:
        """DEPESCHE_INSTALLED_DIR."""
        return self.folder / "installed"

    @property
    def cache(self) -> Path:
        """The client's cache."""
        return self.folder / "cache"

    def describe(self, manifest: str, name: str = NAME) -> None:
        """Put a manifest into the catalogue."""
        (self.models / "catalog" / f"{name}.toml").write_text(manifest, "utf-8")

    def publish(self, files: dict[str, bytes], **repo: Any) -> Repo:
        """Put the model's files on the hub."""
        self.hub.repos[REPO] = Repo(dict(files), **repo)
        return self.hub.repos[REPO]

    def start(self, *arguments: str | Path, file_bytes: int | None = None) -> Running:
        """Start a command; none of its files may be larger than ``file_bytes``."""
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="command-"))
        given = ("models", *map(str, arguments))
        return Command(self.program, given, self.environment_of_a_command(), folder, file_bytes).start()

    def environment_of_a_command(self) -> dict[str, str]:
        """What an operator's shell has set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEPESCHE_", "HF_"))}
        places = {"DEPESCHE_MODELS_DIR": str(self.models), "DEPESCHE_INSTALLED_DIR": str(self.installed)}
        hub = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.cache), "no_proxy": "127.0.0.1,localhost"}
        return {**kept, **places, **hub, **self.environment}

    def run(self, *arguments: str | Path, file_bytes: int | None = None) -> CompletedProcess[str]:
        """Run a command to its end."""
        return self.start(*arguments, file_bytes=file_bytes).end(PATIENCE_S)

    def afresh(self, *arguments: str | Path) -> CompletedProcess[str]:
        """Run a command with a Python of its own, as a shell does."""
        command = [sys.executable, "-m", self.program, "models", *map(str, arguments)]
        environment = self.environment_of_a_command()
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)

    def take(self, other: "Desk") -> None:
        """Have the models and the lock that another desk has, in place of its own."""
        shutil.copytree(other.installed, self.installed)

    def told(self, *arguments: str | Path, file_bytes: int | None = None) -> str:
        """The one line that a failing command ends with."""
        return self.failed(self.start(*arguments, file_bytes=file_bytes))

    def failed(self, running: Running) -> str:
        """The one line that this command ends with, which fails."""
        done = running.end(PATIENCE_S)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("depesche: "), done.stderr
        return last.removeprefix("depesche: ")

    def pull(self) -> None:
        """Pull the model, which succeeds."""
        done = self.run("pull", NAME)
        assert done.returncode == 0, done.stderr

    def content(self) -> dict[str, bytes]:
        """Every file of the installed model."""
        folder = self.installed / NAME
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def locked(self) -> dict[str, Any]:
        """What models.lock says of the repository."""
        tables = tomllib.loads((self.installed / "models.lock").read_text("utf-8"))
        found: dict[str, Any] = tables[REPO]
        return found

    def left_over(self) -> list[str]:
        """What lies in the folder of installed models beside models and lock."""
        hidden = (path.name for path in self.installed.glob(".*"))
        return [name for name in hidden if name != ".changing"]
