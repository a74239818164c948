"""Events for metrics, logs and traces, as immutable values. No event contains article text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class BatchDone:
    """An engine call has returned.

    ``source_tokens`` excludes padding, and ``padded_tokens`` includes it. Times are wall-clock times in seconds.
    ``oldest_wait_s`` is the time that the oldest item spent in the queue. ``number`` identifies the batch among all
    batches of the model since it was loaded. If a batch fails, the engine is called again with smaller parts of it, to
    find the item at fault. All of these calls have the number of the original batch.
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
    """An engine call raised an exception, returned the wrong number of results, or hung.

    ``error`` is the name of the exception class.
    """

    model: str
    reason: EngineFailure
    error: str


@dataclass(frozen=True, slots=True)
class EngineReady:
    """A model has been loaded and warmed up. ``rebuilt`` is True if its engine replaces one that failed."""

    model: str
    engine: str
    load_s: float
    rebuilt: bool = False


RemoteFailure = Literal["unreachable", "timeout", "rate_limited", "server_error", "not_accepted", "malformed"]
RemoteOutcome = Literal["answered", "refused"] | RemoteFailure


@dataclass(frozen=True, slots=True)
class RemoteCalled:
    """An attempt to call the remote server of a model has ended, with or without success.

    The outcome ``refused`` means that the server refused the text. The outcome ``not_accepted`` means that the server
    refused the request for another reason, such as the key, the path or the name of the model. ``prompt_tokens`` and
    ``output_tokens`` are the counts in the server's answer. Both are None if there is no answer, or if the answer does
    not contain both counts.
    """

    model: str
    outcome: RemoteOutcome
    seconds: float
    prompt_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteAway:
    """Requests to the remote server of a model have failed. Further requests fail until the server responds again."""

    model: str
    reason: RemoteFailure


@dataclass(frozen=True, slots=True)
class RemoteBack:
    """The remote server of a model responds again."""

    model: str


@dataclass(frozen=True, slots=True)
class AnswerInvalid:
    """A remote model gave no usable answer for a text, even after a second request that repeated the required format.

    ``reason`` is the name of the fault in the first answer to the second request, or ``refused`` if the server refused
    the text.
    """

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class LayoutFound:
    """The service has measured the parallel configurations of a model at startup and has chosen one.

    ``replicas`` and ``threads`` are those of the chosen configuration, and ``fastest_s`` is its measured time.
    ``slowest_s`` is the time of the slowest configuration.
    """

    model: str
    replicas: int
    threads: int
    fastest_s: float
    slowest_s: float


@dataclass(frozen=True, slots=True)
class CacheLooked:
    """A request has looked up ``asked`` entries in the cache.

    ``memory_hits`` is the number of entries found in the memory tier, and ``shared_hits`` is the number found in the
    shared tier.
    """

    task: str
    asked: int
    memory_hits: int
    shared_hits: int = 0


SharedFailure = Literal["timeout", "unreachable", "error", "open"]


