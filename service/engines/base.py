"""The Protocol that every engine keeps."""

from collections.abc import Sequence
from typing import Protocol

from service.types import EngineInput, Hypothesis


class Engine(Protocol):
    """A loaded model; all state that requests share lives above it.

    ``name`` is the engine's kind (``ctranslate2``, ``torch``, ``fake``). It works on ``replicas`` calls at the same
    time, each from a thread of its own, and takes ``ahead`` more, so that it has its next one when it is done with one.
    """

    name: str
    replicas: int
    ahead: int

    def generate(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        """Return, in the order of the n ``items``, n lists of 1..k hypotheses, best first.

        Nothing is cut: sources are taken whole, and a hypothesis that met its limit has ``finish_reason`` "length".
        An item's output does not depend on its neighbours beyond the rounding of the arithmetic.

        Raises:
            EngineError: the model failed; no item of this call has a result.
        """
        ...

    def close(self) -> None:
        """Free the model's memory. No call is under way, and the engine is not used afterwards."""
        ...
