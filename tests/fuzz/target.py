"""A fuzz target: a function that processes a text, and assertions about its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PUMPED_CHARS = 20_000
MOST_S = 5.0  # of processor time; a quadratic algorithm would take minutes


@dataclass(frozen=True, slots=True)
class Target:
    """A function to fuzz and the checks of its results.

    ``check`` raises an exception if an invariant is broken. ``work`` is the function whose time is limited. ``seeds``
    are the first texts, and ``words`` are parts from which inputs are built.
    """

    name: str
    check: Callable[[str], None]
    work: Callable[[str], object]
    seeds: tuple[str, ...]
    words: tuple[str, ...]

    def require_linear(self, text: str) -> None:
        """Check the running time for a repeated text.

        The text is so long that a quadratic algorithm would exceed the time limit.
        """
        pumped = (text * (PUMPED_CHARS // max(1, len(text)) + 1))[:PUMPED_CHARS]
        start = time.process_time()
        self.work(pumped)
        passed_s = time.process_time() - start
        assert passed_s < MOST_S, f"{self.name} took {passed_s:.1f} s for {len(pumped)} characters"


def decoded(data: bytes) -> str:
    """Decode an input to text. Invalid UTF-8 becomes lone surrogates, which a JSON body can also contain."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the input that `decoded` would decode to ``text``."""
    return text.encode("utf-8", "surrogateescape")
