"""What happened, as frozen values; metrics and logs listen and are wired by the app alone. No event carries text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BatchDone:
    """An engine call returned. Seconds are wall time.

    ``source_tokens`` are those that the engine was given, ``padded_tokens`` what they take as a batch. ``number`` is
    that of the batch among those of its model; the calls that search one for a bad sentence share it.
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
    """An engine call raised, returned the wrong number of results, or hung; ``error`` is the exception's type alone."""

    model: str
    reason: EngineFailure
    error: str


@dataclass(frozen=True, slots=True)
class EngineReady:
    """A model was loaded and warmed up; ``rebuilt`` when that was because its engine had failed."""

    model: str
    engine: str
    load_s: float
    rebuilt: bool = False


@dataclass(frozen=True, slots=True)
class LayoutFound:
    """At start, a model was timed on its cores: the fastest layout is kept, and what the slowest took beside it."""

    model: str
    replicas: int
    threads: int
    fastest_s: float
    slowest_s: float


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


Unopened = Literal["seal", "unsealed", "unreadable"]


@dataclass(frozen=True, slots=True)
class EntryUnopened:
    """A cache entry counts as a miss: its ``seal`` does not open, it has none and should, or it is not readable."""

    reason: Unopened


Output = Literal["article", "translation", "summary", "summary_translation"]


@dataclass(frozen=True, slots=True)
class ResultGiven:
    """An answer holds one more result; ``codes`` are those of its warnings, each once."""

    output: Output
    codes: tuple[str, ...]
    needs_review: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class ProblemGiven:
    """A request failed, or was refused: as an answer of its own or, in a stream, as its last event."""

    code: str
    status: int


Stage = Literal["body", "work", "answer"]


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """A caller left before its body was read, while its work was done, or while its answer was sent."""

    during: Stage


@dataclass(frozen=True, slots=True)
class KeysRead:
    """The key file was read; so many keys are known now."""

    keys: int


@dataclass(frozen=True, slots=True)
class KeysRefused:
    """The key file changed and cannot be used; ``kept`` old keys stay good. ``detail`` holds nothing of the file."""

    detail: str
    kept: int


@dataclass(frozen=True, slots=True)
class RateStoreFailed:
    """The shared counters of the rate limits were not reached; this process counted alone. Fields as above."""

    reason: SharedFailure
    opened: bool = False


@dataclass(frozen=True, slots=True)
class RequestBegun:
    """An HTTP request came in; a `RequestDone` follows, whatever happens."""


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An HTTP request was answered; ``method`` and ``route`` are among few words, whatever the caller wrote.

    ``key_id`` names who holds its key, where keys are asked for; never the key. ``trace_id`` is its trace's, if any.
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
    """Listener of whoever has none."""
    del event
