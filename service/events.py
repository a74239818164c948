"""Events of the service as frozen values, for metrics and logs. No event contains article text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BatchDone:
    """An engine call returned. Seconds are wall time.

    ``source_tokens`` counts without padding, ``padded_tokens`` with padding. ``number`` counts the batches of a model;
    the calls that isolate a bad sentence share the number of its batch.
    """

    model: str
    items: int
    source_tokens: int
    padded_tokens: int
    output_tokens: int
    oldest_wait_s: float
    inference_s: float
    number: int | None = None


EngineFailure = Literal["raised", "wrong_count", "hung"]


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine call raised, returned the wrong number of results, or hung. ``error`` is the type of the exception."""

    model: str
    reason: EngineFailure
    error: str


@dataclass(frozen=True, slots=True)
class EngineReady:
    """A model was loaded and warmed up. ``rebuilt`` means that its previous engine had failed."""

    model: str
    engine: str
    load_s: float
    rebuilt: bool = False


@dataclass(frozen=True, slots=True)
class LayoutFound:
    """The fastest parallel configuration of a model was found at start.

    The seconds are the measured times of the fastest and of the slowest configuration.
    """

    model: str
    replicas: int
    threads: int
    fastest_s: float
    slowest_s: float


@dataclass(frozen=True, slots=True)
class CacheLooked:
    """A request looked up ``asked`` entries. The hits are counted by tier."""

    task: str
    asked: int
    memory_hits: int
    shared_hits: int = 0


SharedFailure = Literal["timeout", "unreachable", "error", "open"]


@dataclass(frozen=True, slots=True)
class SharedCacheFailed:
    """A call to the shared tier failed or was blocked by the circuit breaker (``open``). ``opened``: it opened now."""

    reason: SharedFailure
    opened: bool = False


Unopened = Literal["seal", "unsealed", "unreadable"]


@dataclass(frozen=True, slots=True)
class EntryUnopened:
    """A cache entry counts as a miss: its ``seal`` is invalid, it is ``unsealed``, or it is ``unreadable``."""

    reason: Unopened


Output = Literal["article", "translation", "summary", "summary_translation"]


@dataclass(frozen=True, slots=True)
class ResultGiven:
    """A response contains one more result. ``codes`` holds the distinct codes of its warnings."""

    output: Output
    codes: tuple[str, ...]
    needs_review: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class ProblemGiven:
    """A request failed or was refused, with an error response or an error as the last event of a stream."""

    code: str
    status: int


Stage = Literal["body", "work", "answer"]


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """A client disconnected before its body was read, during its work, or while the response was sent."""

    during: Stage


@dataclass(frozen=True, slots=True)
class KeysRead:
    """The key file was read. ``keys`` is the number of its keys."""

    keys: int


@dataclass(frozen=True, slots=True)
class KeysRefused:
    """The changed key file is invalid; the ``kept`` old keys stay valid. ``detail`` contains no content of the file."""

    detail: str
    kept: int


@dataclass(frozen=True, slots=True)
class RateStoreFailed:
    """A call to the shared rate-limit counters failed, so this process counted alone.

    ``reason`` and ``opened`` have the same meaning as in `SharedCacheFailed`.
    """

    reason: SharedFailure
    opened: bool = False


@dataclass(frozen=True, slots=True)
class RequestBegun:
    """An HTTP request arrived. A `RequestDone` always follows."""


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An HTTP request was answered. ``method`` and ``route`` are limited to known values, for use as metric labels.

    ``key_id`` is the name of the API key, never the key itself. ``trace_id`` is set if the request is traced.
    """

    method: str
    route: str
    status: int
    seconds: float
    request_id: str
    key_id: str | None = None
    trace_id: str | None = None


Event = (
    BatchDone
    | EngineFailed
    | EngineReady
    | LayoutFound
    | CacheLooked
    | SharedCacheFailed
    | EntryUnopened
    | ResultGiven
    | ProblemGiven
    | ClientLeft
    | KeysRead
    | KeysRefused
    | RateStoreFailed
    | RequestBegun
    | RequestDone
)
Listener = Callable[[Event], None]


def broadcast(listeners: Sequence[Listener]) -> Listener:
    """One listener that passes each event to all of ``listeners``."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def ignore(event: Event) -> None:
    """Default listener, which does nothing."""
    del event
