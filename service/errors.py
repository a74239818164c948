"""What can go wrong, as a tree. Foreign errors are turned into these at the seam where they arise.

DepescheError
├── InvalidInput       the caller's value cannot be worked on; names the field and the limit (HTTP 422)
├── Unavailable        the service cannot take work now; says when to come back (503)
│   ├── QueueFull
│   ├── NotReady
│   └── Draining
├── BodyTooLarge       the body has more bytes than are taken (413)
├── BodyTooSlow        the body does not come to its end (408)
├── EncodingUnsupported   the body is compressed (415)
├── AccessDenied       the caller may not
│   ├── KeyMissing     there is no key in its request (401)
│   ├── KeyUnknown     its key is none of ours (401)
│   │   └── KeyExpired
│   └── ScopeMissing   its key is for other things (403)
├── RateExceeded       the caller asked for more than its rate; says when to come back (429)
│   └── QuotaExceeded  the rate is one of a day or longer
├── ClientGone         the caller left before its request was complete; nobody is there to answer
├── DeadlineExceeded   the work was not done in the caller's time (504)
├── EngineError        the model failed (500)
│   └── EngineHung     the model did not answer in time (504)
└── ModelError         a model cannot be loaded: manifest, files or architecture
    ├── WeightsMismatch   a file's SHA-256 is not the manifest's
    ├── LockMismatch      a file is not the one that was pulled at first
    ├── UnsafeWeights     a file holds more than weights, so it is not read
    └── HubError          the hub cannot be reached, or does not give the model
"""


class DepescheError(Exception):
    """Root of the tree. ``code`` is stable: callers match on it."""

    code = "internal"


class InvalidInput(DepescheError):
    """A value that cannot be worked on.

    ``pointer`` is the JSON pointer of the field, ``limit`` what the field may hold at most.
    """

    def __init__(self, code: str, detail: str, *, pointer: str = "", limit: int | str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.limit = limit


class Unavailable(DepescheError):
    """No work can be taken now; ``retry_after_s`` says when it is worth asking again."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QueueFull(Unavailable):
    """As much work waits as the settings admit."""

    code = "queue_full"


class NotReady(Unavailable):
    """Models are loading, or an engine is being rebuilt."""

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
    """The body was not there in time."""

    code = "body_timeout"


class EncodingUnsupported(DepescheError):
    """The body is compressed."""

    code = "encoding_unsupported"


class AccessDenied(DepescheError):
    """The caller may not do this; ``challenge`` is the value of ``WWW-Authenticate`` (RFC 6750)."""

    code = "access_denied"
    challenge = 'Bearer realm="depesche"'


class KeyMissing(AccessDenied):
    """A key is needed, and the request holds none."""

    code = "key_missing"


class KeyUnknown(AccessDenied):
    """The key of the request is not in the key file."""

    code = "key_unknown"
    challenge = f'{AccessDenied.challenge}, error="invalid_token"'


class KeyExpired(KeyUnknown):
    """The key of the request was good until a day that is past."""

    code = "key_expired"


class ScopeMissing(AccessDenied):
    """The key of the request does not have the ``scope`` that this endpoint needs."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key does not have the scope {scope}")
        self.challenge = f'{AccessDenied.challenge}, error="insufficient_scope", scope="{scope}"'


class RateExceeded(DepescheError):
    """The caller used what its rate allows; ``retry_after_s`` says when there is more."""

    code = "rate_exceeded"

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateExceeded):
    """The caller used all characters of a day, or of a longer time."""

    code = "quota_exceeded"


class ClientGone(DepescheError):
    """The caller left before its request was complete."""

    code = "client_gone"


class DeadlineExceeded(DepescheError):
    """The work was not done in the time the caller gave."""

    code = "deadline_exceeded"


class EngineError(DepescheError):
    """The model raised, or gave back what does not match its input."""

    code = "engine_failed"


class EngineHung(EngineError):
    """The model did not return in time; its thread cannot be stopped."""

    code = "engine_hung"


class ModelError(DepescheError):
    """A model cannot be loaded."""

    code = "model_invalid"


class WeightsMismatch(ModelError):
    """A model file is not the one that the manifest names."""

    code = "weights_mismatch"


class LockMismatch(ModelError):
    """What the hub gives is not what ``models.lock`` says it gave at first."""

    code = "lock_mismatch"


class UnsafeWeights(ModelError):
    """A file of weights holds more than weights: it could be a program."""

    code = "unsafe_weights"


class HubError(ModelError):
    """The hub cannot be reached, refuses, or does not have what is wanted."""

    code = "hub_failed"
