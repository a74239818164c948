"""Single flight: identical work that is under way is done once, for all who ask meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Work(Generic[T]):
    future: asyncio.Future[T]
    tickets: set[asyncio.Future[T]] = field(default_factory=set)


class Flight(Generic[T]):
    """Work under way, by key. Used from one event loop.

    Each caller holds a ticket of its own: cancelling it leaves the others alone, and cancelling the last one cancels
    the work. A result or an error reaches every ticket, and nothing is remembered afterwards. A caller's deadline
    belongs on its ticket, not into the work: another caller's may be later.
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, _Work[T]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def join(
        self, keys: Sequence[bytes], start: Callable[[list[bytes]], Sequence[Awaitable[T]]]
    ) -> list[asyncio.Future[T]]:
        """Tickets in the order of ``keys``, which may repeat.

        ``start`` is called once, with those keys that are not under way, each once, and gives their work in the same
        order; it is not called when there are none. What it raises leaves everything as it was: so a request's new
        work can be admitted as a whole.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self._under_way]
        if missing:
            for key, awaitable in zip(missing, start(missing), strict=True):
                self._begin(key, _Work(asyncio.ensure_future(awaitable)))
        return [self._ticket(key) for key in keys]

    def _begin(self, key: bytes, work: _Work[T]) -> None:
        self._under_way[key] = work
        work.future.add_done_callback(lambda _: self._land(key, work))

    def _ticket(self, key: bytes) -> asyncio.Future[T]:
        work = self._under_way[key]
        ticket: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work.tickets.add(ticket)
        ticket.add_done_callback(lambda ticket: self._leave(key, work, ticket))
        return ticket

    def _leave(self, key: bytes, work: _Work[T], ticket: asyncio.Future[T]) -> None:
        work.tickets.discard(ticket)
        if not ticket.cancelled():
            ticket.exception()  # a caller that stopped listening is no reason for asyncio to log the error
        if not work.tickets and not work.future.done():
            self._forget(key, work)
            work.future.cancel()

    def _land(self, key: bytes, work: _Work[T]) -> None:
        self._forget(key, work)
        for ticket in work.tickets:
            if not ticket.done():
                _pass_on(work.future, ticket)
        if not work.future.cancelled():
            work.future.exception()  # seen, also when all callers have left

    def _forget(self, key: bytes, work: _Work[T]) -> None:
        if self._under_way.get(key) is work:  # work that is being cancelled may have a successor
            del self._under_way[key]


def _pass_on(source: asyncio.Future[T], ticket: asyncio.Future[T]) -> None:
    if source.cancelled():
        ticket.cancel()
    elif error := source.exception():
        ticket.set_exception(error)
    else:
        ticket.set_result(source.result())
