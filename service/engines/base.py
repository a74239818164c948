"""The Protocol that every engine keeps."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from service.types import EngineInput, Hypothesis


class Engine(Protocol):
    """A loaded model. Called from one thread at a time; all state that requests share lives above it.

    ``name`` is the engine's kind (``ctranslate2``, ``torch``, ``fake``).
    """

    name: str

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Return, in the order of the n ``items``, n lists of 1..k hypotheses, best first.

        Nothing is cut: sources are taken whole, and a hypothesis that met its limit has ``finish_reason`` "length".
        An item's output does not depend on its neighbours beyond the rounding of the arithmetic.

        Raises:
            EngineError: the model failed; no item of this call has a result.
        """
        ...

    def close(self) -> None:
        """Free the model's memory. The engine is not used afterwards."""
        ...


@runtime_checkable
class EagerEngine(Engine, Protocol):
    """An engine that can take its next call before the one it works on is finished, so that it is never idle."""

    def begin(self, items: Sequence[EngineInput]) -> Callable[[], list[list[Hypothesis]]]:
        """Begin what `generate` does; what is returned waits for the results, and raises as `generate` does.

        Both are called from the thread that calls `generate`. Calls are worked on in the order in which they began.

        Raises:
            EngineError: the call could not begin.
        """
        ...
