"""Tests of the window of lines in progress: order, limits on lines and bytes, and cancellation after an exception."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from service.backfill.journal import FilePosition, InputLine
from service.backfill.runner import DONE_PER_WORKING, Window

MOST_BYTES = 1_000


def lines(count: int, size_bytes: int = 1) -> Iterator[InputLine]:
    return (InputLine(number, b"x" * size_bytes, FilePosition()) for number in range(1, count + 1))


class Bench:
    """A fake processor of lines that records how many lines are in progress."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.at_work = 0
        self.most_at_work = 0
        self._slow = asyncio.Event()

    def release(self) -> None:
        self._slow.set()

    async def work(self, line: InputLine) -> int:
        """Process a line, and return its number. The first line waits until `release` is called."""
        self.begun.append(line.number)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await (self._slow.wait() if line.number == 1 else asyncio.sleep(0))
        finally:
            self.at_work -= 1
        return line.number


async def numbers(window: Window[int], count: int, size_bytes: int = 1) -> list[int]:
    return [result async for _, result in window.results(lines(count, size_bytes))]


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_slow_line_stops_neither_the_others_nor_their_order_and_the_window_stays_bounded() -> None:
    bench = Bench()
    running = asyncio.create_task(numbers(Window(bench.work, concurrency=3, most_bytes=MOST_BYTES), 40))
    await settled()
    assert bench.begun == list(range(1, 3 * DONE_PER_WORKING + 1))
    bench.release()
    assert await running == list(range(1, 41))
    assert bench.most_at_work <= 3


async def test_long_lines_close_the_window_before_there_are_many() -> None:
    bench = Bench()
    running = asyncio.create_task(numbers(Window(bench.work, concurrency=8, most_bytes=MOST_BYTES), 9, 500))
    await settled()
    assert bench.begun == [1, 2]
    bench.release()
    assert len(await running) == 9


async def test_a_line_longer_than_the_window_is_worked_on_alone() -> None:
    bench = Bench()
    bench.release()
    assert await numbers(Window(bench.work, concurrency=8, most_bytes=MOST_BYTES), 3, 5_000) == [1, 2, 3]
    assert bench.most_at_work == 1


async def test_a_closed_window_lets_out_what_is_in_it_and_takes_nothing_more() -> None:
    bench = Bench()
    window = Window(bench.work, concurrency=2, most_bytes=MOST_BYTES)
    running = asyncio.create_task(numbers(window, 40))
    await settled()
    window.close()
    bench.release()
    assert await running == list(range(1, 2 * DONE_PER_WORKING + 1))


async def test_an_error_is_raised_in_its_turn_and_cancels_the_rest() -> None:
    cancelled: list[int] = []

    async def work(line: InputLine) -> int:
        if line.number == 2:
            raise RuntimeError("lost")
        try:
            await asyncio.sleep(0 if line.number == 1 else 3_600)
        except asyncio.CancelledError:
            cancelled.append(line.number)
            raise
        return line.number

    window = Window(work, concurrency=4, most_bytes=MOST_BYTES)
    async with aclosing(window.results(lines(9))) as results:
        assert (await anext(results))[1] == 1
        with pytest.raises(RuntimeError, match="lost"):
            await anext(results)
    assert cancelled
    assert 2 not in cancelled
