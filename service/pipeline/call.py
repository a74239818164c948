"""What one request asks of the pipeline beside its text: time, priority, cache use, and who follows its progress."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from service.errors import DeadlineExceeded

Priority = Literal["interactive", "bulk"]
Progress = Callable[[int, int], None]


def _nobody(done: int, of: int) -> None:
    del done, of


@dataclass(frozen=True, slots=True)
class Call:
    """``deadline_s`` is absolute, on the event loop's clock; ``progress`` is told (done, of) sentences."""

    deadline_s: float | None = None
    priority: Priority = "interactive"
    read_cache: bool = True
    write_cache: bool = True
    progress: Progress = _nobody

    @classmethod
    def within(
        cls, seconds: float, *, priority: Priority = "interactive", read_cache: bool = True, write_cache: bool = True
    ) -> "Call":
        """A call that has that many seconds from now."""
        return cls(asyncio.get_running_loop().time() + seconds, priority, read_cache, write_cache)

    def check(self) -> None:
        """Raise `DeadlineExceeded` when the time is over."""
        if self.deadline_s is not None and asyncio.get_running_loop().time() >= self.deadline_s:
            raise DeadlineExceeded("the request's time was over before its work was done")


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """The results of all ``work``, done at once; the first failure cancels the rest and is raised as itself."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
