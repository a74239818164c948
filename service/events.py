"""What happened, as frozen values; metrics and logs listen and are wired by the app alone. No event carries text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BatchDone:
    """An engine call returned. Seconds are wall time; ``padded_tokens`` counts the source side as it was planned."""

    model: str
    items: int
    padded_tokens: int
    output_tokens: int
    oldest_wait_s: float
    inference_s: float


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine call raised, returned the wrong number of results, or hung; ``error`` is the exception's type alone."""

    model: str
    reason: Literal["raised", "wrong_count", "hung"]
    error: str


@dataclass(frozen=True, slots=True)
class EngineReady:
    """A model was loaded and warmed up."""

    model: str
    engine: str
    load_s: float


@dataclass(frozen=True, slots=True)
class CacheLooked:
    """A request looked for entries: how many there were, by tier, of how many."""

    task: str
    asked: int
    memory_hits: int
    shared_hits: int = 0


SharedFailure = Literal["timeout", "unreachable", "error", "open"]


@dataclass(frozen=True, slots=True)
class SharedCacheFailed:
    """The shared tier did not do what was asked, or was not asked (``open``). ``opened``: this opened the breaker."""

    reason: SharedFailure
    opened: bool = False


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An HTTP request was answered."""

    method: str
    route: str
    status: int
    seconds: float
    request_id: str


Event = BatchDone | EngineFailed | EngineReady | CacheLooked | SharedCacheFailed | RequestDone
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listener of whoever has none."""
    del event
