"""What a process gives up before it reads the weights of strangers: sockets, other programs, memory and time."""

import ctypes
import errno
import platform
import resource
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
# Classic BPF: load a word, four ways to go on.
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_FAIL, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_OTHER_ABI = 0x40000000  # system calls of x32, which have numbers of their own
_CLONE_THREAD = 0x10000
_MACHINE_AT, _NUMBER_AT, _FLAGS_AT = 4, 0, 16  # in struct seccomp_data; the flags are clone's first argument


@dataclass(frozen=True, slots=True)
class _Calls:
    """Numbers of a machine: its own, as the audit knows it, of the calls that are refused, and of both clones."""

    audit: int
    refused: tuple[int, ...]
    clone: int
    clone3: int = 435


# In the order: socket, socketpair, bind, listen, connect, sendto | execve, execveat, fork and vfork where there are |
# kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal | ptrace, process_vm_readv,
# process_vm_writev, pidfd_getfd | io_uring_setup, which opens sockets without a system call.
_X86_64 = (41, 53, 49, 50, 42, 44, 59, 322, 57, 58, 62, 200, 234, 129, 297, 424, 101, 310, 311, 438, 425)
_AARCH64 = (198, 199, 200, 201, 203, 206, 221, 281, 129, 130, 131, 138, 240, 424, 117, 270, 271, 438, 425)
_CALLS = {
    "x86_64": _Calls(0xC000003E, _X86_64, clone=56),
    "aarch64": _Calls(0xC00000B7, _AARCH64, clone=220),
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

    Where Linux knows seccomp (x86_64, aarch64) the kernel refuses sockets, signals and other processes; elsewhere only
    the interpreter does, which native code could go round.

    Raises:
        OSError: the kernel refuses the filter or a limit; the process must not go on then.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, allowance.file_bytes)
    _lower(resource.RLIMIT_CPU, allowance.cpu_s)
    _lower(resource.RLIMIT_DATA, allowance.data_bytes)
    if filtered():
        _install(b"".join(_program(_CALLS[platform.machine()])))
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


def _program(calls: _Calls) -> Iterator[bytes]:
    """A filter over ``struct seccomp_data``: the refused calls fail with EPERM, others pass.

    Threads may begin, processes may not. A filter cannot see clone3's flags behind their pointer: it is said to be
    unknown, and libraries take clone.
    """
    last = len(calls.refused) + 5
    yield _step(_LOAD, _MACHINE_AT)
    yield _step(_EQUAL, calls.audit, yes=1)
    yield _step(_RETURN, _KILL)
    yield _step(_LOAD, _NUMBER_AT)
    yield _step(_AT_LEAST, _OTHER_ABI, yes=last)
    for place, call in enumerate(calls.refused, 1):
        yield _step(_EQUAL, call, yes=last - place)
    yield _step(_EQUAL, calls.clone3, yes=6)
    yield _step(_EQUAL, calls.clone, yes=1)
    yield _step(_RETURN, _ALLOW)
    yield _step(_LOAD, _FLAGS_AT)
    yield _step(_HAS, _CLONE_THREAD, yes=1)
    yield _step(_RETURN, _FAIL)
    yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _UNKNOWN)


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
