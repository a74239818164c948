"""A command in a process forked from one that has its libraries loaded: Python and they take seconds to start anew."""

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
# Not the hub's client, nor transformers, which loads it: it reads the environment when it is imported.
_CONTEXT.set_forkserver_preload(["service.cli", "torch", "safetensors.torch", "ctranslate2", "wordfreq", "pytest"])
TOLD, COMPLAINED = "stdout", "stderr"


@dataclass(frozen=True, slots=True)
class Command:
    """``python -m program arguments``, and in ``folder`` what it writes."""

    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    file_bytes: int | None = None
    """No file that it writes may be larger; None: any size."""

    def start(self) -> "Running":
        """Start it."""
        process = _CONTEXT.Process(target=_run, args=(self,))
        process.start()
        return Running(self, process)


@dataclass(frozen=True, slots=True)
class Running:
    """A command that was started."""

    command: Command
    process: BaseProcess

    def end(self, limit_s: float) -> CompletedProcess[str]:
        """Wait for its end."""
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
