"""Language identification with a byte n-gram model, and with rules for texts that are too short for the model."""

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from service.domain import Notice
from service.languages.base import Language

_SAMPLE_CHARS = 1_500  # one third each from the start, middle and end, because any one part may be a foreign quotation
_MIN_LETTERS = 6
_MIN_WORDS = 5  # shorter headlines and lists of names could be in any language
_LONG_TEXT_WORDS = 20
_SURE_SHORT = 0.9
_SURE_LONG = 0.7
_POSSIBLE = 0.05
_MARKER_SHARE = 0.12
_WORD = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"\S*(?:://|www\.|@)\S*")

_loading = threading.Lock()


@lru_cache(maxsize=1)
def _read_detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  its tables take a second to read

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def load_detector() -> Any:
    """Return the model that identifies languages.

    The first call in a process loads the model, which takes about a second. The service therefore calls this function
    at startup.
    """
    with _loading:
        return _read_detector()


def foreign_code(language: Language) -> str:
    """Return the notice code for a text that is not in ``language``."""
    return f"source_not_{language.name.lower()}"


def foreign_notice(text: str, language: Language) -> Notice | None:
    """Return a notice if the text is clearly not in ``language``. Otherwise, return None.

    Only a sample of long texts is examined, and addresses are ignored. A text with fewer than six letters gets no
    notice. A text in Latin script also gets none if it has fewer than five words or is ambiguous, such as a list of
    names.
    """
    sample = _sample(text)
    words = _WORD.findall(sample)
    if sum(map(len, words)) < _MIN_LETTERS:
        return None
    if _is_foreign_script(words) or (len(words) >= _MIN_WORDS and _is_foreign(sample, words, language)):
        message = f"The text does not appear to be in {language.name}; the result may be unusable."
        return Notice(foreign_code(language), message)
    return None


def likely_languages(text: str, language: Language) -> list[tuple[str, float]]:
    """Return (ISO 639-1 code, probability) pairs, most likely language first.

    Only a sample of long texts is examined. The list is empty for a text without letters outside addresses. The model
    is unreliable for short texts. If the text contains enough marker words of ``language``, this language is therefore
    ranked first.
    """
    sample = _sample(text)
    words = _WORD.findall(sample)
    if not words:
        return []
    code = language.code
    ranking: list[tuple[str, float]] = load_detector().rank(sample)
    if _has_marker_words(words, language) and ranking[0][0] != code:
        ranking = [(code, _SURE_SHORT), *((name, p * (1 - _SURE_SHORT)) for name, p in ranking if name != code)]
    return ranking


def _sample(text: str) -> str:
    """Return a sample of ``text``, of about 1,500 characters at most and without web and email addresses."""
    if len(text) > _SAMPLE_CHARS:
        third = _SAMPLE_CHARS // 3
        middle = (len(text) - third) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    return _ADDRESS.sub(" ", text)


def _is_foreign_script(words: list[str]) -> bool:
    letters = "".join(words)
    if len(letters.encode("ascii", "ignore")) * 2 >= len(letters):
        return False
    latin = sum(1 for c in letters if c.isascii() or unicodedata.name(c, "").startswith("LATIN"))
    return latin * 2 < len(letters)


def _has_marker_words(words: list[str], language: Language) -> bool:
    marked = sum(1 for word in words if word.lower() in language.marker_words)
    return marked > 0 and marked >= _MARKER_SHARE * len(words)


def _is_foreign(sample: str, words: list[str], language: Language) -> bool:
    if _has_marker_words(words, language):
        return False
    ranking: list[tuple[str, float]] = load_detector().rank(sample)
    likeliest, probability = ranking[0]
    sure = _SURE_LONG if len(words) >= _LONG_TEXT_WORDS else _SURE_SHORT
    return likeliest != language.code and probability >= sure and dict(ranking).get(language.code, 0.0) < _POSSIBLE
