"""The landing of work: tickets that are waited for, and results told of as they land and in their order."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, TypeVar

from service.pipeline.call import Call
from service.types import Hypothesis

Ticket = asyncio.Future[list[Hypothesis]]
Land = Callable[[Mapping[bytes, Sequence[Hypothesis]]], None]
T = TypeVar("T")


async def landing(tickets: Mapping[bytes, Ticket], call: Call, land: Land) -> None:
    """Wait for all tickets and tell of each as it lands; the first that fails is raised, and the others are given up.

    The time is the caller's own, not the work's: whoever joined it may have longer.
    """
    try:
        await call.in_time(_all_landed(tickets, call, land))
    finally:
        for ticket in tickets.values():
            ticket.cancel()  # before the wait for the cache, which may be cut short; nothing where it is done


async def _all_landed(tickets: Mapping[bytes, Ticket], call: Call, land: Land) -> None:
    """Wait for all tickets and tell of them as they land; the first that fails is raised."""
    keys = {ticket: key for key, ticket in tickets.items()}
    landed: list[Ticket] = []
    arrival = asyncio.Event()

    def arrived(ticket: Ticket) -> None:
        landed.append(ticket)
        arrival.set()

    # Each is listened to once, where asyncio.wait would begin anew with all that are left at every landing.
    for ticket in keys:
        ticket.add_done_callback(arrived)
    landings = 0
    while landings < len(keys):
        await arrival.wait()
        arrival.clear()
        done = landed.copy()
        landed.clear()
        land({keys[ticket]: ticket.result() for ticket in done})
        for _ in done:
            landings += 1
            call.progress(landings, len(tickets))


class Followers(Generic[T]):
    """Tells of results as they land: the numbers of all sources that wait for one, with it."""

    def __init__(
        self,
        keys: Sequence[bytes],
        results: Mapping[bytes, T],
        landed: Callable[[Sequence[tuple[int, T]]], None],
    ) -> None:
        self._results = results
        self._landed = landed
        self._numbers: dict[bytes, list[int]] = {}
        for number, key in enumerate(keys):
            self._numbers.setdefault(key, []).append(number)

    def tell(self, landed: Collection[bytes]) -> None:
        """Tell of these keys, whose results are there now."""
        if landed:
            self._landed([(number, self._results[key]) for key in landed for number in self._numbers[key]])
