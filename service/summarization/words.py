"""Functions for the words of a sentence: counting, stems and content words.

They use the summary grammar (stemming rules and word lists) of German. No other language has a summary grammar, so
`require_grammar` rejects other languages when a model is loaded.
"""

import re

from service.errors import ModelError
from service.languages.base import Language, SummaryGrammar
from service.languages.de import SUMMARY

GRAMMAR: SummaryGrammar = SUMMARY
_WORD = re.compile(r"[^\W_]+(?:[-.,:’'][^\W_]+)*")


def require_grammar(language: Language) -> None:
    """Check that texts in ``language`` can be summarised.

    Raises:
        ModelError: the language has no summary grammar.
    """
    if language.summary is not GRAMMAR:
        raise ModelError(f"texts in {language.name} cannot be summarised: the language has no summary grammar")


def count_words(text: str) -> int:
    """Count words as an editor would: strings between white space that contain a letter or digit."""
    return sum(any(char.isalnum() for char in part) for part in text.split())


def words(text: str) -> list[str]:
    """Return the words in order, in their original spelling. A hyphenated word or a decimal number is one word."""
    return _WORD.findall(text)


def spaced_words(text: str) -> list[tuple[str, str]]:
    """Return the words in order. Each is paired with the text that follows it, up to the next word or the end."""
    found = list(_WORD.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [(match.group(), text[match.end() : end]) for match, end in zip(found, ends, strict=False)]


def content_stems(text: str) -> list[str]:
    """Return the stems of all words except function words, such as articles and prepositions, in order."""
    skipped = GRAMMAR.function_words
    return [GRAMMAR.stem(word) for word in words(text) if word.lower() not in skipped]


def depends_on_previous(sentence: str) -> bool:
    """Return whether a sentence starts with a pronoun or adverb that refers to the previous sentence."""
    found = words(sentence)
    return bool(found) and found[0].lower() in GRAMMAR.dangling_openings
