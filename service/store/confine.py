"""What a process gives up before it reads the weights of strangers: sockets, other programs, memory and time."""

import ctypes
import errno
import platform
import resource
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF: load a word, two jumps, return
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_OTHER_ABI = 0x40000000  # system calls of x32, which have numbers of their own

# By machine: its audit number, and socket, socketpair, bind, listen, connect, sendto, execve, execveat, kill, ptrace,
# process_vm_writev, io_uring_setup (which opens sockets without a system call), and fork and vfork where there are.
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 49, 50, 42, 44, 59, 322, 62, 101, 311, 425, 57, 58)),
    "aarch64": (0xC00000B7, (198, 199, 200, 201, 203, 206, 221, 281, 129, 117, 271, 425)),
}
_EVENTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the process may use. ``data_bytes`` is private memory that can be written, not the mapped libraries."""

    data_bytes: int
    file_bytes: int
    cpu_s: int


def confine(allowance: Allowance) -> None:
    """Bind the process, and the threads that it starts, for the rest of its life.

    Where Linux knows seccomp (x86_64, aarch64) the kernel refuses sockets and other programs; elsewhere only the
    interpreter does, which native code could go round.

    Raises:
        OSError: the kernel refuses the filter or a limit; the process must not go on then.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, allowance.file_bytes)
    _lower(resource.RLIMIT_CPU, allowance.cpu_s)
    _lower(resource.RLIMIT_DATA, allowance.data_bytes)
    if filtered():
        _install(b"".join(_program(*_CALLS[platform.machine()])))
    sys.addaudithook(_refuse)


def _lower(kind: int, most: int) -> None:
    """Set a limit, or leave the one that is lower already."""
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(kind, (most, most))


def filtered() -> bool:
    """Whether the kernel itself holds the process to it."""
    return sys.platform == "linux" and platform.machine() in _CALLS


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_EVENTS):
        _deny(event)


def _deny(event: str) -> NoReturn:
    raise PermissionError(errno.EPERM, f"{event} is refused to a process that reads weights")


def _program(machine: int, calls: Iterable[int]) -> Iterator[bytes]:
    """A filter over ``struct seccomp_data`` (number at 0, machine at 4): the calls fail with EPERM, others pass."""
    refused = tuple(calls)
    yield _step(_LOAD, 4)
    yield _step(_EQUAL, machine, yes=1)
    yield _step(_RETURN, _KILL)
    yield _step(_LOAD, 0)
    yield _step(_AT_LEAST, _OTHER_ABI, yes=len(refused) + 1)
    for place, call in enumerate(refused):
        yield _step(_EQUAL, call, yes=len(refused) - place)
    yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _FAIL)


def _step(code: int, value: int, *, yes: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, 0, value)


class _Filter(ctypes.Structure):
    _fields_ = (("steps", ctypes.c_ushort), ("program", ctypes.c_char_p))


def _install(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    made = _Filter(len(program) // 8, program)
    for call in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(made), 0, 0)):
        if libc.prctl(*call) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"prctl: {errno.errorcode.get(number, number)}")
