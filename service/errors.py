"""The exceptions of the service. Some modules define further subclasses.

A number is the HTTP status with which the endpoints of /v1 and /admin report an error.

Other modules define further subclasses of some of these exceptions. The numbers are HTTP statuses.

DepescheError
├── InvalidInput       a value in the request is invalid; the error contains the field and the limit, if any (422)
├── Unavailable        the service cannot accept work at the moment; the error contains the retry delay (503)
│   ├── LoadFailed     the models could not be loaded, and retries do not help
│   ├── QueueFull      a queue has reached its limit
│   ├── NotReady       a model is loading, or its engine is being rebuilt
│   ├── JobsUnavailable   the Redis server that stores the results of jobs does not respond
│   ├── EngineUnavailable   the remote server of a model is unreachable, does not respond, or refuses the requests
│   └── Draining       the process is shutting down
├── BodyTooLarge       the request body exceeds the size limit (413)
├── MalformedJson      the request body is not JSON in UTF-8 (400)
├── BodyTooSlow        the request body did not arrive in time (408)
├── EncodingUnsupported   the request body has a content encoding, such as gzip (415)
├── AccessDenied       the request is not authorised (403, unless a subclass has another status)
│   ├── KeyMissing     the request has no API key (401)
│   ├── KeyUnknown     the API key is unknown (401)
│   │   └── KeyExpired  the API key has expired (401)
│   ├── HostRefused    without API keys, the administration port accepts only loopback host names (403)
│   └── ScopeMissing   the API key lacks the scope that the endpoint requires (403)
├── RateExceeded       the caller or its address has exceeded a rate limit; the error contains the retry delay (429)
│   └── QuotaExceeded  the exceeded limit is a quota of characters for a day or a longer period
├── AsyncUnavailable   the service cannot store the results of jobs, because it has no Redis server (501)
├── JobUnknown         there is no such job, or it belongs to another key (404)
├── JobLost            the process that ran a job ended, or the result of the job could not be stored (500)
├── ClientGone         the client disconnected before the request was complete
├── DeadlineExceeded   the work was not finished before the deadline (504)
├── WorkerLost         a worker process for text processing failed or could not be started (500)
├── EngineError        the model failed (500)
│   └── EngineHung     the model did not respond in time (504)
└── ModelError         a model, or a file that the models need, cannot be loaded or installed (500)
    ├── WeightsMismatch   a file of a model is missing, is not expected, or does not match its digest
    ├── OutputsRefused    the outputs of a model differ too much from the references of the test sentences
    ├── LockMismatch      a commit or the SHA-256 of a file does not match models.lock
    ├── UnsafeWeights     a weights file contains objects other than tensors, so it is not loaded
    └── HubError          the hub is unreachable, refuses the request, or does not have the files
"""

from typing import Any


