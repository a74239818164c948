"""The requirements for the translation of a sentence, and the hints by which a model is told about them."""

from dataclasses import dataclass, replace

from service.domain import Mark, Prompt
from service.languages.base import LanguagePair
from service.registry.manifest import TERM_MARKS
from service.terms.constraints import (
    TermConstraint,
    literal_constraints,
    name_constraints,
    numeral_constraints,
    sign_constraints,
)
from service.terms.glossary import Glossary
from service.text.normalization import for_model
from service.translation.preparation import Sentence

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
    glossary: Glossary,
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
    """Return the sentence with the required translation after each glossary term, or None if it contains no term.

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


def terms_of(source: str, glossary: Glossary, languages: LanguagePair) -> tuple[TermConstraint, ...]:
    """Return the constraints for the sentence ``source``, in order and without overlap.

    If constraints overlap, the first of this list is used: glossary term, literal, numeral, name, sign.
    """
    chosen: list[TermConstraint] = []
    for found in (
        glossary.find(source, languages.source),
        literal_constraints(source),
        numeral_constraints(source, *languages),
        name_constraints(source),
        sign_constraints(source, languages.target),
    ):
        chosen += [one for one in found if not any(one.span.overlaps(other.span) for other in chosen)]
    return tuple(sorted(chosen, key=lambda one: one.span))
