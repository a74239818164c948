"""Conversion of pickled weights to safetensors in a child process with resource limits and without secrets.

The parent calls `rewrite`, and the child runs this module as a program. ``torch.load(weights_only=True)`` rejects all
objects except tensors and basic Python types. The resource limits abort the child if a file would exhaust memory,
processor time, disk space or file handles. They are not a sandbox.
"""

import os
import pickle  # only for its exception class; torch reads the file
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

from service.errors import ModelError, UnsafeWeights
from service.workers import protect_memory

BASE_BYTES = 2**30  # working memory of torch
# Copies of the weights in memory: the file's bytes, the tensors, the contiguous tensors, and the bytes of the output.
COPIES = 4
MARGIN_BYTES = 2**24
BASE_S, BYTES_PER_S = 60, 20 * 2**20
OPEN_FILES = 64
SAFETENSORS_FILE = "weights.safetensors"
_IMPORT_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
# A part of torch's message for a pickle with objects other than tensors. For a damaged file, torch raises the same type
# of exception with another message.
_FORBIDDEN = re.compile(r"(?:Unsupported (?:global|class|operand)|GLOBAL) \S+(?: \S+)?")


class Failure(IntEnum):
    """The exit codes of the child process. The last line of the child's standard error contains the details."""

    UNSAFE = 10
    DAMAGED = 11
    TOO_LARGE = 12
    NOT_WRITTEN = 13
    NO_TORCH = 14


_MESSAGES = {
    Failure.DAMAGED: "is damaged: torch cannot read it",
    Failure.TOO_LARGE: "needs more than {memory_mib} MiB of memory, which is too much for a file of its size",
    Failure.NOT_WRITTEN: "cannot be rewritten as safetensors",
    Failure.NO_TORCH: "is a pickle, which only torch can read; run: make production-torch",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The resource limits of the child process.

    On Linux, ``memory_bytes`` is the address space that the child may use in addition to what it uses after importing
    torch.
    ``file_bytes`` is the maximum size of a file that the child writes, and ``cpu_s`` is its maximum processor time in
    seconds.
    """

    memory_bytes: int
    file_bytes: int
    cpu_s: int

    @classmethod
    def for_file(cls, size_bytes: int) -> "Limits":
        """Return the limits for a weights file of ``size_bytes`` bytes."""
        return cls(
            memory_bytes=BASE_BYTES + COPIES * size_bytes,
            file_bytes=3 * size_bytes + MARGIN_BYTES,
            cpu_s=BASE_S + size_bytes // BYTES_PER_S,
        )

    @property
    def deadline_s(self) -> int:
        """The maximum wall-clock time of the child, in seconds."""
        return 2 * self.cpu_s


def rewrite(source: Path, target: Path) -> None:
    """Write the tensors of the pickle ``source`` to the new file ``target`` as safetensors.

    Raises:
        UnsafeWeights: the file contains objects other than tensors.
        ModelError: ``target`` already exists, torch is not installed, or ``source`` is damaged, exceeds a limit or
            cannot be rewritten.
        OSError: the folder of ``target`` cannot be written.
    """
    if target.exists():
        raise ModelError(f"{source.name} is not needed, because {target.name} has the same weights")
    limits = Limits.for_file(source.stat().st_size)
    protect_memory()  # this process may have a token
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pickle-") as folder:
        code, detail = _run_child(source.resolve(), Path(folder).resolve(), limits)
        if code != 0:
            raise _error(source.name, code, detail, limits)
        (Path(folder) / SAFETENSORS_FILE).rename(target)


def child_environment() -> dict[str, str]:
    """Return the environment variables of the child: paths, but no tokens, proxies or settings of the service.

    OMP_NUM_THREADS and MALLOC_ARENA_MAX reduce the memory use of the child.
    """
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    single_threaded = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    return {**kept, **single_threaded, "PYTHONPATH": str(_IMPORT_ROOT), "PYTHONSAFEPATH": "1"}


def _child_command(source: Path, folder: Path, limits: Limits) -> list[str]:
    return [sys.executable, "-m", "service.hub.pickles", str(source), str(folder), *map(str, astuple(limits))]


def _run_child(source: Path, folder: Path, limits: Limits) -> tuple[int, str]:
    """Run the child. Return its exit code (negative for a signal) and the last line of its standard error.

    Raises:
        ModelError: the child exceeded its wall-clock limit.
    """
    with subprocess.Popen(  # noqa: S603 - this module, with the arguments of `main`
        _child_command(source, folder, limits),
        cwd=folder,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, messages = process.communicate(timeout=limits.deadline_s)
        except subprocess.TimeoutExpired:
            raise ModelError(
                f"{source.name} could not be read within {limits.deadline_s} s, the limit for a file of its size; pull "
                "again on a less busy machine; if that fails too, the file needs far more time than its size suggests, "
                "so do not use the model"
            ) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # kills the processes of the child as well
    lines = messages.decode("utf-8", "replace").strip().splitlines()
    return process.returncode, lines[-1][:200] if lines else ""


def _error(name: str, code: int, detail: str, limits: Limits) -> ModelError:
    if code == Failure.UNSAFE:
        return UnsafeWeights(f"{name} contains objects other than weights ({detail}) and was not loaded")
    if code == -signal.SIGXCPU:
        return ModelError(
            f"{name} needs more than {limits.cpu_s} s of processor time, which is too much for a file of its size"
        )
    if code not in _MESSAGES:
        return ModelError(f"{name} cannot be read: the child process exited with code {code}")
    message = _MESSAGES[Failure(code)].format(memory_mib=limits.memory_bytes >> 20)
    return ModelError(f"{name} {message}" + (f" ({detail})" if detail else ""))


def main(source: str, folder: str, memory_bytes: str, file_bytes: str, cpu_s: str) -> None:
    """Run as the child process: read the pickle and write its tensors to ``folder``, or exit with a `Failure`."""
    try:
        import torch  # noqa: F401, PLC0415 - imported before the memory limit is set
    except ImportError:
        _fail(Failure.NO_TORCH, "")
    apply_limits(Limits(int(memory_bytes), int(file_bytes), int(cpu_s)))
    try:
        _write(_independent(_read(Path(source))), Path(folder) / SAFETENSORS_FILE)
    except MemoryError:
        _fail(Failure.TOO_LARGE, "")
    except RuntimeError as error:  # torch raises no specific class for failed allocations
        _fail(Failure.TOO_LARGE if "allocate memory" in str(error) else Failure.DAMAGED, type(error).__name__)


def apply_limits(limits: Limits) -> None:
    """Apply the limits to this process.

    Address space is limited only on Linux, where the current usage can be read from /proc.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    _lower(resource.RLIMIT_CPU, limits.cpu_s)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_bytes)


