"""Simulated callers with keep-alive connections.

Each caller sends one request at a time. All responses and errors are counted.
"""

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

NEW = "Am {}. Tag fuhr der Zug Nummer {} nicht nach Kiel."
REPEATED = 40
NEW_SHARE = 0.3
LIMIT_S = 120.0


class Answers(Counter[str]):
    """A counter of responses by status, and of connection errors by type."""

    @property
    def failed(self) -> int:
        """Return the number of connection errors and of responses with a status other than 200."""
        return self.total() - self["200"]


class Traffic:
    """A group of simulated callers. ``answers`` counts their responses and connection errors."""

    def __init__(self, url: str, clients: int, seed: int = 1) -> None:
        self.answers = Answers()
        self._url = url
        self._clients = clients
        self._rng = random.Random(seed)
        self._numbers = itertools.count(REPEATED)
        self._ending = False

    @property
    def requests(self) -> int:
        """Return the number of responses and connection errors so far."""
        return self.answers.total()

    async def until(self, requests: int) -> None:
        """Wait until ``requests`` responses and connection errors have been counted in total."""
        while self.requests < requests:  # noqa: ASYNC110 - the callers count
            await asyncio.sleep(0.05)

    async def more(self, requests: int) -> None:
        """Wait until ``requests`` more responses and connection errors have been counted."""
        await self.until(self.requests + requests)

    async def caller(self) -> None:
        """Run one caller on one connection. The caller sends its next request when it has received a response."""
        async with httpx.AsyncClient(base_url=self._url, timeout=LIMIT_S, trust_env=False) as http:
            while not self._ending:
                self.answers[await self._outcome(http)] += 1

    async def _outcome(self, http: httpx.AsyncClient) -> str:
        new = self._rng.random() < NEW_SHARE
        number = next(self._numbers) if new else self._rng.randrange(REPEATED)
        try:
            answer = await http.post("/v1/translate", json={"text": NEW.format(number, number)})
        except httpx.HTTPError as error:
            await asyncio.sleep(0.05)  # avoid thousands of immediate retries
            return type(error).__name__
        return str(answer.status_code)

    def end(self) -> None:
        """Stop each caller after its current request."""
        self._ending = True


@asynccontextmanager
async def traffic(url: str, clients: int) -> AsyncIterator[Traffic]:
    """Run ``clients`` callers during the block.

    At the end of the block, wait until the last request of each caller is finished.
    """
    found = Traffic(url, clients)
    callers = [asyncio.create_task(found.caller()) for _ in range(clients)]
    try:
        yield found
    finally:
        found.end()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*callers)
