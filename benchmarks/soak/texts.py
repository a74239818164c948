"""Endless articles of real sentences, each sentence made different by a number, so that no cache knows them."""

import itertools
import random
from collections import deque
from collections.abc import Sequence

from benchmarks.latency.prose import joined

LEAST, MOST = 3, 30
RECENT = 50


class Newsroom:
    """What callers send: new articles, and recent ones again."""

    def __init__(self, sentences: Sequence[str], seed: int) -> None:
        self._sentences = sentences
        self._rng = random.Random(seed)
        self._numbers = itertools.count(1)
        self._recent: deque[str] = deque(maxlen=RECENT)

    def fresh(self) -> str:
        """An article that nobody has sent before; most are short."""
        size = round(self._rng.triangular(LEAST, MOST, LEAST))
        text = joined([f"Meldung {next(self._numbers)}: {one}" for one in self._rng.choices(self._sentences, k=size)])
        self._recent.append(text)
        return text

    def again(self) -> str:
        """One of the last articles; the first time a fresh one."""
        return self._rng.choice(self._recent) if self._recent else self.fresh()
