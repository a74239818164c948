"""Says when a text is clearly not German: a byte n-gram model, and rules for texts too short for it."""

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from service.domain import Notice
from service.languages.wordlists import phrase_set

_SAMPLE_CHARS = 1_500  # a third from the start, the middle and the end: quotations and boxes may be foreign
_MIN_LETTERS = 6
_MIN_WORDS = 5  # below that, headlines and lists of names look like any language
_LONG_TEXT_WORDS = 20
_SURE_SHORT = 0.9
_SURE_LONG = 0.7
_GERMAN_POSSIBLE = 0.05
_GERMAN_SHARE = 0.12
_WORD = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"\S*(?:://|www\.|@)\S*")
_ADDRESS_SIGNS = ("://", "www.", "@")

_loading = threading.Lock()


@lru_cache(maxsize=1)
def _read_detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  reading its tables costs a second

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def load_detector() -> Any:
    """Read the detector's tables, once a process: about a second, better spent while starting than in a request."""
    with _loading:
        return _read_detector()


def german_notice(text: str) -> Notice | None:
    """A notice ``source_not_german`` when the text is clearly in another language.

    Short or ambiguous texts (headlines, names, numbers) and texts without letters give None.
    """
    sample = _sample(text)
    words = _WORD.findall(sample)
    if sum(map(len, words)) < _MIN_LETTERS:
        return None
    if _is_foreign_script(words) or (len(words) >= _MIN_WORDS and _is_foreign(sample, words)):
        return Notice("source_not_german", "The text does not look German; the result may be unusable.")
    return None


def likely_languages(text: str) -> list[tuple[str, float]]:
    """Languages (ISO 639-1) with the probability that ``text`` is in them, the likeliest first; none without letters.

    A text with German function words is German whatever the model says: it is unsure of short ones.
    """
    sample = _sample(text)
    words = _WORD.findall(sample)
    if not words:
        return []
    ranking: list[tuple[str, float]] = load_detector().rank(sample)
    german = sum(1 for word in words if word.lower() in phrase_set("german_words"))
    if german >= _GERMAN_SHARE * len(words) and ranking[0][0] != "de":
        ranking = [("de", _SURE_SHORT), *((name, p * (1 - _SURE_SHORT)) for name, p in ranking if name != "de")]
    return ranking


def _sample(text: str) -> str:
    """What of ``text`` is looked at: no more than takes little time, and no addresses."""
    if len(text) > _SAMPLE_CHARS:
        third = _SAMPLE_CHARS // 3
        middle = (len(text) - third) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    return _ADDRESS.sub(" ", text) if any(sign in text for sign in _ADDRESS_SIGNS) else text


def _is_foreign_script(words: list[str]) -> bool:
    letters = "".join(words)
    if len(letters.encode("ascii", "ignore")) * 2 >= len(letters):  # as nearly always
        return False
    latin = sum(1 for c in letters if c.isascii() or unicodedata.name(c, "").startswith("LATIN"))
    return latin * 2 < len(letters)


def _is_foreign(sample: str, words: list[str]) -> bool:
    german = sum(1 for word in words if word.lower() in phrase_set("german_words"))
    if german >= _GERMAN_SHARE * len(words):
        return False
    ranking: list[tuple[str, float]] = load_detector().rank(sample)
    language, probability = ranking[0]
    sure = _SURE_LONG if len(words) >= _LONG_TEXT_WORDS else _SURE_SHORT
    return language != "de" and probability >= sure and dict(ranking).get("de", 0.0) < _GERMAN_POSSIBLE
