"""How much may wait, how much goes into one engine call, and how long a call may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one model's queue and batches. Where ``batch_items`` is 0, whoever serves the model has to name them.

    ``token_budget`` counts padded source tokens of an engine call (longest item times items), ``batch_items`` its
    sentences, ``queue_tokens`` plain source tokens that wait. ``rebuild_pauses_s`` holds the pause before each attempt
    to rebuild an engine.
    """

    token_budget: int = 4_096
    batch_items: int = 64
    queue_items: int = 8_192
    queue_tokens: int = 524_288
    engine_hang_s: float = 60.0
    workers: int = 1
    rebuild_pauses_s: tuple[float, ...] = (0.0, 1.0, 5.0)
