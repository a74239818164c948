"""What a decoded sentence becomes: the terms it needs put in their places, and checked against its source."""

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.engines.tokenizer import EOS
from service.pipeline.candidate import Candidate
from service.pipeline.recent import Recent
from service.pipeline.sentences import Sentence
from service.terms.addresses import addresses
from service.terms.glossary import Glossary
from service.terms.numerals import numerals
from service.terms.placing import place
from service.terms.required import Required
from service.text.markup_alignment import Alignment, align
from service.trust.findings import Code, Finding, Severity
from service.trust.translation import check_sentence
from service.types import Link, Span

FAINT = 0.05  # links of less weight say nothing
REMEMBERED = 4_096
SHORT_WORDS = 3
"""A longer phrase that came twice, or whatever came three times, asks for an editor: more may be lost."""
COUNTED = frozenset({"glossary", "kept"})
"""The caller's own terms, of which the answer counts what was applied."""
_YEAR = re.compile(r"\d{4}$")


@dataclass(frozen=True, slots=True)
class Finished:
    """A sentence's translation; ``applied`` and ``missing`` are what it had to hold; ``findings`` are of the pair.

    ``cut``: the model met its limit.
    """

    text: str
    applied: tuple[Required, ...] = ()
    missing: tuple[Required, ...] = ()
    findings: tuple[Finding, ...] = ()
    alignment: Alignment | None = None
    cut: bool = False

    @property
    def for_review(self) -> list[Finding]:
        """The findings that ask for an editor."""
        return [one for one in self.findings if one.severity is Severity.REVIEW]

    @property
    def doubts(self) -> int:
        """In how many places it asks for an editor: findings, the caller's terms that it lacks, and its missing end."""
        return len(self.for_review) + sum(one.kind in COUNTED for one in self.missing) + self.cut


class NotRememberedError(LookupError):
    """Nothing is remembered of a hypothesis."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of a sentence's translation: the terms that it has to hold, and where its words come from.

    ``source`` is the sentence as its text has it.
    """

    source: str
    sentence: Sentence
    required: tuple[Required, ...]
    aligned: bool

    @property
    def attention(self) -> bool:
        """Whether the model's attention is needed for it."""
        return self.aligned or bool(self.required)

    @property
    def plain(self) -> bool:
        """Whether nothing is asked beyond what the sentence itself asks."""
        return not self.aligned and all(one.kind not in COUNTED for one in self.required)


class Finisher:
    """Finishes sentences. What became of a pair is remembered: cached articles are asked for again and again.

    Without ``keep`` nothing of a sentence stays in memory. Used from any thread.
    """

    def __init__(self) -> None:
        self._own: Recent[tuple[Required, ...]] = Recent(REMEMBERED)
        self._plain: Recent[Finished] = Recent(REMEMBERED)
        self._checked: Recent[tuple[Finding, ...]] = Recent(REMEMBERED)

    def demand(self, source: str, sentence: Sentence, glossary: Glossary, *, aligned: bool, keep: bool) -> Demand:
        """What the sentence, which stands as ``source`` in its text, asks for."""
        if glossary:
            required = _required(source, glossary)
        else:
            required = self._own.get((source,), None, lambda: _required(source, glossary), keep=keep)
        return Demand(source, sentence, required, aligned)

    def finish(self, demand: Demand, one: Candidate, *, keep: bool) -> Finished:
        """The hypothesis as a translation of the sentence; with an alignment where one is asked for."""
        if not demand.plain:
            return self._finished(demand, one, keep=keep)
        make = lambda: self._finished(demand, one, keep=False)  # noqa: E731 - as short as what it stands for
        return self._plain.get((demand.source, one.text), _kind(one), make, keep=keep)

    def remembered(self, demand: Demand, one: Candidate) -> Finished:
        """What `finish` gives.

        Raises:
            NotRememberedError: it has to be made.
        """
        found = self._plain.find((demand.source, one.text), _kind(one)) if demand.plain else None
        if found is None:
            raise NotRememberedError
        return found

    def _finished(self, demand: Demand, one: Candidate, *, keep: bool) -> Finished:
        finished = self._placed(demand, one, keep=keep)
        return replace(finished, cut=True) if one.finish_reason == "length" else finished

    def _placed(self, demand: Demand, best: Candidate, *, keep: bool) -> Finished:
        def checked(output: str) -> tuple[Finding, ...]:
            make = lambda: tuple(check_sentence(demand.source, output))  # noqa: E731 - as short as what it stands for
            return self._checked.get((demand.source, output), None, make, keep=keep)

        placed = place(best.text, (), demand.required)
        # Where all of it stands there as it is, nobody needs to know which words come from where.
        stands = placed.text == best.text and not placed.missing
        alignment = None if stands and not demand.aligned else _aligned(demand, best)
        if not stands:
            placed = place(best.text, _links(alignment), demand.required)
        if not demand.aligned:
            alignment = None
        elif alignment is not None and placed.text != best.text:
            alignment = _realigned(alignment, placed.links)
        # Terms move what stands behind them: then the sentence as a whole is the place.
        removed = _removed(best, known=placed.text == best.text)
        return Finished(placed.text, placed.applied, placed.missing, (*checked(placed.text), *removed), alignment)

    def forget(self) -> None:
        """Forget all sentences."""
        self._own.forget()
        self._plain.forget()
        self._checked.forget()


