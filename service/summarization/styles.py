"""Editorial styles for summaries: their length limits, their rules for sentences, and their layout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from service.results import Style
from service.summarization.guard import LEAST_WORDS, grammar_error, is_fragment, is_whole
from service.summarization.lengths import Length, from_request
from service.summarization.words import content_stems, count_words, depends_on_previous, words

BULLET = "• "
OPENING_SENTENCES = 10
REPEATING_SHARE = 0.6
LEAST_HEADLINE_WORDS = 4
MOST_CHECKED = 500  # takes about 0.2 s; an article has about fifty sentences


@dataclass(frozen=True, slots=True)
class Form:
    """The length limits of a style.

    ``limits`` always applies. ``unasked`` also applies if the request does not specify a length. ``spares`` is the
    number of additional groups of sentences that are rewritten as a reserve.
    """

    limits: Length
    unasked: Length
    spares: int


FORMS: dict[Style, Form] = {
    "abstract": Form(Length(), Length(), spares=0),
    "teaser": Form(Length(max_sentences=2), Length(max_words=40), spares=1),
    "bullets": Form(Length(min_sentences=3, max_sentences=5, mark_chars=len(BULLET)), Length(max_words=120), spares=1),
    "seo": Form(Length(max_chars=160, max_sentences=1), Length(), spares=2),
}


def length_of(
    style: Style,
    length: str | None = None,
    *,
    max_chars: int | None = None,
    max_words: int | None = None,
    max_sentences: int | None = None,
) -> Length:
    """Return the length limits for a request in the given style.

    ``length`` is the name of a preset, such as "short". If the style and the request limit the same quantity, the lower
    limit is used. The minimum number of words of a preset applies only to the style ``abstract``.

    Raises:
        InvalidInput: see `from_request`.
    """
    asked = from_request(length, max_chars=max_chars, max_words=max_words, max_sentences=max_sentences)
    if style == "abstract":
        return asked
    silent = all(limit is None for limit in (length, max_chars, max_words, max_sentences))
    form = FORMS[style]
    return _tighter(form.limits, form.unasked if silent else asked)


def _tighter(form: Length, asked: Length) -> Length:
    most = _least(form.max_sentences, asked.max_sentences)
    return replace(
        form,
        min_sentences=form.min_sentences if most is None else min(form.min_sentences, most),
        max_words=_least(form.max_words, asked.max_words),
        max_chars=_least(form.max_chars, asked.max_chars),
        max_sentences=most,
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


def lay_out(style: Style, sentences: Sequence[str]) -> str:
    """Return the text of a summary.

    For the style ``bullets``, this is a bulleted list with one sentence on each line. For all others, it is running
    text.
    """
    if style == "bullets":
        return "\n".join(f"{BULLET}{sentence}" for sentence in sentences)
    return " ".join(sentences)


def admits(style: Style, sentence: str, headline: str | None) -> bool:
    """Return whether a summary in the given style may contain the sentence.

    The sentence must not repeat the headline. In styles other than ``abstract``, it must also be complete, have at
    least four words, and not refer to the sentence before it.
    """
    if headline and repeats(sentence, headline):
        return False
    return style == "abstract" or _is_independent(sentence)


def _is_independent(sentence: str) -> bool:
    return count_words(sentence) >= LEAST_WORDS and not is_fragment(sentence) and not depends_on_previous(sentence)


def barred(style: Style, sentences: Sequence[str], headline: str | None) -> frozenset[int]:
    """Return the indices of the sentences of an article that a summary in the given style must not use.

    These are sentences that repeat an earlier one or the headline, subheadings, datelines and other fragments, and
    sentences that the style does not admit. Of the first `MOST_CHECKED` other sentences, those with a grammatical error
    are excluded as well, unless all have one. A teaser may use only the first ten of the remaining sentences. If no
    sentence remains, only sentences that repeat the headline are excluded.
    """
    firsts = {tuple(words(sentence)): number for number, sentence in reversed(list(enumerate(sentences)))}
    admitted = [
        number
        for number, sentence in enumerate(sentences)
        if firsts[tuple(words(sentence))] == number and is_whole(sentence) and admits(style, sentence, headline)
    ]
    correct = [
        number
        for place, number in enumerate(admitted)
        if place >= MOST_CHECKED or grammar_error(sentences[number]) is None
    ]
    admitted = correct or admitted
    if not admitted:
        admitted = [number for number, sentence in enumerate(sentences) if admits("abstract", sentence, headline)]
    if style == "teaser":
        admitted = admitted[:OPENING_SENTENCES]
    return frozenset(range(len(sentences))).difference(admitted)


def repeats(sentence: str, headline: str) -> bool:
    """Return whether a sentence repeats the headline.

    This is the case if the headline contains at least three fifths of the stems of the content words in the sentence.
    It is also the case if the headline has at least four words and the sentence contains all of them in a row.
    """
    known, wanted = _headline(headline)
    own = set(content_stems(sentence))
    if own and len(own & known) >= REPEATING_SHARE * len(own):
        return True
    return count_words(wanted) >= LEAST_HEADLINE_WORDS and f" {wanted} " in f" {' '.join(words(sentence))} ".lower()


@lru_cache(maxsize=1)
def _headline(headline: str) -> tuple[frozenset[str], str]:
    """Return the stems of the content words of the headline, and its words in lower case, joined by spaces.

    The result is cached because it is needed for every sentence of an article.
    """
    return frozenset(content_stems(headline)), " ".join(words(headline)).lower()
