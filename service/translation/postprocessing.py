"""Postprocessing of hypotheses: repetitions, terms, checks and the choice among candidates."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.checks.assessment import check_sentence
from service.checks.base import Code, Finding, Severity
from service.checks.repetition import Stutter, stutter
from service.domain import Attention, Link, Span
from service.generation.call import LruMemo
from service.generation.decoder import Candidate, SaidAgain
from service.generation.engines.tokenizers import EOS
from service.terms.constraints import TermConstraint
from service.terms.glossary import Glossary
from service.terms.placement import addresses, numerals, place
from service.text.alignment import Alignment, align, piece_spans
from service.translation.preparation import Sentence


def collapse_repetitions(source: str, candidate: Candidate) -> Candidate:
    """The candidate without what it says again at once; ``said_again`` are the words that stand for themselves now.

    Its pieces and their attention go with the words. docs/adr/0017 has why the words are not decoded again instead.
    """
    while (found := stutter(source, candidate.text)) is not None:
        candidate = _without(candidate, found)
    return candidate


def _without(candidate: Candidate, found: Stutter) -> Candidate:
    once, again, said = found
    spans = piece_spans(candidate.tokens, candidate.text)
    kept = [number for number, span in enumerate(spans) if not (again.start <= span.start < span.end <= again.end)]
    times = {once: said}
    for span, before in candidate.said_again:
        place = _moved(span, again) or once  # what goes with the second saying is counted with the first
        times[place] = times.get(place, 0) + before
    return replace(
        candidate,
        text=candidate.text[: again.start] + candidate.text[again.end :],
        tokens=tuple(candidate.tokens[number] for number in kept),
        attention=None if candidate.attention is None else _of_pieces(candidate.attention, kept),
        said_again=tuple(SaidAgain(*one) for one in sorted(times.items())),
    )


def _moved(span: Span, removed: Span) -> Span | None:
    """Where ``span`` stands once ``removed`` is out of the text; None where it goes, too."""
    if span.end <= removed.start:
        return span
    return span.shifted(removed.start - removed.end) if span.start >= removed.end else None


def _of_pieces(attention: Attention, kept: list[int]) -> Attention:
    width = attention.columns
    rows = (attention.levels[number * width : (number + 1) * width] for number in kept)
    return Attention(width, b"".join(rows))


FAINT = 0.05  # links of less weight say nothing
REMEMBERED = 4_096
SHORT_WORDS = 3
"""A longer phrase that came twice, or whatever came three times, asks for an editor: more may be lost."""
COUNTED = frozenset({"glossary", "kept"})
"""The caller's own terms, of which the answer counts what was applied."""
_YEAR = re.compile(r"\d{4}$")


@dataclass(frozen=True, slots=True)
class FinishedSentence:
    """A sentence's translation; ``applied`` and ``missing`` are what it had to hold; ``findings`` are of the pair.

    ``cut``: the model met its limit.
    """

    text: str
    applied: tuple[TermConstraint, ...] = ()
    missing: tuple[TermConstraint, ...] = ()
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
class SentenceConstraints:
    """What is asked of a sentence's translation: the terms that it has to hold, and where its words come from.

    ``source`` is the sentence as its text has it.
    """

    source: str
    sentence: Sentence
    required: tuple[TermConstraint, ...]
    aligned: bool

    @property
    def attention(self) -> bool:
        """Whether the model's attention is needed for it."""
        return self.aligned or bool(self.required)

    @property
    def plain(self) -> bool:
        """Whether nothing is asked beyond what the sentence itself asks."""
        return not self.aligned and all(one.kind not in COUNTED for one in self.required)


