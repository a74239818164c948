"""A fuzz target: a text, and assertions on the service's result."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PUMPED_CHARS = 20_000
MOST_S = 5.0  # of processor time; quadratic work takes minutes


@dataclass(frozen=True, slots=True)
class Target:
    """``check`` raises if an invariant is broken; ``work`` is the work whose time is bounded.

    ``seeds`` are the first texts, ``words`` the parts of inputs.
    """

    name: str
    check: Callable[[str], None]
    work: Callable[[str], object]
    seeds: tuple[str, ...]
    words: tuple[str, ...]

    def require_linear(self, text: str) -> None:
        """Repeat the text to a length at which quadratic work exceeds the limit."""
        pumped = (text * (PUMPED_CHARS // max(1, len(text)) + 1))[:PUMPED_CHARS]
        start = time.process_time()
        self.work(pumped)
        passed_s = time.process_time() - start
        assert passed_s < MOST_S, f"{self.name} took {passed_s:.1f} s for {len(pumped)} characters"


def decoded(data: bytes) -> str:
    """An input as text; invalid UTF-8 becomes lone surrogates, which a JSON body may also hold."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The input that `decoded` gives as ``text``."""
    return text.encode("utf-8", "surrogateescape")
