"""The generator interface: source texts and options in, hypotheses with scores out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from service.domain import Attention, FinishReason, Tokens
from service.generation.call import Priority
from service.registry.manifest import Manifest

Health = Literal["loading", "ready", "hung", "dead"]


@dataclass(frozen=True, slots=True)
class FreeWords:
    """What an output may hold beside pieces of its source: ``words`` that are one piece each, and all of ``marks``."""

    words: frozenset[str]
    marks: str = ""


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How one text is generated, beyond what the model's own manifest says.

    ``attention`` asks for what an `AttentionAligner` needs, ``scored`` for scores where the model can spare them.
    ``source_only`` limits outputs to pieces of their source and these words; None: no limit.
    """

    attention: bool = False
    scored: bool = False
    min_output_tokens: int = 0
    source_only: FreeWords | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One text in its normal form (`for_model`), and how to generate from it."""

    text: str
    options: GenerationOptions = GenerationOptions()


@dataclass(frozen=True, slots=True)
class PieceAttention:
    """The model's attention from each piece of its output (n) to each piece of its source (m): n × m or wider."""

    source: Tokens
    target: Tokens
    weights: Attention


@dataclass(frozen=True, slots=True)
class TextHypothesis:
    """One output: its text, its log-probability a token (None: not asked for, or not known), and why it ended."""

    text: str
    score: float | None
    finish_reason: FinishReason
    attention: PieceAttention | None = None


class EngineTimes(Protocol):
    """When an engine had an item, on the event loop's clock, and in which of its calls; None: not yet, or unknown."""

    taken_s: float | None
    given_s: float | None
    batch: int


class TextFuture(asyncio.Future[list[TextHypothesis]]):
    """The hypotheses of one source, best first and at least one. ``times`` is None where no engine here works on it."""

    times: EngineTimes | None = None


class TextGenerator(Protocol):
    """A model that writes texts. Used from one event loop."""

    @property
    def name(self) -> str:
        """Its name in metrics and traces."""
        ...

    @property
    def manifest(self) -> Manifest:
        """Its contract with the service: task, languages, limits, acceptance."""
        ...

    @property
    def identity(self) -> str:
        """All that its output for a text depends on: model, revision, engine, arithmetic, decoding and limits."""
        ...

    @property
    def health(self) -> Health:
        """What the readiness probe says of it."""
        ...

    async def start(self) -> None:
        """Load the model, or reach its server; ready afterwards.

        Raises:
            ModelError, EngineError: it cannot be used.
        """
        ...

    async def close(self, drain_s: float) -> None:
        """Take no new work and finish what was taken within ``drain_s``; the rest raises `Draining`."""
        ...

    def fits(self, text: str) -> bool:
        """Whether the model reads ``text``, in its normal form, as a whole."""
        ...

    def generate(
        self, sources: Sequence[Source], *, priority: Priority = "interactive", deadline_s: float | None = None
    ) -> list[TextFuture]:
        """Take all ``sources`` or none. The futures are in their order, and each is done as soon as its own is.

        They are futures and not one awaitable, since each has callers of its own: cancelling one gives up its source
        alone. ``deadline_s``, on the event loop's clock, decides whether the work is taken; the caller keeps to it.
        A future raises EngineError or Draining.

        Raises:
            QueueFull, TooSlow, NotReady, Draining: no work can be taken now.
            InvalidInput: more work than is ever taken.
            DeadlineExceeded: the deadline is past.
        """
        ...