class DepescheError(Exception):
    """The base class of all exceptions of the service. ``code`` is a stable identifier that callers can match."""

    code = "internal"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the error with all its attributes, so that the constructor of a subclass may have any arguments."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[DepescheError], args: tuple[Any, ...], attributes: dict[str, Any]) -> DepescheError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class InvalidInput(DepescheError):
    """A value in the request is invalid.

    ``detail`` is the explanation for a person. ``pointer`` is the JSON pointer to the field, or ``header:NAME`` for a
    header. It is empty if no single field is invalid. ``limit`` is the limit that the value violates or the value that
    is required, or None.
    """

    def __init__(self, code: str, detail: str, *, pointer: str = "", limit: int | str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.limit = limit


class Unavailable(DepescheError):
    """The service cannot accept work at the moment.

    ``retry_after_s`` is the recommended delay before a retry, in seconds.
    """

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class LoadFailed(Unavailable):
    """The models could not be loaded. ``reason`` is the code of the error that prevented loading.

    Retries fail until an operator solves the problem, so the recommended delay is long.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: the models could not be loaded; inform the operator", retry_after_s=60.0)


class QueueFull(Unavailable):
    """A queue has reached its limit, or the process already runs the maximum number of jobs."""

    code = "queue_full"


class NotReady(Unavailable):
    """A model is loading, or its engine is not ready after a failure."""

    code = "not_ready"


class JobsUnavailable(Unavailable):
    """The Redis server that stores the results of jobs does not respond, or refuses to store a job."""

    code = "jobs_unavailable"


class EngineUnavailable(Unavailable):
    """The remote server of a model gave no valid response.

    For example, it cannot be reached, does not respond in time, or refuses the key.
    """

    code = "engine_unavailable"


class Draining(Unavailable):
    """The process is shutting down."""

    code = "draining"


class BodyTooLarge(DepescheError):
    """The request body has more than ``limit`` bytes."""

    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request body exceeds the limit of {limit} bytes")
        self.limit = limit


class MalformedJson(DepescheError):
    """The request body is not JSON in UTF-8."""

    code = "malformed_json"


class BodyTooSlow(DepescheError):
    """The request body did not arrive in time."""

    code = "body_timeout"


class EncodingUnsupported(DepescheError):
    """The request body has a content encoding, such as gzip. The service supports none."""

    code = "encoding_unsupported"


class AccessDenied(DepescheError):
    """The request is not authorised. ``challenge`` is the value of the ``WWW-Authenticate`` header (RFC 6750)."""

    code = "access_denied"
    challenge = 'Bearer realm="depesche"'


class KeyMissing(AccessDenied):
    """The endpoint requires an API key, but the request has none."""

    code = "key_missing"


class KeyUnknown(AccessDenied):
    """The API key in the request is not in the key file."""

    code = "key_unknown"
    challenge = f'{AccessDenied.challenge}, error="invalid_token"'


class KeyExpired(KeyUnknown):
    """The API key in the request has expired."""

    code = "key_expired"


class ScopeMissing(AccessDenied):
    """The API key in the request lacks ``scope``, which the endpoint requires."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"the API key lacks the scope {scope!r}, which this endpoint requires")
        self.challenge = f'{AccessDenied.challenge}, error="insufficient_scope", scope="{scope}"'


class HostRefused(AccessDenied):
    """Without API keys, the administration port refuses a request whose host is not a loopback name."""

    code = "host_refused"


class RateExceeded(DepescheError):
    """The caller or its address has exceeded a rate limit.

    ``retry_after_s`` is the number of seconds until the time window of the exceeded limit ends. If several limits are
    exceeded, it is the window that ends last.
    """

    code = "rate_exceeded"

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateExceeded):
    """The caller has used up its quota of characters for a day or a longer period."""

    code = "quota_exceeded"


class AsyncUnavailable(DepescheError):
    """The request starts or reads a job, but the service has no Redis server to store the results of jobs."""

    code = "async_unavailable"


class JobUnknown(DepescheError):
    """No job has the requested id, its result has expired or was purged, or the job belongs to another API key."""

    code = "job_unknown"


class JobLost(DepescheError):
    """A job has no result, because its process ended, or because the result could not be stored.

    The result is not stored if it is too large, if Redis fails, or if a purge has run since the job started.
    """

    code = "job_lost"


class ClientGone(DepescheError):
    """The client disconnected before the request was complete."""

    code = "client_gone"


class DeadlineExceeded(DepescheError):
    """The work was not finished before the request's deadline."""

    code = "deadline_exceeded"


class WorkerLost(DepescheError):
    """A worker process for text processing ended unexpectedly or could not be started.

    The error is also raised if the work of the process raised an unexpected exception.
    """

    code = "worker_lost"


class EngineError(DepescheError):
    """The model failed, for example because it raised an exception or returned the wrong number of results."""

    code = "engine_failed"


class EngineHung(EngineError):
    """An engine call did not return within its time limit. The thread of the call cannot be stopped."""

    code = "engine_hung"


class ModelError(DepescheError):
    """A model, or a file that the models need, cannot be loaded or installed."""

    code = "model_invalid"


class WeightsMismatch(ModelError):
    """A file of a model is missing, is not expected, or does not match its digest."""

    code = "weights_mismatch"


class OutputsRefused(ModelError):
    """The outputs of a model for the test sentences differ too much from their references.

    ``outputs`` contains the source and the output of each sentence. The sentences are part of the service.
    """

    def __init__(self, message: str, outputs: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.outputs = outputs


class LockMismatch(ModelError):
    """The commit of a repository, or the name, SHA-256 or size of one of its files, does not match ``models.lock``."""

    code = "lock_mismatch"


class UnsafeWeights(ModelError):
    """A weights file contains objects other than tensors. Loading such objects could run code."""

    code = "unsafe_weights"


class HubError(ModelError):
    """The hub is unreachable, refuses the request, sends an invalid response, or does not have the files."""

    code = "hub_failed"
