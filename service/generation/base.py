"""Generator interface: it takes source texts and options, and returns hypotheses with scores."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from service.domain import Attention, FinishReason, Prompt, Tokens
from service.generation.call import Priority
from service.registry.manifest import Manifest

T = TypeVar("T")
Health = Literal["loading", "ready", "hung", "dead"]


@dataclass(frozen=True, slots=True)
class FreeWords:
    """Words that an output may contain although its source does not.

    ``words`` count only if the tokenizer encodes them as one piece. The pieces of ``marks`` are always allowed.
    """

    words: frozenset[str]
    marks: str = ""


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """Options for one text. The model's manifest holds the other decoding options.

    ``attention`` requests the weights that an `AttentionAligner` needs. ``scored`` requests a score for each
    hypothesis. ``thorough`` uses the manifest's thorough search, if it has one. ``source_only`` restricts outputs to
    pieces of their source and to these words; None means no restriction.
    """

    attention: bool = False
    scored: bool = False
    thorough: bool = False
    min_output_tokens: int = 0
    source_only: FreeWords | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One normalised text (see `for_model`), or a prompt of such texts for a causal model, and its options."""

    text: str | Prompt
    options: GenerationOptions = GenerationOptions()


@dataclass(frozen=True, slots=True)
class PieceAttention:
    """Attention from each of n output pieces to each of m source pieces. ``weights`` is n × m or wider."""

    source: Tokens
    target: Tokens
    weights: Attention


@dataclass(frozen=True, slots=True)
class TextHypothesis:
    """One output. ``score`` is its log-probability per token, or None if it was not requested or is unknown."""

    text: str
    score: float | None
    finish_reason: FinishReason
    attention: PieceAttention | None = None


@dataclass(frozen=True, slots=True)
class GivenOutput:
    """An output to score. ``ended`` includes the log-probability that the output ends after its last word."""

    source: str | Prompt
    output: str
    ended: bool = True


class Scorer(Protocol):
    """A causal model that scores given outputs."""

    async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
        """Return the log-probability per token of each output, in order.

        The work belongs to a request that was already admitted, so no limit of the queue refuses it. An output that is
        too long for the model has the log-probability minus infinity.

        Raises:
            NotReady, Draining, EngineError: the model cannot do the work.
        """
        ...


class ItemFuture(asyncio.Future[T]):
    """The result of one item, with the times of its engine call on the event loop's clock.

    ``started_s`` is None before the call starts, ``finished_s`` before it returns. Both stay None if no engine in this
    process runs the call. ``batch`` is the number of the call.
    """

    started_s: float | None = None
    finished_s: float | None = None
    batch = 0


TextFuture = ItemFuture[list[TextHypothesis]]
"""The hypotheses of one source: at least one, best first."""


class TextGenerator(Protocol):
    """A model that generates text. All calls come from one event loop."""

    @property
    def name(self) -> str:
        """The name of the model in metrics and traces."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model: task, languages, limits and acceptance rules."""
        ...

    @property
    def identity(self) -> str:
        """A string that changes when the same text may get another output.

        It names the model, revision, engine, compute type, decoding options and limits.
        """
        ...

    @property
    def health(self) -> Health:
        """The state of the model for the readiness probe."""
        ...

    async def start(self) -> None:
        """Load the model or connect to its server. The generator is ready when this returns.

        Raises:
            ModelError, EngineError: the model cannot be used.
        """
        ...

    async def close(self, drain_s: float) -> None:
        """Refuse new work and finish accepted work within ``drain_s``. Unfinished work raises `Draining`."""
        ...

    def fits(self, text: str) -> bool:
        """Whether the normalised ``text`` fits into one input of the model."""
        ...

    def generate(
        self,
        sources: Sequence[Source],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        admitted: bool = False,
    ) -> list[TextFuture]:
        """Accept all ``sources`` or none, and return one future for each, in order.

        ``admitted`` means that the work belongs to a request that was already admitted. No limit of the queue refuses
        it.

        Each future completes as soon as its source is done. Cancelling a future cancels only its source, because
        several callers may share a request's sources. ``deadline_s`` (event loop's clock) only decides whether the
        work is accepted; the caller must enforce it. A future raises EngineError or Draining.

        Raises:
            QueueFull, TooSlow, NotReady, Draining: the generator accepts no work now.
            InvalidInput: the request exceeds the limit of an empty queue.
            DeadlineExceeded: the deadline has passed.
        """
        ...