@dataclass(frozen=True, slots=True)
class SharedCacheFailed:
    """A call to the shared tier of the cache failed, or was blocked by the open circuit breaker (reason ``open``).

    ``opened`` is True if this failure opened the circuit breaker.
    """

    reason: SharedFailure
    opened: bool = False


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job, which a request with ``Prefer: respond-async`` started, has ended."""

    state: Literal["succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class WebhookSent:
    """The end of a job was announced to a webhook, or all attempts to announce it failed."""

    outcome: Literal["delivered", "failed"]


@dataclass(frozen=True, slots=True)
class SharedCacheRecovered:
    """The shared tier of the cache responds again, so its circuit breaker has closed."""


Unopened = Literal["seal", "unsealed", "unreadable"]


@dataclass(frozen=True, slots=True)
class EntryUnopened:
    """A stored cache entry cannot be used and counts as a miss.

    ``reason`` is ``seal`` (the entry cannot be decrypted), ``unsealed`` (it is not encrypted, but should be) or
    ``unreadable`` (it is malformed).
    """

    reason: Unopened


Output = Literal["article", "translation", "summary", "summary_translation", "headlines"]


@dataclass(frozen=True, slots=True)
class ResultGiven:
    """A result has been added to a response. ``codes`` contains the distinct codes of its notices.

    ``sentences`` is the number of sentences of a translation, and ``flagged`` is the number of those with a notice that
    requires a review. Both are 0 for other outputs.
    """

    output: Output
    codes: tuple[str, ...]
    needs_review: bool
    truncated: bool
    sentences: int = 0
    flagged: int = 0


@dataclass(frozen=True, slots=True)
class TextAccepted:
    """The texts of a request have been accepted. ``key_id`` is the name of the API key, never the key itself."""

    characters: int
    key_id: str | None


PurgeKind = Literal["texts", "result", "all"]


@dataclass(frozen=True, slots=True)
class CachePurged:
    """An operator has deleted cache entries.

    ``texts`` is the number of texts or result keys in the request. It is 0 if all entries were to be deleted.
    ``memory`` and ``shared`` are the numbers of deleted entries. ``shared`` is None if there is no shared cache.
    ``complete`` is False if the shared cache did not respond. The numbers are then not known: ``memory`` is 0, and
    ``shared`` is None.
    """

    kind: PurgeKind
    texts: int
    memory: int
    shared: int | None
    complete: bool
    key_id: str | None


@dataclass(frozen=True, slots=True)
class ProblemGiven:
    """A request failed or was rejected.

    The client received the error as the response, as the last event of a stream, as the result of an article in a
    batch, or as the result of a job.
    """

    code: str
    status: int


Stage = Literal["body", "work", "answer"]


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """A client disconnected during its request.

    ``during`` is ``body`` (before the request body was read), ``work`` (while the work was running) or ``answer``
    (while the response was being sent).
    """

    during: Stage


@dataclass(frozen=True, slots=True)
class KeysRead:
    """The key file has been read. ``keys`` is the number of keys in it."""

    keys: int


@dataclass(frozen=True, slots=True)
class KeysRefused:
    """The key file has changed but is invalid, so the previous keys remain valid.

    ``kept`` is the number of the previous keys. ``detail`` describes the error without quoting the file.
    """

    detail: str
    kept: int


@dataclass(frozen=True, slots=True)
class RateStoreFailed:
    """A call to the shared rate-limit counters failed or was blocked by the circuit breaker.

    The process used its own counters instead.

    ``reason`` and ``opened`` have the same meaning as in `SharedCacheFailed`.
    """

    reason: SharedFailure
    opened: bool = False


@dataclass(frozen=True, slots=True)
class RateStoreRecovered:
    """The shared rate-limit counters respond again, so their circuit breaker has closed."""


@dataclass(frozen=True, slots=True)
class RequestBegun:
    """An HTTP request has arrived. A `RequestDone` event always follows."""


@dataclass(frozen=True, slots=True)
class RequestDone:
    """An HTTP request has ended.

    ``method`` and ``route`` are restricted to known values, so they can serve as metric labels. ``status`` is 499 if
    the client disconnected before the response started. ``key_id`` is the name of the API key, never the key itself.
    ``trace_id`` is set if the request is traced or has a valid ``traceparent`` header.
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
    | RemoteCalled
    | RemoteAway
    | RemoteBack
    | AnswerInvalid
    | LayoutFound
    | CacheLooked
    | SharedCacheFailed
    | SharedCacheRecovered
    | JobEnded
    | WebhookSent
    | EntryUnopened
    | ResultGiven
    | TextAccepted
    | CachePurged
    | ProblemGiven
    | ClientLeft
    | KeysRead
    | KeysRefused
    | RateStoreFailed
    | RateStoreRecovered
    | RequestBegun
    | RequestDone
)
Listener = Callable[[Event], None]


def broadcast(listeners: Sequence[Listener]) -> Listener:
    """Return a listener that passes each event to all ``listeners``."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def ignore(event: Event) -> None:
    """Ignore ``event``. This is the default listener."""
    del event
