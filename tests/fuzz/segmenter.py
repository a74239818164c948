"""A fuzz target for the segmenter: sentences and gaps together are the text, and gaps contain no visible text."""

from service.domain import Span
from service.text.normalization import for_model
from service.text.segmentation import Segmentation, reassemble, segment, split_long
from tests.fuzz.target import Target
from tests.fuzz.vocabulary import phrases
from tests.languages import DE

SEEDS = (
    "Der 1. FC Köln gewann am 3. Mai gegen Dr. Meiers Elf. „Das ist gut. Sehr gut!“, sagte er. Dann ging er.",
    "Art. 5 Abs. 2 GG gilt, z. B. für Prof. Dr. h. c. Meier; sonst nichts.\n\nEr sagte: »Nein!« Sie ging um 10.30 Uhr…",
    "‚Ja.‘ Er kam... ›Nein.‹ Sie (auch sie!) blieb. KULTURDas Museum öffnet.\nFriedrich II. kam im 20. Jahrhundert an.",
    "Eine Zeile, die nur umbrochen\nwurde, geht weiter wie\nzuvor und ist am En-\nde erst zu Ende.\n– Eins\n– Zwei",
)


def work(text: str) -> Segmentation:
    """Segment ``text`` as German."""
    return segment(text, DE)


def check(text: str) -> None:
    """Raise an exception if the sentences and gaps together are not ``text``, or if a sentence is misplaced."""
    segmentation = segment(text, DE)
    sentences = segmentation.sentences
    identity = reassemble(segmentation, [sentence.of(text) for sentence in sentences])
    assert (identity.text, identity.spans) == (text, sentences)
    assert not _visible_outside(text, sentences)
    assert not _visible_outside(text, segmentation.paragraphs)
    inside = {place for paragraph in segmentation.paragraphs for place in paragraph}
    for sentence in sentences:
        assert for_model(sentence.of(text), DE)
        assert not any(sentence.start < edge < sentence.end for edge in inside)
        _check_halves(text, sentence)


def _visible_outside(text: str, spans: tuple[Span, ...]) -> bool:
    """Return whether there is visible text outside the spans.

    Assert that the spans are in order and within the text.
    """
    done = 0
    seen = False
    for span in spans:
        assert done <= span.start < span.end <= len(text)
        seen = seen or for_model(text[done : span.start], DE) != ""
        done = span.end
    return seen or for_model(text[done:], DE) != ""


def _check_halves(text: str, sentence: Span) -> None:
    """Assert that, if a sentence can be split, both halves are shorter than the sentence.

    The halves must contain all of the visible text of the sentence.
    """
    halves = split_long(text, sentence, DE)
    if halves is None:
        return
    first, second = halves
    assert sentence.start <= first.start < first.end <= second.start < second.end <= sentence.end
    assert max(first.end - first.start, second.end - second.start) < sentence.end - sentence.start
    assert not for_model(text[sentence.start : first.start] + text[first.end : second.start], DE)
    assert not for_model(text[second.end : sentence.end], DE)


WORDS = (*phrases(), "\n\n", ". ", "„", "“", "»", "«", "‚", "‘", "…", "2. ", "z. B.", "\u00ad", "\u200b", "\u0301")
TARGET = Target("segmenter", check, work, SEEDS, WORDS)
