"""A fuzz target: a function that processes a text, and the checks of its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PUMPED_CHARS = 20_000
MOST_S = 5.0  # of processor time; a quadratic algorithm would take minutes


@dataclass(frozen=True, slots=True)
class Target:
    """A function to fuzz and the checks of its results.

    ``check`` raises an exception if an invariant does not hold. ``work`` is the function whose time is limited. The
    fuzzer starts from the texts in ``seeds`` and combines the strings in ``words``.
    """

    name: str
    check: Callable[[str], None]
    work: Callable[[str], object]
    seeds: tuple[str, ...]
    words: tuple[str, ...]

    def require_linear(self, text: str) -> None:
        """Assert that ``work`` processes a long text within the time limit.

        The long text consists of repetitions of ``text``. A quadratic algorithm would exceed the limit.
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
    """Return the bytes that `decoded` decodes to ``text``."""
    return text.encode("utf-8", "surrogateescape")
