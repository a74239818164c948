"""Run a program at the lowest priority, and kill its descendants when the program or the calling process exits."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

# From <linux/prctl.h>.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt() -> None:
    """Make this process adopt its orphaned descendants, and receive SIGTERM when its parent exits."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_CHILD_SUBREAPER, 1), (PR_SET_PDEATHSIG, signal.SIGTERM)):
        if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def children() -> list[int]:
    """Return the process ids of the child processes."""
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in own.read_text("ascii").split()]


def end_all() -> None:
    """Kill child processes until none are left.

    The children of a killed process become children of this process, and are killed as well.
    """
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            os.wait()


def main(command: list[str]) -> int:
    """Run ``command`` and return its exit status. If this process receives SIGTERM, it exits with 0.

    In both cases, all descendants are killed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    adopt()
    os.nice(19)
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL).wait()
    finally:
        end_all()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
