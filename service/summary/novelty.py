"""How much of a sentence is not word for word in its sources."""

from collections.abc import Sequence

from service.summary.words import words

NGRAM_WORDS = 4
COPY_NOVELTY = 0.1


def novelty(sentence: str, sources: Sequence[str], *, ngram_words: int = NGRAM_WORDS) -> float:
    """Share of the sentence's word n-grams that no source has, from 0 (copied) to 1; case does not matter.

    A sentence shorter than an n-gram is taken as one n-gram of its own length; one without words has novelty 0.
    """
    tokens = [word.lower() for word in words(sentence)]
    size = min(ngram_words, len(tokens))
    if not size:
        return 0.0
    known: set[tuple[str, ...]] = set()
    for source in sources:
        known |= set(_ngrams([word.lower() for word in words(source)], size))
    own = _ngrams(tokens, size)
    return sum(ngram not in known for ngram in own) / len(own)


def copies(sentence: str, sources: Sequence[str]) -> bool:
    """Whether a sentence is taken over as it stands, but for a word here and there."""
    return novelty(sentence, sources) < COPY_NOVELTY


def _ngrams(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
