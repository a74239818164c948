"""What a decoded sentence becomes: the terms it needs put in their places, and checked against its source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.engines.tokenizer import EOS
from service.pipeline.decoded import Candidate
from service.pipeline.recent import Recent
from service.pipeline.sentences import Sentence
from service.terms.addresses import addresses
from service.terms.glossary import Glossary
from service.terms.numerals import numerals
from service.terms.placing import place
from service.terms.required import Required
from service.text.markup_alignment import Alignment, align
from service.trust.findings import Finding
from service.trust.translation import check_sentence
from service.types import Link, Span

FAINT = 0.05  # links of less weight say nothing
REMEMBERED = 8_192


@dataclass(frozen=True, slots=True)
class Finished:
    """A sentence's translation; ``applied`` and ``missing`` are what it had to hold; ``findings`` are of the pair."""

    text: str
    applied: tuple[Required, ...] = ()
    missing: tuple[Required, ...] = ()
    findings: tuple[Finding, ...] = ()
    alignment: Alignment | None = None


class Finisher:
    """Finishes sentences. What became of a pair is remembered: cached articles are asked for again and again."""

    def __init__(self) -> None:
        self._plain: Recent[Finished] = Recent(REMEMBERED)
        self._checked: Recent[tuple[Finding, ...]] = Recent(REMEMBERED)

    def finish(
        self, source: str, sentence: Sentence, best: Candidate, glossary: Glossary, *, aligned: bool, keep: bool
    ) -> Finished:
        """The translation of ``source``, the sentence as its text has it; with an alignment where one is asked for.

        Without ``keep`` nothing of it stays in memory.
        """
        if aligned or glossary:
            return self._finished(source, sentence, best, glossary, aligned=aligned, keep=keep)
        return self._plain.get(
            (source, best.text),
            None,
            lambda: self._finished(source, sentence, best, glossary, aligned=False, keep=False),
            keep=keep,
        )

    def _finished(
        self, source: str, sentence: Sentence, best: Candidate, glossary: Glossary, *, aligned: bool, keep: bool
    ) -> Finished:
        def checked(output: str) -> tuple[Finding, ...]:
            make = lambda: tuple(check_sentence(source, output))  # noqa: E731 - as short as what it stands for
            return self._checked.get((source, output), None, make, keep=keep)

        required = _required(source, glossary)
        alignment = _aligned(source, sentence, best) if aligned or required else None
        if not required:
            return Finished(best.text, findings=checked(best.text), alignment=alignment)
        placed = place(best.text, _links(alignment), required)
        if not aligned:
            alignment = None
        elif alignment is not None and placed.text != best.text:
            alignment = _realigned(alignment, placed.links)
        return Finished(placed.text, placed.applied, placed.missing, checked(placed.text), alignment)

    def forget(self) -> None:
        """Forget all pairs."""
        self._plain.forget()
        self._checked.forget()


def _required(source: str, glossary: Glossary) -> list[Required]:
    """What the sentence's translation has to hold, none inside another: the caller's terms go first."""
    chosen: list[Required] = []
    finders: tuple[Callable[[str], Sequence[Required]], ...] = (glossary.find, addresses, numerals)
    for find in finders:
        chosen += [one for one in find(source) if not any(_meet(one.span, other.span) for other in chosen)]
    return sorted(chosen, key=lambda one: one.span)


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _aligned(source: str, sentence: Sentence, best: Candidate) -> Alignment | None:
    if best.attention is None or sentence.tokens is None:
        return None
    pieces = [piece for piece in sentence.tokens if piece != EOS]
    return align(source, best.text, pieces, best.tokens, best.attention.rows())


def _links(alignment: Alignment | None) -> list[Link]:
    if alignment is None:
        return []
    return [
        Link(word, piece, weight)
        for word, row in zip(alignment.target, alignment.weights, strict=True)
        for piece, weight in zip(alignment.source, row, strict=True)
        if weight >= FAINT and piece.start < piece.end
    ]


def _realigned(alignment: Alignment, links: Sequence[Link]) -> Alignment:
    """The alignment of an edited translation: words that were replaced together are one."""
    columns = {piece: number for number, piece in enumerate(alignment.source)}
    rows: dict[Span, list[float]] = {}
    end = 0
    for link in sorted(links, key=lambda link: link.target):
        target = Span(max(link.target.start, end), link.target.end) if link.target not in rows else link.target
        if target.start >= target.end:
            continue
        row = rows.setdefault(target, [0.0] * len(columns))
        row[columns[link.source]] = max(row[columns[link.source]], link.weight)
        end = max(end, target.end)
    return Alignment(alignment.source, tuple(rows), tuple(map(tuple, rows.values())))
