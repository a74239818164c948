"""The engine's threads: what they report, and that they never hold up the process."""

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


async def test_a_raise_is_a_value_and_the_thread_goes_on() -> None:
    thread = EngineThreads("test")
    first = await thread.call(lambda: 1 // 0)
    second = await thread.call(lambda: "next")
    thread.stop()
    assert isinstance(first, Raised)
    assert isinstance(first.error, ZeroDivisionError)
    assert isinstance(second, Returned)
    assert second.value == "next"


async def test_even_an_exit_in_the_engine_is_reported() -> None:
    thread = EngineThreads("test")
    outcome = await thread.call(sys.exit)
    thread.stop()
    assert isinstance(outcome, Raised)


async def test_a_stopped_thread_takes_no_call_that_nobody_would_answer() -> None:
    thread = EngineThreads("test")
    thread.stop()
    with pytest.raises(RuntimeError):
        thread.call(asyncio.get_running_loop)


def test_a_hung_call_does_not_hold_up_the_exit_of_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "left"


async def test_a_thread_keeps_nothing_of_what_it_has_done() -> None:
    class Work:
        def __call__(self) -> None:
            pass

    thread, work = EngineThreads("test"), Work()
    known = weakref.ref(work)
    await thread.call(work)
    del work
    assert known() is None
    thread.stop()
