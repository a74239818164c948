"""How fast the engine works off source tokens, measured from the batches that it finished."""

DECAY = 0.8


class Throughput:
    """Source tokens a second over the last few batches; a batch counts ``DECAY`` times as much as the next one."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Count a finished batch of ``tokens`` source tokens that took ``seconds``."""
        self._tokens = DECAY * self._tokens + tokens
        self._seconds = DECAY * self._seconds + seconds

    def time_s(self, tokens: int) -> float | None:
        """Seconds that ``tokens`` source tokens will take; None before the first batch."""
        return tokens * self._seconds / self._tokens if self._tokens else None
