"""The interface of text generators, which return one or more outputs (hypotheses) for each source text."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from service.domain import Attention, EngineInput, Prompt, Tokens
from service.generation.call import Priority
from service.registry.manifest import Manifest

T = TypeVar("T")
Health = Literal["loading", "ready", "away", "hung", "dead"]
"""The state of a model. ``away`` means that the remote server of the model does not respond."""
Host = Literal["process", "private", "public"]
"""Where a model runs: in this process, on a server in a private network, or on a server in a public network."""
OutputEnd = Literal["eos", "length", "invalid"]
"""How an output ended: normally, at the length limit, or as an unusable answer, whose text is empty."""


@dataclass(frozen=True, slots=True)
class FreeWords:
    """Words and punctuation marks that an output may contain even if its source does not.

    A word in ``words`` is allowed only if the tokenizer encodes it as a single piece. ``marks`` contains punctuation
    marks, separated by spaces. All pieces into which the tokenizer encodes ``marks`` are allowed.
    """

    words: frozenset[str]
    marks: str = ""


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """Generation options for one source. All other decoding options come from the model's manifest.

    ``attention`` requests the attention weights that an `AttentionAligner` needs. ``scored`` requests a score for each
    hypothesis. ``thorough`` selects the slower and better search of the manifest, if the manifest has one. If
    ``hypotheses`` is not 0, it is the number of hypotheses to request, instead of the number in the manifest.
    ``min_output_tokens`` is the minimum length of an output. If ``source_only`` is set, an output may contain only the
    pieces that occur in its tokenised source, and the words and marks in ``source_only``. Remote models use only
    ``thorough`` and ``hypotheses``.
    """

    attention: bool = False
    scored: bool = False
    thorough: bool = False
    hypotheses: int = 0
    min_output_tokens: int = 0
    source_only: FreeWords | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An input of a generator, with its options.

    ``text`` is a text that `for_model` has normalised. For a causal model, ``text`` may also be a prompt that contains
    such texts.

    Only remote models use ``context`` and ``terms``. ``context`` contains the sentences before the text, in order.
    ``terms`` contains pairs of a term in the text and the translation that the output must contain. ``prepared`` is the
    input of the engine, if `TextGenerator.prepare` has already computed it.
    """

    text: str | Prompt
    options: GenerationOptions = GenerationOptions()
    context: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    prepared: EngineInput | None = None


@dataclass(frozen=True, slots=True)
class PieceAttention:
    """The attention from the n pieces of an output (``target``) to the m pieces of its source.

    ``weights`` has n rows and at least m columns. The first m columns belong to ``source``.
    """

    source: Tokens
    target: Tokens
    weights: Attention


@dataclass(frozen=True, slots=True)
class TextHypothesis:
    """One output of a generator.

    ``score`` is the log-probability per token of the output, or None if the score is unknown or was not requested.
    ``attention`` is None if it was not requested, or if the model does not provide it.
    """

    text: str
    score: float | None
    finish_reason: OutputEnd
    attention: PieceAttention | None = None


@dataclass(frozen=True, slots=True)
class GivenOutput:
    """A source with an output for which a `Scorer` computes the log-probability.

    If ``ended`` is True, the log-probability that the output ends after its last word is included. An encoder-decoder
    model always includes it. If ``total`` is True, the result is the log-probability of the whole output. Such results
    can be compared between outputs with different numbers of tokens. If ``total`` is False, the result is the mean per
    token.
    """

    source: str | Prompt
    output: str
    ended: bool = True
    total: bool = False


class Scorer(Protocol):
    """A model that computes the log-probability of existing outputs."""

    async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
        """Return the log-probability of each output, in order.

        The value is the mean per token or, if ``total`` of the output is True, the sum over all tokens. The value is
        minus infinity if the source or the output is too long for the model. The outputs must belong to a request that
        was already admitted. The limits of the queue therefore do not apply to them.

        Raises:
            NotReady, Draining, EngineError: the model cannot do the work.
        """
        ...


