"""Words of sentences: counting, stems and content words.

Only German has a summary grammar. `require_grammar` refuses other languages when a model is loaded.
"""

import re

from service.errors import ModelError
from service.languages.base import Language, SummaryGrammar
from service.languages.de import SUMMARY

GRAMMAR: SummaryGrammar = SUMMARY
_WORD = re.compile(r"[^\W_]+(?:[-.,:’'][^\W_]+)*")


def require_grammar(language: Language) -> None:
    """Refuse a language without a summary grammar.

    Raises:
        ModelError: the language has no summary grammar.
    """
    if language.summary is not GRAMMAR:
        raise ModelError(f"texts in {language.name} cannot be summarised: the language has no summary grammar")


def count_words(text: str) -> int:
    """The number of words as an editor counts them: space-separated strings with a letter or a digit."""
    return sum(any(char.isalnum() for char in part) for part in text.split())


def words(text: str) -> list[str]:
    """The words in order, in their original spelling. Hyphenated words and decimal numbers are one word each."""
    return _WORD.findall(text)


def spaced_words(text: str) -> list[tuple[str, str]]:
    """The words in order, each with the characters between it and the next word or the end."""
    found = list(_WORD.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [(match.group(), text[match.end() : end]) for match, end in zip(found, ends, strict=False)]


def content_stems(text: str) -> list[str]:
    """The stems of the content words in order, including numbers."""
    skipped = GRAMMAR.function_words
    return [GRAMMAR.stem(word) for word in words(text) if word.lower() not in skipped]


def depends_on_previous(sentence: str) -> bool:
    """Whether a sentence starts with a pronoun or adverb that refers to the previous sentence."""
    found = words(sentence)
    return bool(found) and found[0].lower() in GRAMMAR.dangling_openings
