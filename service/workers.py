"""Worker processes for text processing. A worker can be killed at any time without affecting other work.

A template process imports the required modules once. It is started when the first worker is needed. Each worker is a
fork of the template process, so a new worker is ready within milliseconds and shares the memory of the imported
modules. Each worker communicates with the service through its own socket. docs/adr/0028 gives the reasons.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from service.errors import DepescheError, InvalidInput, QueueFull, WorkerLost

T = TypeVar("T")
P = ParamSpec("P")

CPU_S = 20
"""The limit on processor time for one call, in seconds. The slowest article of 250,000 characters takes about 5 s."""
MEMORY_BYTES = 768 * 2**20
MOST_WAITING = 32
RETRY_AFTER_S = 5.0
NICENESS = 5
MAX_GROWTH_KIB = 196_608
"""A worker ends after a call if its peak memory has grown by more than this many KiB since its start.

It would not free all of this memory.

Loading the tokenizer of a language model takes up to 146 MiB. A worker must be able to keep it for its next call.
"""
_MORE, _LAST = b"m", b"l"  # whether a worker accepts more work after its result
_MAX_OOM_SCORE = "1000"
# Options of prctl(2).
_SET_DEATH_SIGNAL, _SET_DUMPABLE = 1, 4
_log = logging.getLogger("depesche")


class Workers:
    """A pool of up to ``processes`` worker processes with a bounded queue. No process is started before the first use.

    ``preload`` contains the modules that the template process imports, and functions that it calls
    (``MODULE:FUNCTION``). Each call of `run` may use up to about ``cpu_s`` seconds of processor time. A worker may use
    ``memory_bytes`` bytes of memory for its data. Up to ``most_waiting`` calls may wait for a worker.
    """

    def __init__(
        self,
        processes: int = 2,
        *,
        preload: Sequence[str] = (),
        cpu_s: int = CPU_S,
        memory_bytes: int = MEMORY_BYTES,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._template = _Template(preload, cpu_s, memory_bytes)
        self._cpu_s = cpu_s
        self._most = processes + most_waiting
        self._threads = ThreadPoolExecutor(processes, "text-worker")  # each thread waits for one worker
        self._idle: deque[_Worker] = deque()
        self._jobs: set[_Job] = set()

    @property
    def oldest_s(self) -> float:
        """The age, in seconds, of the oldest call of `run` that is waiting or running.

        It is 0 if there is no such call.
        """
        now_s = time.monotonic()
        return max((now_s - job.since_s for job in self._jobs), default=0.0)

    def warm_up(self) -> None:
        """Start a worker if there is none, so that the first call of `run` does not wait for the template process."""
        if not self._idle and not self._jobs:
            self._threads.submit(lambda: self._idle.append(self._template.fork()))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` in a worker and return its result. ``work``, its arguments and its result must be picklable.

        If the caller is cancelled while its work is waiting, the work is dropped. If the work is already running, its
        worker is killed.

        Raises:
            QueueFull: too many calls are waiting.
            InvalidInput: the work exceeded its limit on processor time or memory.
            WorkerLost: the worker ended unexpectedly or could not be started, or the work raised an exception that is
                not a `DepescheError`.
            DepescheError: ``work`` raised this error itself.
        """
        if len(self._jobs) >= self._most:
            raise QueueFull("too many long texts are being processed; retry later", retry_after_s=RETRY_AFTER_S)
        job = _Job(work, args, kwargs)
        self._jobs.add(job)
        try:
            done, value = await asyncio.get_running_loop().run_in_executor(self._threads, self._serve, job)
        except asyncio.CancelledError:
            job.cancel()
            raise
        finally:
            self._jobs.discard(job)
        if done:
            return value  # type: ignore[no-any-return]  # the result of ``work``
        raise value

    def close(self) -> None:
        """End all worker processes and the template process.

        Running calls of `run` raise `WorkerLost`, and waiting calls raise `asyncio.CancelledError`.
        """
        for job in list(self._jobs):
            job.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._template.close()

    def _serve(self, job: "_Job") -> tuple[bool, Any]:
        """Run a job in an idle worker or in a new one. Return the pair (True, result) or (False, exception)."""
        worker = self._take()
        if not job.begin(worker):  # the caller has left
            self._idle.append(worker)
            return False, WorkerLost("the work was cancelled")
        begun_s = time.monotonic()
        try:
            worker.connection.send_bytes(job.content())
            outcome: _Outcome = pickle.loads(worker.connection.recv_bytes())  # noqa: S301 - from our own process
            ends = worker.connection.recv_bytes() == _LAST
        except (EOFError, OSError):
            worker.connection.close()
            job.end()
            if job.cancelled:
                _log.warning("text_worker_killed", extra={"reason": "cancelled"})
                return False, WorkerLost("the work was cancelled")
            return False, self._lost(time.monotonic() - begun_s)
        except BaseException:  # the call cannot be pickled, or the result cannot be unpickled
            worker.kill()
            worker.connection.close()
            job.end()
            raise
        if job.end() and not ends:
            self._idle.append(worker)
        else:  # the worker ends, or the caller left just now, so it has been killed
            worker.connection.close()
        if outcome.crash:
            _log.error("text_worker_crash", extra={"crash": outcome.crash})
        return outcome.done, outcome.value

    def _take(self) -> "_Worker":
        """Return an idle worker that is still alive or, if there is none, a new worker."""
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:
                return self._template.fork()
            if not worker.connection.poll():  # an idle worker sends nothing, so readable means closed
                return worker
            worker.connection.close()

    def _lost(self, seconds: float) -> DepescheError:
        if seconds < self._cpu_s:
            _log.error("text_worker_lost", extra={"seconds": round(seconds, 1)})
            return WorkerLost("a worker process ended unexpectedly; send the request again")
        _log.warning("text_worker_killed", extra={"reason": "processor time", "seconds": round(seconds, 1)})
        detail = f"processing this text takes more than {self._cpu_s} s of processor time; split the text"
        return _too_complex(detail, self._cpu_s)


