"""The plan of a run: how much every part does, and of what."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes that all parts share. ``data`` is the folder of the data sets; None: the test sentences.

    ``seconds`` is how long each loop at a fixed rate runs, ``clients`` how many saturate the server.
    """

    data: Path | None
    rounds: int = 5
    seconds: float = 20.0
    clients: int = 16
    memory_articles: int = 3_000
    seed: int = 1
