"""What one request asks of the pipeline beside its text: time, priority, cache use, and who follows its progress."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal

from service.errors import DeadlineExceeded
from service.types import Span

Priority = Literal["interactive", "bulk"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A translated sentence: the number of its text in the request, where it stands there, and the translation."""

    text_number: int
    source: Span
    output: str


def _nobody(*_: object) -> None:
    """Follower of whoever has none."""


@dataclass(frozen=True, slots=True)
class Call:
    """``deadline_s`` is absolute, on the event loop's clock.

    ``progress`` is told (done, of) units of engine work, ``finished`` each translated sentence, in the text's order.
    """

    deadline_s: float | None = None
    priority: Priority = "interactive"
    read_cache: bool = True
    write_cache: bool = True
    progress: Progress = _nobody
    finished: Callable[[Finished], None] = _nobody

    @classmethod
    def within(
        cls, seconds: float, *, priority: Priority = "interactive", read_cache: bool = True, write_cache: bool = True
    ) -> "Call":
        """A call that has that many seconds from now."""
        return cls(asyncio.get_running_loop().time() + seconds, priority, read_cache, write_cache)

    def quiet(self) -> "Call":
        """The same call for work that its followers are not told of."""
        return replace(self, progress=_nobody, finished=_nobody)

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
