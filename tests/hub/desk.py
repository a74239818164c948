"""The environment of an operator: a local hub, a catalogue with one model, and the real command line."""

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
from tests.hub.forked import Command, Running
from tests.hub_server import Hub, Repo

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
least_chrf = 0
"""


def checkpoint(folder: Path) -> dict[str, bytes]:
    """Return the repository files of a tiny Marian checkpoint with random weights."""
    checkpoints.marian(folder)
    return {name: (folder / name).read_bytes() for name in FILES}


class Program:
    """A malicious object that runs a command when the pickle module loads it."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


def pickled(files: dict[str, bytes], **more: Any) -> dict[str, bytes]:
    """Return ``files`` with the weights as a pickle instead of safetensors, as in older repositories.

    ``more`` contains additional entries of the pickle.
    """
    held = BytesIO()
    torch.save({**load(files["model.safetensors"]), **more}, held)
    others = {name: content for name, content in files.items() if name != "model.safetensors"}
    return {**others, "pytorch_model.bin": held.getvalue()}


@dataclass
class Desk:
    """The environment of an operator, in which each command `depesche models …` runs in a separate process."""

    folder: Path
    hub: Hub
    program: str = "tests.hub.light"  # or "service", which uses the real conversion
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.models / "catalog").mkdir(parents=True)
        self.describe(CATALOG)

    @property
    def models(self) -> Path:
        """Return the value of DEPESCHE_MODELS_DIR."""
        return self.folder / "models"

    @property
    def installed(self) -> Path:
        """Return the value of DEPESCHE_INSTALLED_DIR."""
        return self.folder / "installed"

    @property
    def cache(self) -> Path:
        """Return the value of HF_HOME, the folder of the client's cache."""
        return self.folder / "cache"

    def describe(self, manifest: str, name: str = NAME) -> None:
        """Write ``manifest`` to the catalogue under ``name``."""
        (self.models / "catalog" / f"{name}.toml").write_text(manifest, "utf-8")

    def publish(self, files: dict[str, bytes], **repo: Any) -> Repo:
        """Publish ``files`` on the hub as the model's repository, and return the repository.

        ``repo`` contains further fields of the repository, such as its commit.
        """
        self.hub.repos[REPO] = Repo(dict(files), **repo)
        return self.hub.repos[REPO]

    def start(self, *arguments: str | Path, file_bytes: int | None = None) -> Running:
        """Start the command `depesche models` with ``arguments``.

        ``file_bytes`` limits the size of each file that the command writes.
        """
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="command-"))
        given = ("models", *map(str, arguments))
        return Command(self.program, given, self.environment_of_a_command(), folder, file_bytes).start()

    def environment_of_a_command(self) -> dict[str, str]:
        """Return the environment variables for commands.

        The settings of the service and of the hub client are those of this `Desk`. The other variables are those of the
        test process.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEPESCHE_", "HF_"))}
        places = {"DEPESCHE_MODELS_DIR": str(self.models), "DEPESCHE_INSTALLED_DIR": str(self.installed)}
        hub = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.cache), "no_proxy": "127.0.0.1,localhost"}
        return {**kept, **places, **hub, **self.environment}

    def run(self, *arguments: str | Path, file_bytes: int | None = None) -> CompletedProcess[str]:
        """Run the command `depesche models` with ``arguments``, and return its result.

        ``file_bytes`` limits the size of each file that the command writes.
        """
        return self.start(*arguments, file_bytes=file_bytes).end(PATIENCE_S)

    def run_in_new_process(self, *arguments: str | Path) -> CompletedProcess[str]:
        """Run the command `depesche models` with ``arguments`` in a new Python process, and return its result."""
        command = [sys.executable, "-m", self.program, "models", *map(str, arguments)]
        environment = self.environment_of_a_command()
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)

    def copy_models_from(self, other: "Desk") -> None:
        """Copy the installed models and the lock file from ``other``."""
        shutil.copytree(other.installed, self.installed)

    def error_of(self, *arguments: str | Path, file_bytes: int | None = None) -> str:
        """Run a command that must fail, and return its error message.

        ``file_bytes`` limits the size of each file that the command writes.
        """
        return self.error_from(self.start(*arguments, file_bytes=file_bytes))

    def error_from(self, running: Running) -> str:
        """Wait for a command that must fail, and return its error message."""
        done = running.end(PATIENCE_S)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("depesche: "), done.stderr
        return last.removeprefix("depesche: ")

    def pull(self) -> None:
        """Pull the model, and assert that the command succeeds."""
        done = self.run("pull", NAME)
        assert done.returncode == 0, done.stderr

    def content(self) -> dict[str, bytes]:
        """Return the content of every file of the installed model, by path."""
        folder = self.installed / NAME
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def locked(self) -> dict[str, Any]:
        """Return the table in models.lock for the model's repository."""
        tables = tomllib.loads((self.installed / "models.lock").read_text("utf-8"))
        found: dict[str, Any] = tables[REPO]
        return found

    def leftovers(self) -> list[str]:
        """Return the names of the hidden files, except the lock file, in the folder of installed models.

        A command that was interrupted may have left such files.
        """
        hidden = (path.name for path in self.installed.glob(".*"))
        return [name for name in hidden if name != ".changing"]
