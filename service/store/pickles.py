"""Pickled weights, which could be a program: rewritten as safetensors by a process that can do little else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from service.errors import ModelError, UnsafeWeights
from service.store import unpickle
from service.store.confine import Allowance

BASE_BYTES = 2**30  # what torch itself takes, with room
COPIES = 4  # of the file: the pickle's bytes, its tensors, those that are written, and room
MARGIN_BYTES = 2**24
BASE_S, BYTES_A_S = 60, 20 * 2**20
_PACKAGE = Path(__file__).resolve().parents[2]
_DAMAGED = "is damaged: torch cannot read it"
_TOLD = {
    unpickle.DAMAGED: _DAMAGED,
    unpickle.TOO_LARGE: "wants more memory than {memory} MiB, which weights of its size do not",
    unpickle.NOT_WRITTEN: "cannot be rewritten",
    unpickle.NO_TORCH: "is a pickle, and reading it needs the extra: pip install 'depesche[convert]'",
}


def allowance(size_bytes: int) -> Allowance:
    """What reading a file of that size may take."""
    return Allowance(
        data_bytes=BASE_BYTES + COPIES * size_bytes,
        file_bytes=3 * size_bytes + MARGIN_BYTES,
        cpu_s=BASE_S + size_bytes // BYTES_A_S,
    )


def rewrite(source: Path, target: Path) -> None:
    """Write the tensors of the pickle ``source`` to ``target`` as safetensors.

    The process that reads it has no network, no secrets in its environment, and bounds of memory, time and output.

    Raises:
        UnsafeWeights: the file holds more than tensors.
        ModelError: it is damaged, wants more than weights need, cannot be rewritten, or torch is not installed.
    """
    allowed = allowance(source.stat().st_size)
    code, reason = _run(source, target, allowed)
    if code == 0:
        return
    target.unlink(missing_ok=True)
    if code == unpickle.UNSAFE:
        raise UnsafeWeights(f"{source.name} holds more than weights ({reason}) and is not read")
    told = _TOLD.get(code, "could not be read: the process that read it ended with code {code}")
    sentence = told.format(memory=allowed.data_bytes >> 20, code=code)
    raise ModelError(f"{source.name} {sentence}" + (f" ({reason})" if code in _TOLD and reason else ""))


def _run(source: Path, target: Path, allowed: Allowance) -> tuple[int, str]:
    numbers = (allowed.data_bytes, allowed.file_bytes, allowed.cpu_s)
    command = [sys.executable, "-m", unpickle.__name__, str(source.resolve()), str(target), *map(str, numbers)]
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        process_group=0,
    ) as process:
        try:
            _, told = process.communicate(timeout=2 * allowed.cpu_s)
        except subprocess.TimeoutExpired:
            raise ModelError(f"{source.name} was not read within {2 * allowed.cpu_s} s") from None
        finally:
            _end(process)
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return process.returncode, lines[-1][:200] if lines else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process, where it still runs, and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """No token, no proxy, no settings: what finds Python and this package alone."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(_PACKAGE), "PYTHONSAFEPATH": "1"}
