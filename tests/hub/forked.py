"""Commands that run in forks of a process that has already imported the libraries.

This saves seconds for each command.
"""

import multiprocessing
import os
import resource
import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess

_CONTEXT = multiprocessing.get_context("forkserver")
# The hub's client, and transformers, which imports it, are left out: the client reads the environment at import.
_CONTEXT.set_forkserver_preload(["service.cli.main", "torch", "safetensors.torch", "ctranslate2", "wordfreq", "pytest"])
TOLD, COMPLAINED = "stdout", "stderr"


@dataclass(frozen=True, slots=True)
class Command:
    """A command ``python -m program arguments``, whose output is written to ``folder``."""

    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    file_bytes: int | None = None
    """The maximum size of a file that the command may write, or None for no limit."""

    def start(self) -> "Running":
        process = _CONTEXT.Process(target=_run, args=(self,))
        process.start()
        return Running(self, process)


@dataclass(frozen=True, slots=True)
class Running:
    """A command that is running in a forked process."""

    command: Command
    process: BaseProcess

    def end(self, limit_s: float) -> CompletedProcess[str]:
        """Wait at most ``limit_s`` seconds until the process has exited, and return its result."""
        self.process.join(limit_s)
        assert self.process.exitcode is not None, f"{self.command.arguments} took longer than {limit_s} s"
        out, err = ((self.command.folder / name).read_text("utf-8") for name in (TOLD, COMPLAINED))
        return CompletedProcess(self.command.arguments, self.process.exitcode, out, err)


def _run(command: Command) -> None:
    assert "huggingface_hub" not in sys.modules, "the environment would come too late"
    os.environ.clear()
    os.environ.update(command.environment)
    for number, name in ((1, TOLD), (2, COMPLAINED)):
        os.dup2(os.open(command.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    if command.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (command.file_bytes,) * 2)
    sys.argv = [command.program, *command.arguments]
    runpy.run_module(command.program, run_name="__main__", alter_sys=True)
