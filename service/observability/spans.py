"""What traces a request, as the envelope sees it: a protocol, so that no library is needed where nobody traces."""

import re
from collections.abc import Sequence
from typing import Protocol

from service.events import RequestDone
from service.generation.call import Interval

Headers = Sequence[tuple[bytes, bytes]]
# Version 00 of W3C Trace Context; identifiers of zeros are none.
_PARENT = re.compile(rb"00-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Span(Protocol):
    """One request that is traced."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""

    @property
    def response(self) -> bytes:
        """The value of ``traceresponse`` (W3C Trace Context, level 2), which tells the caller."""

    def end(self, done: RequestDone, stages: Sequence[Interval]) -> None:
        """The request is answered; ``stages`` are what it spent its time with."""


class Tracer(Protocol):
    """Begins spans."""

    def begin(self, headers: Headers) -> Span:
        """A request came in with these headers, among them perhaps the caller's ``traceparent``."""


def trace_id_in(headers: Headers) -> str | None:
    """The trace that a caller says its request belongs to, for the log."""
    given = [value for name, value in headers if name == b"traceparent"]
    found = _PARENT.fullmatch(given[0]) if len(given) == 1 else None
    return None if found is None else found[1].decode()
