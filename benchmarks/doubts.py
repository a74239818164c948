"""What editors fear of a summary, counted: words, numbers and names that the source lacks, and how much is copied."""

from collections.abc import Sequence

from service.summary.guard import unsupported
from service.summary.novelty import novelty
from service.text.normalise import for_model


def unsupported_words(sentences: Sequence[str], source: str) -> list[str]:
    """Words of a summary's sentences that ``source`` has in no form; the source is read as the model reads it."""
    known = [source, for_model(source)]
    return [word for sentence in sentences for word in unsupported(sentence, known)]


def facts(words: Sequence[str]) -> list[str]:
    """Those of ``words`` that may be a number or a name: with a digit, or a capital (German nouns are among them)."""
    return [word for word in words if word[0].isupper() or any(char.isdigit() for char in word)]


def copied(sentences: Sequence[str], source: str) -> float:
    """Share of the sentences' word 4-grams that stand in ``source``, in per cent; 100 without any sentence."""
    if not sentences:
        return 100.0
    known = [for_model(source)]
    return 100 * (1 - sum(novelty(sentence, known) for sentence in sentences) / len(sentences))
