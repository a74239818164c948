"""Words of sentences: how an editor counts them, their stems, and which of them carry meaning.

Summaries have a grammar for German only; `require_grammar` refuses other languages when a model is loaded.
"""

import re

from service.errors import ModelError
from service.languages.base import Language, SummaryGrammar
from service.languages.de import SUMMARY

GRAMMAR: SummaryGrammar = SUMMARY
_WORD = re.compile(r"[^\W_]+(?:[-.,:’'][^\W_]+)*")


def require_grammar(language: Language) -> None:
    """Refuse a language whose summaries this module does not know.

    Raises:
        ModelError: the language has no summary grammar.
    """
    if language.summary is not GRAMMAR:
        raise ModelError(f"there are no summaries of {language.name} texts: the language has no summary grammar")


def count_words(text: str) -> int:
    """Words as an editor counts them: what stands between spaces and holds a letter or a digit."""
    return sum(any(char.isalnum() for char in part) for part in text.split())


def words(text: str) -> list[str]:
    """Words in order, as written; hyphenated words and decimal numbers stay whole."""
    return _WORD.findall(text)


def spaced_words(text: str) -> list[tuple[str, str]]:
    """Words in order, each with what stands between it and the next one, or the end."""
    found = list(_WORD.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [(match.group(), text[match.end() : end]) for match, end in zip(found, ends, strict=False)]


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; numbers are among them."""
    skipped = GRAMMAR.function_words
    return [GRAMMAR.stem(word) for word in words(text) if word.lower() not in skipped]


def leans_on_previous(sentence: str) -> bool:
    """Whether a sentence opens with a pronoun or adverb that only the sentence before explains."""
    found = words(sentence)
    return bool(found) and found[0].lower() in GRAMMAR.dangling_openings
