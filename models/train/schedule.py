"""How a slice of training goes, and how far all slices together have come."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How one slice is trained: for ``minutes`` or for ``steps`` updates, whichever is over first.

    The rate falls to nothing over the last ``cooldown`` share of it.
    """

    minutes: float | None
    steps: int | None = None
    peak_rate: float = 1e-3
    warmup_steps: int = 600
    cooldown: float = 0.0
    batch_tokens: int = 2_000
    label_smoothing: float = 0.1
    guidance: float = 1.0
    average_decay: float = 0.999
    report_steps: int = 200
    save_minutes: float = 10.0
    exchange_steps: int = 50
    seed: int = 1

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise ValueError("a slice ends after some minutes or some steps: give one of them")

    def done(self, elapsed_s: float, steps: int) -> float:
        """Share of the slice that is over; 1 at its end."""
        by_time = 0.0 if self.minutes is None else elapsed_s / (self.minutes * 60)
        return max(by_time, 0.0 if self.steps is None else steps / self.steps)


@dataclass
class Progress:
    """Counts that go on from slice to slice."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