def _lower(kind: int, value: int) -> None:
    """Set the soft and the hard limit for the resource ``kind``, unless the hard limit is already as low."""
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or value < hard:
        # At the soft CPU limit, the kernel sends SIGXCPU, which the parent reports. At the hard limit, it kills the
        # process.
        later = value + 5 if kind == resource.RLIMIT_CPU else value
        resource.setrlimit(kind, (value, later if hard == resource.RLIM_INFINITY else min(later, hard)))


def _read(source: Path) -> object:
    import torch  # noqa: PLC0415 - the parent does without

    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _FORBIDDEN.search(str(error))
        _fail(Failure.UNSAFE if found else Failure.DAMAGED, found.group() if found else "not a pickle of tensors")
    except (EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        _fail(Failure.DAMAGED, type(error).__name__)


def _independent(state: Any) -> dict[str, Any]:
    """Return the tensors in ``state`` by name, without tied embeddings.

    Each tensor is copied to separate contiguous memory, because safetensors requires this. If ``state`` contains
    anything but named tensors, the process exits with `Failure.UNSAFE`.
    """
    import torch  # noqa: PLC0415 - the parent does without

    if not isinstance(state, Mapping):
        _fail(Failure.UNSAFE, f"a {type(state).__name__} instead of named tensors")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
            _fail(Failure.UNSAFE, f"a {type(tensor).__name__} under {str(name)[:60]!r}")
    names = sorted(state.keys() - _tied_embeddings(state))
    return {name: state[name].detach().clone(memory_format=torch.contiguous_format) for name in names}


def _tied_embeddings(tensors: Mapping[str, Any]) -> set[str]:
    """Return the names of embeddings that share the memory of ``shared.weight``.

    The transformers library ties these embeddings to ``shared.weight`` again when it loads the weights.
    """
    shared = {_memory(tensor) for name, tensor in tensors.items() if name.split(".")[-2:] == ["shared", "weight"]}
    embeddings = [name for name in tensors if name.split(".")[-2:] == ["embed_tokens", "weight"]]
    return {name for name in embeddings if _memory(tensors[name]) in shared}


def _memory(tensor: Any) -> tuple[Any, ...]:
    return (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)


def _write(tensors: dict[str, Any], target: Path) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415 - the parent does without
    from safetensors.torch import save_file  # noqa: PLC0415

    try:
        save_file(tensors, target, metadata={"format": "pt"})
    except (SafetensorError, OSError) as error:
        _fail(Failure.NOT_WRITTEN, str(error))


def _fail(failure: Failure, detail: str) -> NoReturn:
    sys.stderr.write(f"{detail}\n")
    sys.exit(failure)


if __name__ == "__main__":
    main(*sys.argv[1:])