class _Outcome(NamedTuple):
    """The outcome of a job.

    ``value`` is the result if ``done`` is True, and otherwise the exception to raise. ``crash`` describes an unexpected
    exception for the log, and is empty if there was none.
    """

    done: bool
    value: Any
    crash: str = ""


class _Job:
    """A function call, and the worker that is executing it."""

    def __init__(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._call = (work, args, kwargs)
        self.since_s = time.monotonic()
        self.cancelled = False
        self._worker: _Worker | None = None
        self._lock = threading.Lock()

    def content(self) -> bytes:
        """Return the pickled call. Pickling a long text takes up to a second, so it must not run in the event loop."""
        return pickle.dumps(self._call)

    def begin(self, worker: "_Worker") -> bool:
        """Record that ``worker`` executes this job. Return False, and record nothing, if the job has been cancelled."""
        with self._lock:
            if not self.cancelled:
                self._worker = worker
            return not self.cancelled

    def end(self) -> bool:
        """Record that the worker no longer executes this job. Return False if the job has been cancelled."""
        with self._lock:
            self._worker = None
            return not self.cancelled

    def cancel(self) -> None:
        """Prevent the job from starting or, if a worker is executing it, kill the worker."""
        with self._lock:
            self.cancelled = True
            if self._worker is not None:
                self._worker.kill()


class _Worker:
    """A worker process, and the connection through which it receives jobs and returns results."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._pid = int(connection.recv_bytes())

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


class _Template:
    """The template process. The first call of `fork` starts it, and a later call starts it again if it has ended."""

    def __init__(self, preload: Sequence[str], cpu_s: int, memory_bytes: int) -> None:
        self._options = (list(preload), cpu_s, memory_bytes)
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self) -> _Worker:
        """Start a worker process and return it.

        Raises:
            WorkerLost: no worker could be started, even with a new template process.
        """
        with self._lock:
            try:
                return self._forked()
            except (OSError, EOFError):
                self._stop()  # the process may have been killed, for example for lack of memory, so start another one
            try:
                return self._forked()
            except (OSError, EOFError) as error:
                self._stop()
                raise WorkerLost(
                    "no worker process can be started; check the limits on processes and memory"
                ) from error

    def close(self) -> None:
        """End the template process. The kernel then ends its workers as well."""
        with self._lock:
            self._stop()

    def _forked(self) -> _Worker:
        control = self._control or self._start()
        here, there = socket.socketpair()
        with here, there:
            socket.send_fds(control, [b"f"], [there.fileno()])
            connection = Connection(here.detach())
        return _Worker(connection)  # only the template holds the other end now, so the wait ends if the template ends

    def _start(self) -> socket.socket:
        here, there = socket.socketpair()
        # Workers process hostile input, so they get none of the secrets in the settings.
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("DEPESCHE_")}
        with there:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of this module
                [sys.executable, "-c", f"from {__name__} import serve_forks; serve_forks({there.fileno()})"],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        self._control = here
        content = pickle.dumps((sys.path, *self._options))
        here.sendall(len(content).to_bytes(8, "big") + content)
        return here

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def protect_memory() -> None:
    """Prevent other processes of the same user from reading the memory and the environment of this process.

    Otherwise, a process that an attacker controls, such as a worker after an error in a C library, could do so through
    ``/proc``. Processes with CAP_SYS_PTRACE, such as those of root, still can. Core dumps are turned off as well. The
    function does nothing if the system is not Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def _too_complex(detail: str, limit: int) -> InvalidInput:
    return InvalidInput("text_too_complex", detail, limit=limit)


def serve_forks(descriptor: int) -> None:
    """Run the template process: import the modules, and then fork a worker for each socket from the parent process.

    ``descriptor`` is the file descriptor of the connection to the parent process. The function returns when the parent
    process closes this connection or ends.
    """
    control = socket.socket(fileno=descriptor)
    with control.makefile("rb", buffering=0) as stream:
        size = int.from_bytes(_exactly(stream, 8), "big")
        sys.path[:], preload, cpu_s, memory_bytes = pickle.loads(_exactly(stream, size))  # noqa: S301 - from our parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole process group; the parent decides
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps workers
    for name in preload:
        module, _, function = name.partition(":")
        found = import_module(module)
        if function:
            getattr(found, function)()
    gc.collect()
    gc.freeze()  # a collection in a worker would copy the pages that workers share
    while True:
        message, files, _flags, _address = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _work(Connection(files[0]), cpu_s, memory_bytes)
            os._exit(0)
        os.close(files[0])


def _exactly(stream: Any, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        part = stream.read(size - len(content))
        if not part:
            os._exit(0)  # the parent process has ended
        content += part
    return bytes(content)


def _work(connection: Connection, cpu_s: int, memory_bytes: int) -> None:
    """Execute jobs in a worker process, until the connection is closed or the process has used too much memory.

    A job may use up to about ``cpu_s`` seconds of processor time. The process may use ``memory_bytes`` bytes of memory
    for its data.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # end with the template, and so with the service
        with contextlib.suppress(OSError):  # if memory runs out, the kernel should kill a worker, not the service
            Path("/proc/self/oom_score_adj").write_text(_MAX_OOM_SCORE, "ascii")
    protect_memory()
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would contain article text
    connection.send_bytes(str(os.getpid()).encode())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + MAX_GROWTH_KIB
    last = False
    while not last:
        try:
            content = connection.recv_bytes()
        except EOFError:
            return
        # The kernel ends the process at this limit, even inside a C library.
        used_s = resource.getrusage(resource.RUSAGE_SELF)
        most_s = int(used_s.ru_utime + used_s.ru_stime) + 1 + cpu_s
        resource.setrlimit(resource.RLIMIT_CPU, (most_s, resource.RLIM_INFINITY))
        connection.send_bytes(pickle.dumps(_outcome(content, memory_bytes)))
        last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most
        connection.send_bytes(_LAST if last else _MORE)


def _outcome(content: bytes, memory_bytes: int) -> _Outcome:
    """Execute a pickled function call and return its outcome.

    ``memory_bytes`` is the memory limit, for the error message.
    """
    try:
        work, args, kwargs = pickle.loads(content)  # noqa: S301 - from our parent
        return _Outcome(done=True, value=work(*args, **kwargs))
    except MemoryError:
        mebibytes = memory_bytes // 2**20
        detail = f"processing this text takes more than {mebibytes} MiB of memory; split the text"
        return _Outcome(done=False, value=_too_complex(detail, mebibytes))
    except DepescheError as error:
        return _Outcome(done=False, value=error)
    except Exception as error:  # noqa: BLE001 - the service reports it as a crash
        # Report only the class and the code locations, because a message may contain article text.
        frames = traceback.extract_tb(error.__traceback__)
        places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-5:])
        lost = WorkerLost("an unexpected error occurred in a worker process; see the log")
        return _Outcome(done=False, value=lost, crash=f"{type(error).__name__} at {places}")
