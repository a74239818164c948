"""Which article is asked for when: new and repeated ones, by Zipf's law, the same for the same seed."""

import itertools
import random


def zipf(requests: int, catalogue: int, exponent: float, seed: int) -> list[int]:
    """So many draws of article numbers below ``catalogue``; number n comes with weight 1 / (n + 1) ** exponent."""
    weights = [1.0 / (rank**exponent) for rank in range(1, catalogue + 1)]
    return random.Random(seed).choices(range(catalogue), weights, k=requests)


def arrivals_s(requests: int, rate_per_s: float, seed: int) -> list[float]:
    """Poisson arrivals: so many times from 0 on, in order."""
    rng = random.Random(seed)
    return list(itertools.accumulate(rng.expovariate(rate_per_s) for _ in range(requests)))
