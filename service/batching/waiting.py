"""One item that waits: what its caller holds of it, and how it is answered."""

import asyncio
from dataclasses import dataclass

from service.batching.plan import Pending
from service.errors import DepescheError
from service.types import EngineInput, Hypothesis


class Answer(asyncio.Future[list[Hypothesis]]):
    """The future of one item; ``taken_s`` and ``given_s`` (loop's clock): when the engine got it and gave it back.

    ``taken``: it waits in the queue no longer. ``crowded``: at least as many others were left behind as were taken with
    it. ``batch`` is the number of its engine call.
    """

    taken = False
    taken_s: float | None = None
    given_s: float | None = None
    crowded = False
    batch = 0


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One item, what the planner knows of it, and the future that its caller holds."""

    item: EngineInput
    pending: Pending
    answer: Answer

    def give(self, hypotheses: list[Hypothesis]) -> None:
        """Answer the caller; without effect when it has left or was told of a deadline."""
        if not self.answer.done():
            self.answer.given_s = self.answer.get_loop().time()
            self.answer.set_result(hypotheses)

    def fail(self, error: DepescheError) -> None:
        """Tell the caller what went wrong; without effect as in ``give``."""
        if not self.answer.done():
            self.answer.set_exception(error)
