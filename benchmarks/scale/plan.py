"""What is asked for, in the measured runs and in the simulation alike."""

from dataclasses import dataclass

from benchmarks.scale.traffic import zipf


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds`` of ``requests`` each by ``clients`` at once, for ``catalogue`` articles by Zipf's law."""

    rounds: int = 5
    requests: int = 60
    clients: int = 8
    catalogue: int = 60
    exponent: float = 1.0
    seed: int = 1

    @property
    def orders(self) -> list[list[int]]:
        """For each round the numbers of the articles, in the order in which they are asked for."""
        seeds = range(self.seed, self.seed + self.rounds)
        return [zipf(self.requests, self.catalogue, self.exponent, seed) for seed in seeds]
