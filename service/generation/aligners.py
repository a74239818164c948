"""Word alignment of a source and its output: by the attention of the model that wrote it, or of another one."""

from collections.abc import Sequence
from typing import Protocol

from service.generation.base import PieceAttention, TextHypothesis
from service.generation.call import TEXT_THREADS, TextThreads
from service.generation.local import LocalGenerator
from service.text.alignment import Alignment, align
from service.text.normalization import for_model

Pair = tuple[str, TextHypothesis]
"""A sentence as its text has it, and an output for it."""


class Aligner(Protocol):
    """Says which words of outputs stand for which words of their sources."""

    @property
    def identity(self) -> str:
        """What an alignment depends on beside the pair; part of cache keys."""
        ...

    @property
    def needs_attention(self) -> bool:
        """Whether outputs have to be generated with their attention."""
        ...

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """The alignment of each pair, in order; None where there is none.

        Raises:
            DepescheError: a model that is needed for it takes no work, or failed.
        """
        ...


class AttentionAligner:
    """Reads the attention of the model that wrote the output; None where the output came without it."""

    identity = "attention"
    needs_attention = True

    def __init__(self, threads: TextThreads = TEXT_THREADS) -> None:
        self._threads = threads

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """See `Aligner.align`."""
        wanted = [(source, output.text, output.attention) for source, output in pairs]
        return await self._threads.in_thread(sum(len(source) for source, _ in pairs), _aligned, wanted)


class ForcedAligner:
    """Lets a small encoder-decoder model write outputs that another generator wrote, and reads its attention.

    None where a sentence or its output is longer than that model reads.
    """

    needs_attention = False

    def __init__(self, model: LocalGenerator, threads: TextThreads = TEXT_THREADS) -> None:
        self._model = model
        self._threads = threads

    @property
    def identity(self) -> str:
        """See `Aligner.identity`."""
        return f"forced {self._model.identity}"

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        """See `Aligner.align`."""
        normal = [(for_model(source), output.text) for source, output in pairs]
        fitting = [n for n, texts in enumerate(normal) if all(text and self._model.fits(text) for text in texts)]
        attention = dict(zip(fitting, await self._model.force([normal[n] for n in fitting]), strict=True))
        wanted = [(source, output.text, attention.get(n)) for n, (source, output) in enumerate(pairs)]
        return await self._threads.in_thread(sum(len(source) for source, _ in pairs), _aligned, wanted)


def _aligned(wanted: Sequence[tuple[str, str, PieceAttention | None]]) -> list[Alignment | None]:
    return [
        None if found is None else align(source, output, found.source, found.target, found.weights.rows())
        for source, output, found in wanted
    ]