class Postprocessor:
    """Finishes sentences. What became of a pair is remembered: cached articles are asked for again and again.

    Without ``keep`` nothing of a sentence stays in memory. Used from any thread.
    """

    def __init__(self) -> None:
        self._own: LruMemo[tuple[TermConstraint, ...]] = LruMemo(REMEMBERED)
        self._plain: LruMemo[FinishedSentence] = LruMemo(REMEMBERED)
        self._checked: LruMemo[tuple[Finding, ...]] = LruMemo(REMEMBERED)

    def demand(
        self, source: str, sentence: Sentence, glossary: Glossary, *, aligned: bool, keep: bool
    ) -> SentenceConstraints:
        """What the sentence, which stands as ``source`` in its text, asks for."""
        if glossary:
            required = _required(source, glossary)
        else:
            required = self._own.get((source,), None, lambda: _required(source, glossary), keep=keep)
        return SentenceConstraints(source, sentence, required, aligned)

    def finish(self, demand: SentenceConstraints, one: Candidate, *, keep: bool) -> FinishedSentence:
        """The hypothesis as a translation of the sentence; with an alignment where one is asked for."""
        if not demand.plain:
            return self._finished(demand, one, keep=keep)
        make = lambda: self._finished(demand, one, keep=False)  # noqa: E731 - as short as what it stands for
        return self._plain.get((demand.source, one.text), _kind(one), make, keep=keep)

    def remembered(self, demand: SentenceConstraints, one: Candidate) -> FinishedSentence:
        """What `finish` gives.

        Raises:
            NotRememberedError: it has to be made.
        """
        found = self._plain.find((demand.source, one.text), _kind(one)) if demand.plain else None
        if found is None:
            raise NotRememberedError
        return found

    def _finished(self, demand: SentenceConstraints, one: Candidate, *, keep: bool) -> FinishedSentence:
        finished = self._placed(demand, one, keep=keep)
        return replace(finished, cut=True) if one.finish_reason == "length" else finished

    def _placed(self, demand: SentenceConstraints, best: Candidate, *, keep: bool) -> FinishedSentence:
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
        return FinishedSentence(
            placed.text, placed.applied, placed.missing, (*checked(placed.text), *removed), alignment
        )

    def forget(self) -> None:
        """Forget all sentences."""
        self._own.forget()
        self._plain.forget()
        self._checked.forget()


def finish_unread(source: str, sentence: Sentence, glossary: Glossary) -> FinishedSentence:
    """A sentence without letters, which no model reads: its numerals in their English form, and the terms it has.

    A day without a year is left alone: "1.2." is as often the number of a chapter.
    """
    required = [one for one in _required(source, glossary) if one.kind != "date" or _YEAR.search(one.text)]
    if not required:
        return FinishedSentence(sentence.text)
    text, done = "", 0
    for one in required:
        text += source[done : one.span.start] + one.text
        done = one.span.end
    return FinishedSentence(text + source[done:], applied=tuple(required))


def _required(source: str, glossary: Glossary) -> tuple[TermConstraint, ...]:
    """What the sentence's translation has to hold, none inside another: the caller's terms go first."""
    chosen: list[TermConstraint] = []
    finders: tuple[Callable[[str], Sequence[TermConstraint]], ...] = (glossary.find, addresses, numerals)
    for find in finders:
        chosen += [one for one in find(source) if not any(_meet(one.span, other.span) for other in chosen)]
    return tuple(sorted(chosen, key=lambda one: one.span))


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _kind(one: Candidate) -> Hashable:
    """What else becomes of a hypothesis depends on, beside its text."""
    return one.said_again, one.finish_reason


def _aligned(demand: SentenceConstraints, best: Candidate) -> Alignment | None:
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


FACTS = frozenset(
    {
        Code.NUMBER_UNSUPPORTED,
        Code.NUMBER_MISSING,
        Code.MAGNITUDE_CHANGED,
        Code.UNIT_CHANGED,
        Code.DATE_UNSUPPORTED,
        Code.DATE_MISSING,
        Code.NAME_UNSUPPORTED,
        Code.NAME_MISSING,
        Code.NEGATION_LOST,
        Code.NEGATION_ADDED,
    }
)
"""Doubts of who, what, when, how many and whether: never exchanged for doubts of another kind."""


def rerank(candidates: Iterable[Candidate], finish: Callable[[Candidate], FinishedSentence]) -> FinishedSentence:
    """The finished sentence that stands, of hypotheses, best first and at least one.

    The first stands where nothing of it asks for an editor, and no other is read or finished then. Else that stands
    which asks for one in the fewest places, the earliest of several, among those with no more doubts of facts than the
    first. docs/adr/0019 has what this mends.
    """
    left = iter(candidates)
    first = best = finish(next(left))
    facts = _facts(first)
    while best.doubts and (candidate := next(left, None)) is not None:
        other = finish(candidate)
        if other.doubts < best.doubts and _facts(other) <= facts:
            best = other
    return best if best is first else replace(best, findings=(*best.findings, _changed(first)))


def _facts(finished: FinishedSentence) -> int:
    """In how many places an editor has to look at a fact."""
    return sum(one.code in FACTS for one in finished.for_review)


def _changed(first: FinishedSentence) -> Finding:
    doubted = dict.fromkeys(one.code.value for one in first.for_review)
    told = f" ({', '.join(doubted)})" if doubted else ""
    message = f"the model's likeliest wording raised more doubts{told}; another one of its stands"
    return Finding(Code.HYPOTHESIS_CHANGED, message, severity=Severity.NOTE)
