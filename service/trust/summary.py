"""Checks a German summary: every sentence against the source sentences behind it and against the whole article."""

from collections.abc import Iterator, Sequence
from itertools import chain

from service.trust.figures import figures, keys
from service.trust.findings import Code, Finding
from service.trust.names import added_names, index
from service.trust.negation import negations_of_summary
from service.trust.passage import Passage
from service.trust.quotations import verbatim
from service.trust.repetition import repeated_sentences, repeated_words
from service.trust.units import units
from service.types import Span


def check_summary(source: str, summary: str, sentences: Sequence[tuple[Span, Sequence[Span]]]) -> list[Finding]:
    """What an editor should know of ``summary``, sentence by sentence.

    ``sentences``: where each stands in ``summary`` and where the sentences that support it stand in ``source``. Numbers
    and negation are held against the support, names and quotations against the whole source. A number that only another
    place of the article has is a note. Spans are code points of ``source`` and ``summary``; a finding that is about
    something left out points to the first supporting sentence.
    """
    whole = Passage.of(source, "de")
    said, known = keys(whole), index(whole)
    outputs = [written.of(summary) for written, _ in sentences]
    backings = [" ".join(span.of(source) for span in support) for _, support in sentences]
    repeated = {number: [finding] for number, finding in repeated_sentences(backings, outputs)}
    found: list[Finding] = []
    for number, (written, support) in enumerate(sentences):
        sentence = Passage.of(outputs[number], "de")
        if not any(char.isalnum() for char in outputs[number]):
            own: Iterator[Finding] = iter(
                [Finding(Code.EMPTY_OUTPUT, "an empty sentence", output=Span(0, len(written.of(summary))))]
            )
        elif not support:
            message = "no sentence of the source stands behind this one"
            own = iter([Finding(Code.SENTENCE_UNSUPPORTED, message, output=Span(0, len(outputs[number])))])
        else:
            backing = Passage.of(backings[number], "de")
            own = chain(
                figures(backing, sentence, complete=False, elsewhere=said),
                units(backing, sentence),
                negations_of_summary(backing, sentence),
            )
        shared = chain(
            added_names(known, sentence),
            verbatim(source, outputs[number]),
            repeated_words(whole, sentence),
            repeated.get(number, ()),
        )
        found += [_placed(finding, written, support) for finding in chain(own, shared)]
    return found


def _placed(finding: Finding, written: Span, support: Sequence[Span]) -> Finding:
    """The finding with its place in the summary; its place in the joined support gives way to the first sentence."""
    output = None if finding.output is None else finding.output.shifted(written.start)
    source = support[0] if support and finding.source is not None else None
    return Finding(finding.code, finding.message, source, output, finding.severity)
