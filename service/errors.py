"""Error tree of the service. Errors of libraries are converted where they occur.

DepescheError
├── InvalidInput       a value of the request is invalid; names the field and the limit (HTTP 422)
├── Unavailable        the service cannot accept work now; says when to retry (503)
│   ├── QueueFull
│   ├── NotReady
│   └── Draining
├── BodyTooLarge       the body exceeds the size limit (413)
├── BodyTooSlow        the body did not arrive in time (408)
├── EncodingUnsupported   the body is compressed (415)
├── AccessDenied       the request is not authorised
│   ├── KeyMissing     the request has no API key (401)
│   ├── KeyUnknown     the API key is unknown (401)
│   │   └── KeyExpired
│   └── ScopeMissing   the API key lacks the scope of the endpoint (403)
├── RateExceeded       the caller exceeded its rate limit; says when to retry (429)
│   └── QuotaExceeded  the limit covers a day or longer
├── ClientGone         the client disconnected before its request was complete
├── DeadlineExceeded   the work was not done before the deadline (504)
├── EngineError        the model failed (500)
│   └── EngineHung     the model did not answer in time (504)
└── ModelError         a model cannot be loaded: manifest, files or architecture
    ├── WeightsMismatch   the SHA-256 of a file differs from the manifest
    ├── LockMismatch      the SHA-256 of a file differs from models.lock
    ├── UnsafeWeights     a weights file contains other objects and is not loaded
    └── HubError          the hub is unreachable or does not have the model
"""


class DepescheError(Exception):
    """Root of the error tree. ``code`` is stable, so callers can match it."""

    code = "internal"


class InvalidInput(DepescheError):
    """A value of the request is invalid.

    ``pointer`` is the JSON pointer of the field, ``limit`` the limit that the value exceeds.
    """

    def __init__(self, code: str, detail: str, *, pointer: str = "", limit: int | str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.limit = limit


class Unavailable(DepescheError):
    """The service cannot accept work now. ``retry_after_s`` is the recommended delay before a retry."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QueueFull(Unavailable):
    """The queue has reached its limit."""

    code = "queue_full"


class NotReady(Unavailable):
    """A model is loading, or its engine is being rebuilt."""

    code = "not_ready"


class Draining(Unavailable):
    """The process is shutting down."""

    code = "draining"


class BodyTooLarge(DepescheError):
    """The body has more than ``limit`` bytes."""

    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes")
        self.limit = limit


class BodyTooSlow(DepescheError):
    """The body did not arrive in time."""

    code = "body_timeout"


class EncodingUnsupported(DepescheError):
    """The body is compressed."""

    code = "encoding_unsupported"


class AccessDenied(DepescheError):
    """The request is not authorised. ``challenge`` is the value of ``WWW-Authenticate`` (RFC 6750)."""

    code = "access_denied"
    challenge = 'Bearer realm="depesche"'


class KeyMissing(AccessDenied):
    """The endpoint needs an API key, and the request has none."""

    code = "key_missing"


class KeyUnknown(AccessDenied):
    """The API key of the request is not in the key file."""

    code = "key_unknown"
    challenge = f'{AccessDenied.challenge}, error="invalid_token"'


class KeyExpired(KeyUnknown):
    """The API key of the request has expired."""

    code = "key_expired"


class ScopeMissing(AccessDenied):
    """The API key of the request does not have the ``scope`` of the endpoint."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key does not have the scope {scope}")
        self.challenge = f'{AccessDenied.challenge}, error="insufficient_scope", scope="{scope}"'


class RateExceeded(DepescheError):
    """The caller exceeded its rate limit. ``retry_after_s`` is the time until the next request is allowed."""

    code = "rate_exceeded"

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateExceeded):
    """The caller has used all characters of its daily or longer quota."""

    code = "quota_exceeded"


class ClientGone(DepescheError):
    """The client disconnected before its request was complete."""

    code = "client_gone"


class DeadlineExceeded(DepescheError):
    """The work was not done before the request's deadline."""

    code = "deadline_exceeded"


class EngineError(DepescheError):
    """The model raised an error or returned results that do not match its input."""

    code = "engine_failed"


class EngineHung(EngineError):
    """The model did not return in time. Its thread cannot be stopped."""

    code = "engine_hung"


class ModelError(DepescheError):
    """A model cannot be loaded."""

    code = "model_invalid"


class WeightsMismatch(ModelError):
    """The SHA-256 of a model file differs from the manifest."""

    code = "weights_mismatch"


class LockMismatch(ModelError):
    """The hub serves a file whose SHA-256 differs from ``models.lock``."""

    code = "lock_mismatch"


class UnsafeWeights(ModelError):
    """A weights file contains objects other than tensors, which could run code."""

    code = "unsafe_weights"


class HubError(ModelError):
    """The hub is unreachable, refuses the request, or does not have the file."""

    code = "hub_failed"
