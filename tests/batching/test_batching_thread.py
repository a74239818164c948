"""Tests of the engine threads: each outcome is reported, and no thread prevents the process from exiting."""

import asyncio
import subprocess
import sys
import weakref

import pytest

from service.generation.supervisor import EngineThreads, Raised, Returned

PROGRAM = """
import asyncio, threading
from service.generation.supervisor import EngineThreads

async def main():
    thread, entered = EngineThreads("hung"), threading.Event()
    thread.call(lambda: (entered.set(), threading.Event().wait()))
    entered.wait()

asyncio.run(main())
print("left")
"""


async def test_exception_is_returned_and_thread_continues() -> None:
    thread = EngineThreads("test")
    first = await thread.call(lambda: 1 // 0)
    second = await thread.call(lambda: "next")
    thread.stop()
    assert isinstance(first, Raised)
    assert isinstance(first.error, ZeroDivisionError)
    assert isinstance(second, Returned)
    assert second.value == "next"


async def test_system_exit_in_engine_is_returned() -> None:
    thread = EngineThreads("test")
    outcome = await thread.call(sys.exit)
    thread.stop()
    assert isinstance(outcome, Raised)


async def test_stopped_threads_refuse_calls() -> None:
    thread = EngineThreads("test")
    thread.stop()
    with pytest.raises(RuntimeError):
        thread.call(asyncio.get_running_loop)


@pytest.mark.slow
def test_hung_call_does_not_block_process_exit() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "left"


async def test_thread_keeps_no_reference_to_finished_work() -> None:
    class Work:
        def __call__(self) -> None:
            pass

    thread, work = EngineThreads("test"), Work()
    known = weakref.ref(work)
    await thread.call(work)
    del work
    assert known() is None
    thread.stop()
