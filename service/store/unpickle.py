"""The program that reads pickled weights, in a process of its own that has been confined, and writes safetensors."""

import pickle  # for the name of an error alone: torch reads, and reads nothing but tensors
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from service.store.confine import Allowance, confine

UNSAFE, DAMAGED, TOO_LARGE, NOT_WRITTEN, NO_TORCH = 10, 11, 12, 13, 14  # exit codes; a line says more
_REASON = re.compile(r"(?:Unsupported (?:global|class|operand)|GLOBAL) \S+(?: \S+)?")


def main(source: str, target: str, data_bytes: str, file_bytes: str, cpu_s: str) -> None:
    """Read the checkpoint at ``source`` and write its tensors to ``target``; leaves with a code where it cannot."""
    confine(Allowance(int(data_bytes), int(file_bytes), int(cpu_s)))
    try:
        _write(_tensors(_read(Path(source))), Path(target))
    except MemoryError:
        _leave(TOO_LARGE, "")
    except RuntimeError as error:  # torch has no class for it
        _leave(TOO_LARGE if "allocate memory" in str(error) else DAMAGED, type(error).__name__)


def _read(source: Path) -> object:
    try:
        import torch  # noqa: PLC0415 - after the process is confined
    except ImportError:
        _leave(NO_TORCH, "")
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _REASON.search(str(error))
        # What weights_only refuses is told from a file that is cut by what torch says of it.
        _leave(UNSAFE if found else DAMAGED, found.group() if found else "no pickle of tensors")
    except (EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        _leave(DAMAGED, type(error).__name__)


def _tensors(read: Any) -> dict[str, Any]:
    """Names to tensors; one that shares its memory with another gets its own, as safetensors asks."""
    import torch  # noqa: PLC0415 - loaded by now

    if not isinstance(read, Mapping):
        _leave(UNSAFE, f"a {type(read).__name__} instead of named tensors")
    for name, tensor in read.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
            _leave(UNSAFE, f"a {type(tensor).__name__} under {str(name)[:60]!r}")
    kept = {name: read[name] for name in sorted(read) if name not in tied(read)}
    return {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in kept.items()}


def tied(tensors: Mapping[str, Any]) -> set[str]:
    """Embeddings of encoder and decoder that are the shared ones: transformers ties them again, and they are large."""
    shared = {_place(tensor) for name, tensor in tensors.items() if name.split(".")[-2:] == ["shared", "weight"]}
    return {name for name in _embeddings(tensors) if _place(tensors[name]) in shared}


def _embeddings(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.split(".")[-2:] == ["embed_tokens", "weight"]]


def _place(tensor: Any) -> tuple[Any, ...]:
    return (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)


def _write(tensors: dict[str, Any], target: Path) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415 - after the process is confined
    from safetensors.torch import save_file  # noqa: PLC0415

    try:
        save_file(tensors, target, metadata={"format": "pt"})
    except (SafetensorError, OSError) as error:
        _leave(NOT_WRITTEN, str(error))


def _leave(code: int, reason: str) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
