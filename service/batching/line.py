"""The line before an engine's replicas: its calls are worked on in the order in which they began."""

import asyncio
from itertools import islice

Turn = asyncio.Future[float]
"""Done as soon as a call is worked on, with the event loop's time of then."""


class Line:
    """The first ``replicas`` calls in line are taken to be at work, though an engine may make several of one.

    Used from the event loop.
    """

    def __init__(self) -> None:
        self.replicas = 1
        self._calls: dict[Turn, None] = {}

    def join(self) -> Turn:
        """The turn of a call that begins now."""
        turn: Turn = asyncio.get_running_loop().create_future()
        self._calls[turn] = None
        self._move_up()
        return turn

    def leave(self, turn: Turn) -> None:
        """A call is done."""
        del self._calls[turn]
        self._move_up()

    def _move_up(self) -> None:
        for turn in islice(self._calls, self.replicas):
            if not turn.done():
                turn.set_result(turn.get_loop().time())