class Referee(Scorer, Protocol):
    """A small translation model that judges the outputs of a remote model by their log-probability."""

    @property
    def identity(self) -> str:
        """A string that changes whenever the model may compute different scores (see `TextGenerator.identity`)."""
        ...


class ItemFuture(asyncio.Future[T]):
    """A future for the result of one item. It also records when the model worked on the item.

    ``started_s`` is the start of the engine call or, for a remote model, of the first request. It is None until then.
    ``finished_s`` is the end of this work. It is None until then, and remains None if the model fails. Both are on the
    event loop's clock. Both remain None for a model without an engine, such as `RulesModel`. ``batch`` is the number of
    the engine call or of the first request, and 0 until then.
    """

    started_s: float | None = None
    finished_s: float | None = None
    batch = 0


TextFuture = ItemFuture[list[TextHypothesis]]
"""A future for the hypotheses of one source. There is at least one hypothesis, and the best one comes first."""


class InputLimit(Protocol):
    """The maximum length of one input of a model.

    The limit is picklable, because worker processes use it to split texts.
    """

    @property
    def max_source_tokens(self) -> int:
        """The maximum number of source tokens in one input."""
        ...

    def fits(self, text: str) -> bool:
        """Return whether the normalised ``text`` fits into one input."""
        ...


class TextGenerator(Protocol):
    """The interface of a model that generates text. All calls must come from one event loop."""

    @property
    def name(self) -> str:
        """The model's name in metrics and traces."""
        ...

    @property
    def engine(self) -> str:
        """The name of the engine that runs the model."""
        ...

    @property
    def host(self) -> Host:
        """Where the model runs: in this process, or on a server in a private or public network."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The model's manifest, with its task, languages, limits and acceptance rules."""
        ...

    @property
    def identity(self) -> str:
        """A string that changes whenever the same text may get a different output.

        It contains the model, revision, engine, compute type, decoding options and limits.
        """
        ...

    @property
    def fingerprint(self) -> str:
        """The part of ``identity`` that distinguishes versions of the same model.

        Each result key contains this part and the id of the model.
        """
        ...

    @property
    def health(self) -> Health:
        """The state of the model for the readiness probe."""
        ...

    async def start(self) -> None:
        """Load the model, or check whether its server responds. Call this method before `generate`.

        Raises:
            ModelError, EngineError: the model cannot be used.
        """
        ...

    async def close(self, drain_s: float) -> None:
        """Reject new work, and wait up to ``drain_s`` seconds for accepted work to finish.

        If work is then unfinished, its futures raise `Draining`.
        """
        ...

    @property
    def limit(self) -> InputLimit:
        """The maximum length of one input of the model."""
        ...

    def fits(self, text: str) -> bool:
        """Return whether the normalised ``text`` fits into one input of the model."""
        ...

    def prepare(self, source: Source) -> Source:
        """Return ``source`` with ``prepared`` set if an engine in this process runs the model, else ``source`` itself.

        `generate` queues all sources in one step, while other tasks of the event loop have to wait. This step takes
        less time with prepared sources. Between two calls of `prepare`, other tasks can run.
        """
        ...

    def generate(
        self,
        sources: Sequence[Source],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        admitted: bool = False,
    ) -> list[TextFuture]:
        """Accept all ``sources`` or none of them, and return one future for each, in order.

        ``admitted`` must be True if the sources belong to a request that was already admitted. The limits of the queue
        do not apply to such sources, and a local model does not check their deadline.

        Each future completes as soon as its source is done, or raises EngineError, EngineUnavailable, Draining or
        DeadlineExceeded. Cancelling a future cancels only its own source, because several callers may share the sources
        of a request. ``deadline_s`` is on the event loop's clock. The sources may be rejected if they cannot be
        finished by then, and requests to a remote server are not repeated after that time. The caller must cancel the
        futures at the deadline.

        Raises:
            QueueFull, TooSlow, NotReady, EngineUnavailable, Draining: the generator cannot accept work at the moment.
            InvalidInput: the request exceeds the limits of an empty queue.
            DeadlineExceeded: the deadline has passed.
        """
        ...
