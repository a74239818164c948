"""Preparation of texts for translation: options, sentences, and requirements for the translation of each sentence."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from service.domain import Mark, Notice, Prompt, Span
from service.generation.base import InputLimit
from service.languages.base import Language, LanguagePair
from service.languages.house_style import HouseStyle
from service.registry.manifest import TERM_MARKS
from service.terms.constraints import (
    TermConstraint,
    literal_constraints,
    name_constraints,
    numeral_constraints,
    sign_constraints,
)
from service.terms.corrections import Corrections
from service.terms.glossary import Glossary
from service.text.html.document import Block, Document, parse
from service.text.html.tags import HTML_RULES, TagRules
from service.text.language_id import foreign_notice
from service.text.normalization import check_text, for_model, markup_notice, visible_span
from service.text.segmentation import Segmentation, require_sentences, segment, split_long

Format = Literal["text", "html"]
Split = Literal["lines", "sentences", "no"]


@dataclass(frozen=True, slots=True)
class TranslationOptions:
    """The options for a translation.

    ``format`` is the format of the text. ``split`` determines where the text is divided: ``lines`` divides it at line
    breaks and ends of sentences, ``sentences`` only at ends of sentences, and ``no`` only where it is too long for the
    model. Block elements always divide an HTML text. If ``attribute_texts`` is True, the HTML attributes ``title`` and
    ``alt`` are also translated. ``tags`` contains the caller's rules for tags. ``alignment`` requests a word alignment,
    which is empty for HTML. ``facts`` requests the facts of the text, such as numbers and names, linked with those of
    its translation. ``known`` maps spans of a plain text to their known translations, which are used unchanged. Each
    span starts at the start of a sentence and ends at the end of the same or a later one, and counts as one sentence.
    ``corrections`` contains translations of single sentences, which are also used unchanged. ``house_style`` applies to
    the translations of the other sentences. ``alternatives`` is the number of alternative translations to search for
    per sentence. ``context`` is text that precedes the submitted text. Some models use the context, which is not
    translated. Options that are None are not used.
    """

    format: Format = "text"
    attribute_texts: bool = False
    tags: TagRules = HTML_RULES
    split: Split = "lines"
    alignment: bool = False
    facts: bool = False
    glossary: Glossary | None = None
    known: Mapping[Span, str] = field(default_factory=dict)
    corrections: Corrections | None = None
    house_style: HouseStyle | None = None
    alternatives: int = 0
    context: str = ""


PLAIN = TranslationOptions()
MAX_WITH_ALTERNATIVES = 20
"""The maximum number of sentences in a request for alternatives. Such a request takes several times as long."""


_LINE_END = re.compile(r"[\n\r]")  # each is replaced by one space, so offsets do not change
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text. ``span`` is its place in the text, and ``text`` is its normalised form.

    A sentence without letters is not sent to a model.
    """

    span: Span
    text: str
    has_letters: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text that has been divided into sentences.

    ``segmentation`` contains the spans of ``sentences``, in the same order. ``notices`` reports the sentences that were
    split because they were too long for the model.
    """

    segmentation: Segmentation
    sentences: tuple[Sentence, ...]
    notices: tuple[Notice, ...]


def notices_of(text: str, language: Language) -> list[Notice]:
    """Return the notices about the plain text ``text``, for example that it is not in ``language``.

    Raises:
        InvalidInput: the text is not valid Unicode.
    """
    found = (markup_notice(text), foreign_notice(text, language))
    return [*check_text(text), *(one for one in found if one is not None)]


def prepare(text: str, limit: InputLimit, language: Language, options: TranslationOptions = PLAIN) -> Prepared:
    """Divide ``text``, which must be valid Unicode, into sentences that are not too long for the model.

    ``limit`` is the input limit of the model. Of the ``options``, only ``split``, ``known`` and ``corrections`` are
    used. The spans in ``known``, and sentences with a correction, become sentences of any length.
    """
    notices: list[Notice] = []
    found = _segmented(text, language, options.split)
    known = {span.start: span for span in options.known}
    sentences: list[Sentence] = []
    for span in found.sentences:
        if sentences and span.start < sentences[-1].span.end:
            continue
        if span.start in known:
            whole = known[span.start]
            sentences.append(Sentence(whole, for_model(whole.of(text), language), has_letters=True))
            continue
        if options.corrections is not None and options.corrections.target_of(span.of(text)) is not None:
            sentences.append(Sentence(span, for_model(span.of(text), language), has_letters=True))
            continue
        parts = _fitting(text, span, limit, language)
        if len(parts) > 1:
            message = f"this sentence has more than {limit.max_source_tokens} tokens and was translated in parts"
            notices.append(Notice("sentence_split", message, span))
        sentences += parts
    spans = tuple(sentence.span for sentence in sentences)
    return Prepared(replace(found, sentences=spans), tuple(sentences), tuple(notices))


def _segmented(text: str, language: Language, split: Split) -> Segmentation:
    if split == "lines":
        return segment(text, language)
    if split == "sentences":
        return replace(segment(_LINE_END.sub(" ", text), language), text=text)
    whole = visible_span(text, Span(0, len(text)))
    return Segmentation(text, (whole,) if whole.start < whole.end else (), (whole,))


def _fitting(text: str, span: Span, limit: InputLimit, language: Language) -> list[Sentence]:
    """Return the sentence at ``span`` or, if it is too long for the model, its parts in order."""
    fitting: list[Sentence] = []
    waiting = [span]
    while waiting:
        part = waiting.pop()
        normal = for_model(part.of(text), language)
        has_letters = _LETTER.search(normal) is not None
        halves = None if not has_letters or limit.fits(normal) else split_long(text, part, language)
        if halves is None:
            fitting.append(Sentence(part, normal, has_letters))
        else:
            waiting += reversed(halves)
    return fitting


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a submitted text: a block of HTML, or a whole plain text. For plain text, ``block`` is None."""

    prepared: Prepared
    block: Block | None

    def place(self, span: Span) -> Span:
        """Convert a span of this part into a span of the submitted text."""
        if self.block is None:
            return span
        return self.block.in_html(span) if span.start < span.end else self.block.source

    @property
    def marked_up(self) -> bool:
        """True if the part contains inline markup, which must be placed in the translation."""
        return self.block is not None and bool(self.block.inlines)


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted text with its parts in order, and the notices about it. For plain text, ``document`` is None."""

    text: str
    parts: tuple[Part, ...]
    notices: tuple[Notice, ...]
    document: Document | None = None

    def sentences(self) -> Iterator[tuple[Part, Sentence]]:
        """Return an iterator over all sentences in order. Each sentence comes with the part that contains it."""
        return ((part, sentence) for part in self.parts for sentence in part.prepared.sentences)


def prepare_submission(text: str, options: TranslationOptions, limit: InputLimit, language: Language) -> Submission:
    """Divide ``text``, which is in ``language``, into parts and sentences. ``limit`` is the input limit of the model.

    Raises:
        InvalidInput: the text is not valid Unicode, or it has too many sentences.
    """
    if options.format == "text":
        prepared = prepare(text, limit, language, options)
        return Submission(text, (Part(prepared, None),), (*notices_of(text, language), *prepared.notices))
    checked = check_text(text)
    document = parse(text, attribute_texts=options.attribute_texts, rules=options.tags)
    require_sentences(len(document.blocks))  # each block has at least one sentence
    plain = replace(options, known={})
    parts = tuple(Part(prepare(block.text, limit, language, plain), block) for block in document.blocks)
    foreign = foreign_notice("\n".join(block.text for block in document.blocks), language)
    inside = (_placed(notice, part) for part in parts for notice in part.prepared.notices)
    return Submission(text, parts, (*checked, *([foreign] if foreign else []), *inside), document)


def _placed(notice: Notice, part: Part) -> Notice:
    return notice if notice.span is None else replace(notice, span=part.place(notice.span))


CALLER_TERMS = frozenset({"glossary", "kept"})
"""The kinds of terms that come from the caller. The response counts how many of these terms were applied."""


@dataclass(frozen=True, slots=True)
class SentenceConstraints:
    """The requirements for the translation of one sentence.

    ``source`` is the sentence as submitted, and ``sentence`` contains its normalised form. ``required`` contains the
    terms that the translation must contain. ``aligned`` is True if a word alignment is required. ``context`` contains
    the preceding sentences, in normalised form, that the model sees.
    """

    source: str
    sentence: Sentence
    required: tuple[TermConstraint, ...]
    aligned: bool
    context: tuple[str, ...] = ()


def constraints_of(
    source: str,
    sentence: Sentence,
    glossary: Glossary | None,
    languages: LanguagePair,
    *,
    aligned: bool,
    inflected: bool = False,
    context: tuple[str, ...] = (),
) -> SentenceConstraints:
    """Return the requirements for the translation of a sentence. ``source`` is the sentence as submitted.

    ``aligned`` states whether a word alignment is required. If ``inflected`` is True, the translation may contain other
    grammatical forms of the glossary terms. ``context`` contains the preceding sentences, in normalised form, that the
    model sees.
    """
    required = terms_of(source, glossary, languages)
    if inflected:
        forms = languages.target.forms
        required = tuple(
            replace(one, accepted=(*one.accepted, *forms(one.text))) if one.kind == "glossary" else one
            for one in required
        )
    return SentenceConstraints(source, sentence, required, aligned, context)


def hinted(wanted: SentenceConstraints, languages: LanguagePair) -> Prompt | None:
    """Return the sentence with the required translation after each of the caller's terms, or None if there is no hint.

    These translation hints have the same format as in the training data (``models/train/hints.py``). A term whose end
    cannot be located in the normalised sentence gets no hint.
    """
    text, start = wanted.sentence.text, 0
    begin, end = map(Mark, TERM_MARKS)
    parts: list[str | Mark] = []
    for one in wanted.required:
        before = for_model(wanted.source[: one.span.end], languages.source)
        if one.kind in CALLER_TERMS and len(before) > start and text.startswith(before):
            parts += [text[start : len(before)], begin, f" {one.text}", end]
            start = len(before)
    if not parts:
        return None
    return (*parts, text[start:]) if text[start:] else tuple(parts)


def terms_of(source: str, glossary: Glossary | None, languages: LanguagePair) -> tuple[TermConstraint, ...]:
    """Return the constraints for the sentence ``source``, in order and without overlap.

    If constraints overlap, the first of this list is used: glossary term, literal, numeral, name, sign.
    """
    chosen: list[TermConstraint] = []
    for found in (
        [] if glossary is None else glossary.find(source, languages.source),
        literal_constraints(source),
        numeral_constraints(source, *languages),
        name_constraints(source),
        sign_constraints(source, languages.target),
    ):
        chosen += [one for one in found if not any(one.span.overlaps(other.span) for other in chosen)]
    return tuple(sorted(chosen, key=lambda one: one.span))
