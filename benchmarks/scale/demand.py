"""What a request costs, in seconds of one core, measured where it had the machine to itself."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Miss:
    """An article that no cache has: work of Python, of the two engines, and its sentences."""

    text_s: float
    translation_s: float
    summary_s: float
    sentences: int

    @property
    def core_s(self) -> float:
        """All of it."""
        return self.text_s + self.translation_s + self.summary_s


@dataclass(frozen=True, slots=True)
class Demands:
    """Measured service times to draw from.

    ``memory_s`` and ``shared_s`` are requests whose article that tier has, ``outside_s`` is what each request costs
    beside the service (client, Redis). Of an article's engine work the part ``common`` is done once for all that share
    a batch, and at most ``batch_articles`` share one.
    """

    misses: tuple[Miss, ...]
    memory_s: tuple[float, ...]
    shared_s: tuple[float, ...]
    outside_s: float
    common: float
    batch_articles: int

    def batch_s(self, alone_s: Sequence[float]) -> float:
        """Engine seconds of a batch whose articles would take ``alone_s`` each."""
        return sum(alone_s) * (1.0 - self.common + self.common / len(alone_s))


def common_part(alone_s: float, crowded_s: float, company: float) -> float:
    """The part of an article's engine work that ``company`` articles in a batch do once, from 0 to 1.

    From seconds an article, alone and in company: crowded = alone * (1 - common + common / company).
    """
    if company <= 1.0 or alone_s <= 0.0:
        return 0.0
    return min(1.0, max(0.0, (1.0 - crowded_s / alone_s) / (1.0 - 1.0 / company)))


def scaled(values: Sequence[float], mean: float) -> tuple[float, ...]:
    """The values, stretched so that their mean is ``mean``."""
    factor = mean * len(values) / sum(values)
    return tuple(value * factor for value in values)
