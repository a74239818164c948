"""Checks of a translation or summary that a person may have written or edited. The checks use no model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from service import __version__
from service.checks.assessment import check_sentence
from service.checks.base import Code, notice_of
from service.checks.facts import LinkedFact, link_facts
from service.domain import Notice, Span
from service.languages.base import Language, LanguagePair
from service.newsroom.article import IPTC, TRAINED
from service.newsroom.sentence_alignment import SizedSentence, align_sentences
from service.results import Summary, SummarySentence
from service.summarization.guard import support
from service.summarization.rewriting import prepare_text
from service.summarization.summarizer import find_flaws, with_facts, with_findings
from service.summarization.words import require_grammar
from service.terms.glossary import Glossary
from service.terms.placement import missing_terms
from service.text.normalization import check_text
from service.text.segmentation import segment

Task = Literal["translation", "summary"]
COMPOSITE = f"{IPTC}compositeWithTrainedAlgorithmicMedia"
LABELS: dict[bool, dict[str, str]] = {
    False: {"de": "Mit KI erstellt.", "en": "Created with AI."},
    True: {
        "de": "Mit KI erstellt und von der Redaktion geprüft.",
        "en": "Created with AI and reviewed by an editor.",
    },
}
"""Label texts for readers, by language code, without (False) and with (True) a review by a person."""


@dataclass(frozen=True, slots=True)
class ReviewedSentence:
    """A sentence of the checked text, or two sentences that translate one source sentence.

    ``target`` is the span of the sentence or sentences in the checked text. ``source`` contains the spans of the source
    sentences that correspond to it or support it. ``notices`` contains the findings about it.
    """

    target: Span
    source: tuple[Span, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ReviewProvenance:
    """The origin of a checked text.

    ``checked_at`` is the time of the check in ISO 8601. ``digital_source_type`` is the URI of an IPTC digital source
    type. ``label`` maps language codes to label texts for readers.
    """

    checked_at: str
    software: str
    digital_source_type: str
    reviewed_by_person: bool
    label: dict[str, str]

    @classmethod
    def now(cls, *, reviewed_by_person: bool) -> "ReviewProvenance":
        """Return the provenance of a text, with the current time as the time of the check."""
        return cls(
            checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"depesche {__version__}",
            digital_source_type=COMPOSITE if reviewed_by_person else TRAINED,
            reviewed_by_person=reviewed_by_person,
            label=LABELS[reviewed_by_person],
        )


@dataclass(frozen=True, slots=True)
class Review:
    """The result of a check.

    ``facts`` links facts of the source, such as numbers and names, with those of the checked text. ``notices`` contains
    only the notices that do not belong to a sentence in ``sentences``.
    """

    sentences: tuple[ReviewedSentence, ...]
    facts: tuple[LinkedFact, ...]
    notices: tuple[Notice, ...]
    provenance: ReviewProvenance

    @property
    def every_notice(self) -> list[Notice]:
        """All notices: those in ``notices`` and those of each sentence."""
        return [*self.notices, *(notice for one in self.sentences for notice in one.notices)]


def review_translation(
    source: str, text: str, glossary: Glossary | None, languages: LanguagePair, *, reviewed_by_person: bool
) -> Review:
    """Check the translation ``text`` of ``source`` sentence by sentence.

    A source sentence without a counterpart in ``text`` gets a notice, and so does a sentence of ``text`` without a
    counterpart in the source. ``reviewed_by_person`` states whether a person has reviewed the text.

    Raises:
        InvalidInput: a text is not valid Unicode, or the glossary terms are too similar to be searched for.
    """
    notices = [*check_text(source), *(replace(one, span=None, target=one.span) for one in check_text(text))]
    spans, targets = segment(source, languages.source).sentences, segment(text, languages.target).sentences
    ones = [SizedSentence.of(span.of(source), languages.source) for span in spans]
    others = [SizedSentence.of(span.of(text), languages.target) for span in targets]
    sentences: list[ReviewedSentence] = []
    facts: list[LinkedFact] = []
    for one, other in align_sentences(ones, others):
        of_source, of_text = spans[slice(*one)], targets[slice(*other)]
        if not of_text:
            message = "the translation has no counterpart for this source sentence"
            notices += [Notice(Code.EMPTY_OUTPUT.value, message, span) for span in of_source]
            continue
        whole, target = _joined(of_source), _joined(of_text)
        if whole is None or target is None:
            message = "the source has no counterpart for this sentence"
            unsupported = Notice(Code.SENTENCE_UNSUPPORTED.value, message, None, target)
            sentences += [ReviewedSentence(span, (), (replace(unsupported, target=span),)) for span in of_text]
            continue
        found = _pair_notices(source, text, whole, target, glossary, languages)
        sentences.append(ReviewedSentence(target, tuple(of_source), tuple(found)))
        linked = link_facts(whole.of(source), target.of(text), *languages)
        facts += (fact.shifted(whole.start, target.start) for fact in linked)
    provenance = ReviewProvenance.now(reviewed_by_person=reviewed_by_person)
    return Review(tuple(sentences), tuple(facts), tuple(notices), provenance)


def _pair_notices(
    source: str, text: str, whole: Span, target: Span, glossary: Glossary | None, languages: LanguagePair
) -> Iterator[Notice]:
    written, output = whole.of(source), target.of(text)
    for finding in check_sentence(written, output, *languages):
        yield notice_of(finding.shifted(whole.start, target.start))
    terms = [] if glossary is None else glossary.find(written, languages.source)
    for one in missing_terms(output, terms):
        message = "the translation of this term is missing"
        yield Notice("term_not_applied", message, one.span.shifted(whole.start), target)


def review_summary(source: str, text: str, language: Language, *, reviewed_by_person: bool) -> Review:
    """Check the summary ``text`` of ``source``. Each sentence is compared with the source sentences that support it.

    Both texts are in ``language``. ``reviewed_by_person`` states whether a person has reviewed the summary.

    Raises:
        InvalidInput: a text is not valid Unicode.
        ModelError: summaries in the language cannot be checked.
    """
    require_grammar(language)
    article = prepare_text(source, language)
    notices = [*article.notices, *(replace(one, span=None, target=one.span) for one in check_text(text))]
    targets = segment(text, language).sentences
    written = [span.of(text) for span in targets]
    supports = [tuple(article.spans[n] for n in support(sentence, article.sentences)) for sentence in written]
    sentences = tuple(
        SummarySentence(sentence, spans, verbatim=sentence in article.sentences)
        for sentence, spans in zip(written, supports, strict=True)
    )
    summary = Summary(text, "abstractive", sentences, (), truncated=False, cached=False)
    found = [*find_flaws(article, summary), *with_findings(source, summary, language).notices]
    placed = [ReviewedSentence(target, spans, ()) for target, spans in zip(targets, supports, strict=True)]
    reviewed = [
        replace(one, notices=tuple(notice for notice in found if _is_within(notice, one.target))) for one in placed
    ]
    notices += [notice for notice in found if not any(_is_within(notice, one.target) for one in placed)]
    provenance = ReviewProvenance.now(reviewed_by_person=reviewed_by_person)
    facts = with_facts(source, summary, language).facts or ()
    return Review(tuple(reviewed), facts, tuple(notices), provenance)


def _is_within(notice: Notice, span: Span) -> bool:
    return notice.target is not None and span.start <= notice.target.start and notice.target.end <= span.end


def _joined(spans: Sequence[Span]) -> Span | None:
    """Return the span from the start of the first span to the end of the last one, or None if ``spans`` is empty."""
    return Span(spans[0].start, spans[-1].end) if spans else None
