"""The load of a soak: so many callers at once, each choosing what to ask for next, and the tally of what came of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from benchmarks.soak.callers import KINDS, Ask, Caller


@dataclass
class Tally:
    """How often each kind of caller got what: a status, or the name of a connection's error."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, ask: Ask, outcome: str) -> None:
        """One more."""
        self.counts[ask.__name__, outcome] += 1

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Outcomes of each kind that asked, in the order of the kinds."""
        found: dict[str, dict[str, int]] = {}
        names = [ask.__name__ for ask in KINDS]
        for (kind, outcome), number in sorted(self.counts.items(), key=lambda one: (names.index(one[0][0]), one[0][1])):
            found.setdefault(kind, {})[outcome] = number
        return found

    def by_outcome(self) -> dict[str, int]:
        """Outcomes of all kinds."""
        total: Counter[str] = Counter()
        for (_, outcome), number in self.counts.items():
            total[outcome] += number
        return dict(sorted(total.items()))

    @property
    def unexpected(self) -> int:
        """How many got what their kind must not get."""
        allowed: Mapping[str, frozenset[str]] = {ask.__name__: outcomes for ask, (_, outcomes) in KINDS.items()}
        return sum(number for (kind, outcome), number in self.counts.items() if outcome not in allowed[kind])


async def soak(caller: Caller, clients: int, seconds: float) -> Tally:
    """``clients`` at once until the time is over; each ends with an answer."""
    tally, end_s = Tally(), time.monotonic() + seconds
    asks = list(KINDS)
    weights = [KINDS[ask][0] for ask in asks]

    async def client() -> None:
        while time.monotonic() < end_s:
            ask = caller.rng.choices(asks, weights)[0]
            tally.add(ask, await _outcome(ask, caller))

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return tally


async def _outcome(ask: Ask, caller: Caller) -> str:
    try:
        return await ask(caller)
    except httpx.HTTPError as error:
        return type(error).__name__
