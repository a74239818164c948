"""What a target of the fuzzer is: text in, assertions about what the service makes of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PUMPED_CHARS = 20_000
MOST_S = 5.0  # of processor time for that many; what grows with the square takes minutes, also where calls are counted


@dataclass(frozen=True, slots=True)
class Target:
    """``check`` raises where an invariant is broken, ``work`` is the mere work, whose time is bounded.

    ``seeds`` are texts to begin with, ``words`` what an input may be made of.
    """

    name: str
    check: Callable[[str], None]
    work: Callable[[str], object]
    seeds: tuple[str, ...]
    words: tuple[str, ...]

    def require_linear(self, text: str) -> None:
        """The text over and over, up to a length at which a square would be felt."""
        pumped = (text * (PUMPED_CHARS // max(1, len(text)) + 1))[:PUMPED_CHARS]
        start = time.process_time()
        self.work(pumped)
        passed_s = time.process_time() - start
        assert passed_s < MOST_S, f"{self.name} took {passed_s:.1f} s for {len(pumped)} characters"


def decoded(data: bytes) -> str:
    """An input as text; bytes that are no UTF-8 become lone surrogates, which a JSON body may hold, too."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The input that `decoded` gives as ``text``."""
    return text.encode("utf-8", "surrogateescape")