def finish_unread(source: str, sentence: Sentence, glossary: Glossary) -> Finished:
    """A sentence without letters, which no model reads: its numerals in their English form, and the terms it has.

    A day without a year is left alone: "1.2." is as often the number of a chapter.
    """
    required = [one for one in _required(source, glossary) if one.kind != "date" or _YEAR.search(one.text)]
    if not required:
        return Finished(sentence.text)
    text, done = "", 0
    for one in required:
        text += source[done : one.span.start] + one.text
        done = one.span.end
    return Finished(text + source[done:], applied=tuple(required))


def _required(source: str, glossary: Glossary) -> tuple[Required, ...]:
    """What the sentence's translation has to hold, none inside another: the caller's terms go first."""
    chosen: list[Required] = []
    finders: tuple[Callable[[str], Sequence[Required]], ...] = (glossary.find, addresses, numerals)
    for find in finders:
        chosen += [one for one in find(source) if not any(_meet(one.span, other.span) for other in chosen)]
    return tuple(sorted(chosen, key=lambda one: one.span))


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _kind(one: Candidate) -> Hashable:
    """What else becomes of a hypothesis depends on, beside its text."""
    return one.said_again, one.finish_reason


def _aligned(demand: Demand, best: Candidate) -> Alignment | None:
    if best.attention is None or demand.sentence.tokens is None:
        return None
    pieces = [piece for piece in demand.sentence.tokens if piece != EOS]
    return align(demand.source, best.text, pieces, best.tokens, best.attention.rows())


def _removed(best: Candidate, *, known: bool = True) -> Iterator[Finding]:
    """What the model wrote again at once and is left out; ``known``: it stands in the translation where it stood."""
    for span, times in best.said_again:
        short = times == 1 and len(span.of(best.text).split()) <= SHORT_WORDS
        yield Finding(
            Code.REPETITION_REMOVED,
            f"the model wrote this {times + 1} times in a row; it stands once",
            output=span if known else None,
            severity=Severity.NOTE if short else Severity.REVIEW,
        )


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
    """The alignment of an edited translation: words that were replaced together are one.

    Two pieces may stand for one character, as those of "′" do; the last of them has the weight of both.
    """
    columns = {piece: number for number, piece in enumerate(alignment.source)}
    rows: dict[Span, list[float]] = {}
    end = 0
    for link in sorted(links, key=lambda link: link.target):
        target = Span(max(link.target.start, end), link.target.end) if link.target not in rows else link.target
        if target.start >= target.end:
            continue
        row = rows.setdefault(target, [0.0] * len(alignment.source))
        row[columns[link.source]] = max(row[columns[link.source]], link.weight)
        end = max(end, target.end)
    return Alignment(alignment.source, tuple(rows), tuple(map(tuple, rows.values())))
