"""Word aligners, which match the words of an output with the words of its source.

`AttentionAligner` uses the attention of the model that generated the output. `ForcedAligner` uses forced decoding in a
second model.
"""

from collections.abc import Sequence
from typing import Protocol

from service.generation.base import PieceAttention, TextHypothesis
from service.generation.call import TEXT_THREADS, TextThreads
from service.generation.local import LocalGenerator
from service.languages.base import language
from service.text.alignment import Alignment, align
from service.text.normalization import for_model

Pair = tuple[str, TextHypothesis]
"""A source sentence as submitted, and a generator's output for it."""


class Aligner(Protocol):
    """The interface of word aligners, which match the words of outputs with the words of their sources."""

    @property
    def identity(self) -> str:
        """A string that changes whenever the aligner may align the same pair differently. It is part of cache keys."""
        ...

    @property
    def needs_attention(self) -> bool:
        """True if the generator must return the attention of each output."""
        ...

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """Return one alignment for each pair of a source sentence and an output, in order.

        The alignment is None for a pair that cannot be aligned.

        Raises:
            DepescheError: the aligner's model cannot accept the work, or fails.
        """
        ...


class AttentionAligner:
    """An aligner that uses the attention of the model that generated the outputs.

    If an output has no attention, it cannot be aligned.
    """

    identity = "attention"
    needs_attention = True

    def __init__(self, threads: TextThreads = TEXT_THREADS) -> None:
        self._threads = threads

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """Align each pair with the attention of its output (see `Aligner.align`)."""
        wanted = [(source, output.text, output.attention) for source, output in pairs]
        return await self._threads.in_thread(sum(len(source) for source, _ in pairs), _aligned, wanted)


class ForcedAligner:
    """An aligner for the outputs of any generator, based on forced decoding.

    A small encoder-decoder model is forced to generate the output of each pair. The alignment is computed from the
    attention of this model. A pair cannot be aligned if one of its texts is empty or too long for this model.
    """

    needs_attention = False

    def __init__(self, model: LocalGenerator, threads: TextThreads = TEXT_THREADS) -> None:
        self._model = model
        self._threads = threads

    @property
    def identity(self) -> str:
        """The word "forced", followed by the identity of the aligner's model (see `Aligner.identity`)."""
        return f"forced {self._model.identity}"

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """Align each pair with the attention of the aligner's model (see `Aligner.align`)."""
        source_language = language(self._model.manifest.source_lang)
        normal = [(for_model(source, source_language), output.text) for source, output in pairs]
        fitting = [n for n, texts in enumerate(normal) if all(text and self._model.fits(text) for text in texts)]
        attention = dict(zip(fitting, await self._model.force([normal[n] for n in fitting]), strict=True))
        wanted = [(source, output.text, attention.get(n)) for n, (source, output) in enumerate(pairs)]
        return await self._threads.in_thread(sum(len(source) for source, _ in pairs), _aligned, wanted)


def _aligned(wanted: Sequence[tuple[str, str, PieceAttention | None]]) -> list[Alignment | None]:
    return [
        None if found is None else align(source, output, found.source, found.target, found.weights.rows())
        for source, output, found in wanted
    ]
