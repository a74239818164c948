"""How fast the engine works off source tokens, measured from the batches that it finished."""

DECAY = 0.8


class _Rate:
    """Tokens a second over the last few batches; a batch counts ``DECAY`` times as much as the next one."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens = DECAY * self._tokens + tokens
        self._seconds = DECAY * self._seconds + seconds

    def time_s(self, tokens: float) -> float | None:
        return tokens * self._seconds / self._tokens if self._tokens else None


class Throughput:
    """The speed of all batches, and that of the crowded ones, which left at least as many others behind.

    A batch takes nearly as long for one sentence as for many, so only crowded ones, which had others to choose their
    company from, say how fast a backlog is worked off.
    """

    def __init__(self) -> None:
        self._all = _Rate()
        self._crowded = _Rate()

    def add(self, tokens: int, seconds: float, *, crowded: bool) -> None:
        """Count a finished batch of ``tokens`` source tokens that took ``seconds``."""
        self._all.add(tokens, seconds)
        if crowded:
            self._crowded.add(tokens, seconds)

    def backlog_s(self, tokens: float) -> float | None:
        """Seconds that a backlog of ``tokens`` source tokens will take; None before the first crowded batch."""
        return self._crowded.time_s(tokens)

    def time_s(self, tokens: float) -> float | None:
        """The same, guessed too high from the other batches where there was no crowded one; None before the first."""
        backlog_s = self.backlog_s(tokens)
        return self._all.time_s(tokens) if backlog_s is None else backlog_s
