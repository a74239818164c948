"""Tests of the pool of worker processes."""

import asyncio
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from service.errors import InvalidInput, NotReady, QueueFull, WorkerLost
from service.generation.call import SLICE, TextThreads, in_slices
from service.languages.base import language
from service.text.language_id import likely_languages
from service.workers import MAX_GROWTH_KIB, Workers

pytestmark = pytest.mark.slow


def grows() -> None:
    """Allocate more memory than a worker may add, and free it."""
    bytes(b"x" * (MAX_GROWTH_KIB + 8_192) * 1_024)


def never_ends() -> None:
    """Start a regular expression search that takes practically forever. No Python signal handler can interrupt it."""
    re.search(r"(a+)+$", "a" * 40 + "b")


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(1, cpu_s=1, most_waiting=2)
    yield pool
    pool.close()


async def _ends(pid: int) -> bool:
    """Return whether the process ``pid`` ends within five seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_work_runs_in_another_process_that_is_used_again(workers: Workers) -> None:
    pids = [await workers.run(os.getpid) for _ in range(3)]
    assert len(set(pids)) == 1
    assert pids[0] != os.getpid()


async def test_error_of_the_service_keeps_its_attributes(workers: Workers) -> None:
    from service.text.segmentation import require_sentences

    with pytest.raises(InvalidInput) as refused:
        await workers.run(require_sentences, 10_001)
    assert (refused.value.code, refused.value.limit) == ("too_many_sentences", 10_000)
    with pytest.raises(NotReady, match="later") as error:
        await workers.run(_raise, NotReady("later", retry_after_s=7.0))
    assert error.value.retry_after_s == 7.0


def _raise(error: Exception) -> None:
    raise error


async def test_log_names_the_class_of_an_unexpected_error_but_not_its_message(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(WorkerLost):
        await workers.run(int, "a secret text")
    (record,) = caplog.records
    assert "ValueError" in record.__dict__["crash"]
    assert "secret" not in str(record.__dict__)


async def test_worker_that_has_grown_is_replaced(workers: Workers) -> None:
    pid = await workers.run(os.getpid)
    await workers.run(grows)
    assert await workers.run(os.getpid) != pid


async def test_work_that_uses_too_much_processor_time_is_refused(workers: Workers) -> None:
    with pytest.raises(InvalidInput) as refused:
        await workers.run(never_ends)
    assert (refused.value.code, refused.value.limit) == ("text_too_complex", 1)
    assert await workers.run(abs, -1) == 1


async def test_work_that_uses_too_much_memory_is_refused(workers: Workers) -> None:
    with pytest.raises(InvalidInput) as refused:
        await workers.run(bytes, 2**30)
    assert refused.value.code == "text_too_complex"
    assert await workers.run(abs, -1) == 1


async def test_crash_of_a_worker_fails_only_its_own_work(workers: Workers) -> None:
    with pytest.raises(WorkerLost):
        await workers.run(os._exit, 3)
    assert await workers.run(abs, -1) == 1


async def test_worker_of_a_caller_who_left_is_killed(workers: Workers) -> None:
    pid = await workers.run(os.getpid)
    begun_s = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await workers.run(never_ends)
    assert await workers.run(os.getpid) != pid
    assert time.monotonic() - begun_s < 60
    assert await _ends(pid)
    assert workers.oldest_s == 0


async def test_waiting_work_is_bounded_and_dropped_if_its_caller_leaves(workers: Workers) -> None:
    tasks = [asyncio.create_task(workers.run(time.sleep, time_s)) for time_s in (0.5, 100.0, 100.0)]
    await asyncio.sleep(0.05)
    with pytest.raises(QueueFull) as full:
        await workers.run(abs, -1)
    assert full.value.retry_after_s > 0
    assert workers.oldest_s > 0
    for task in tasks[1:]:
        task.cancel()
    await asyncio.sleep(0)
    begun_s = time.monotonic()
    assert await workers.run(abs, -1) == 1
    assert time.monotonic() - begun_s < 60
    await tasks[0]


async def test_template_that_was_killed_is_replaced(workers: Workers) -> None:
    pid = await workers.run(os.getpid)
    os.kill(await workers.run(os.getppid), signal.SIGKILL)
    assert await _ends(pid)
    assert await workers.run(abs, -1) == 1


async def test_workers_get_no_settings(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPESCHE_CACHE_KEY", "secret")
    assert await workers.run(os.getenv, "DEPESCHE_CACHE_KEY") is None
    assert await workers.run(os.getenv, "PATH") == os.environ["PATH"]


async def test_closing_ends_all_processes(workers: Workers) -> None:
    pid = await workers.run(os.getpid)
    workers.close()
    assert await _ends(pid)


async def test_a_busy_thread_is_work_although_its_caller_has_left() -> None:
    threads, ends = TextThreads(), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await threads.in_thread(1, ends.wait)
    assert threads.oldest_s > 0
    ends.set()
    assert await threads.in_thread(1, abs, -1) == 1
    assert threads.oldest_s == 0


async def test_a_worker_keeps_what_the_template_has_loaded() -> None:
    pool = Workers(1, preload=("service.text.language_id:load_detector",))
    try:
        pid = await pool.run(os.getpid)
        for _ in range(2):
            assert await pool.run(likely_languages, "Il pleut. " * 3_000, language("de"))
            assert await pool.run(os.getpid) == pid
    finally:
        pool.close()


# Tries to open the memory of its parent as an ordinary user, first without and then with the protection.
PRYING = """
import ctypes, os
from service.workers import protect_memory
if os.getuid() == 0:
    os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which a change of the user resets

def refused():
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        found = 0
        for name in ("mem", "environ"):
            try:
                open(f"/proc/{parent}/{name}", "rb").close()
            except PermissionError:
                found += 1
        os._exit(found)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

before = refused()
protect_memory()
print(before, refused())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is part of Linux")
def test_protected_memory_cannot_be_opened_by_the_same_user() -> None:
    done = subprocess.run([sys.executable, "-c", PRYING], check=True, capture_output=True, text=True)
    before, after = done.stdout.split()
    assert after == "2"
    assert before in {"0", "1"}  # Yama may refuse the memory even without the protection, but not the environment


class Argument:
    """An argument of a call that records the thread in which it is pickled."""

    threads: ClassVar[list[int]] = []

    def __reduce__(self) -> tuple[type, tuple[()]]:
        self.threads.append(threading.get_ident())
        return Argument, ()


async def test_arguments_are_not_pickled_in_the_event_loop(workers: Workers) -> None:
    Argument.threads.clear()
    await workers.run(bool, Argument())
    assert len(Argument.threads) == 1
    assert threading.get_ident() not in Argument.threads


async def test_call_that_cannot_be_pickled_fails_and_frees_its_worker(workers: Workers) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        await workers.run(bool, lambda: None)
    assert await workers.run(int, "1") == 1


async def test_slices_give_way_to_other_tasks() -> None:
    turns: list[int] = []

    async def count() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    found = [one async for some in in_slices(range(5 * SLICE)) for one in some]
    counting.cancel()
    assert found == list(range(5 * SLICE))
    assert len(turns) >= 4
