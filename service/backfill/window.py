"""Lines in flight: a bounded number at work, a bounded number done and waiting for their turn, out in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from service.backfill.lines import Line

DONE_PER_WORKING = 4
T = TypeVar("T")


class Window(Generic[T]):
    """Does ``work`` on up to ``concurrency`` lines at once.

    So that one long article does not stop the others, ``DONE_PER_WORKING`` times as many may be in the window, those
    included that are done but not yet out; lines of ``most_bytes`` together close it, too.
    """

    def __init__(self, work: Callable[[Line], Awaitable[T]], *, concurrency: int, most_bytes: int) -> None:
        self._work = work
        self._concurrency = concurrency
        self._most_bytes = most_bytes
        self._lines: deque[tuple[Line, asyncio.Future[T]]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._lines)

    def close(self) -> None:
        """Take no further line; what is in the window still comes out."""
        self._closed = True

    async def results(self, lines: Iterator[Line]) -> AsyncGenerator[tuple[Line, T], None]:
        """Each line with its result, in order; what ``work`` raises ends it and cancels the others."""
        try:
            while True:
                self._fill(lines)
                if not self._lines:
                    return
                if not self._lines[0][1].done():
                    await asyncio.wait(self._working(), return_when=asyncio.FIRST_COMPLETED)
                while self._lines and self._lines[0][1].done():
                    line, result = self._lines.popleft()
                    yield line, result.result()
        finally:
            left = [result for _, result in self._lines]
            for result in left:
                result.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _fill(self, lines: Iterator[Line]) -> None:
        while not self._closed and self._room():
            line = next(lines, None)
            if line is None:
                return
            self._lines.append((line, asyncio.ensure_future(self._work(line))))

    def _room(self) -> bool:
        return (
            len(self._lines) < DONE_PER_WORKING * self._concurrency
            and len(self._working()) < self._concurrency
            and sum(line.size_bytes for line, _ in self._lines) < self._most_bytes
        )

    def _working(self) -> list[asyncio.Future[T]]:
        return [result for _, result in self._lines if not result.done()]
