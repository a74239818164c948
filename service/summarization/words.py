"""Words of German sentences: how an editor counts them, their stems, and which of them carry meaning."""

import re
from functools import cache, lru_cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"
_WORD = re.compile(r"[^\W_]+(?:[-.,:’'][^\W_]+)*")
_FOLD = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_SUFFIXES = ("ungen", "ern", "ung", "est", "end", "em", "er", "en", "es", "et", "st", "te", "e", "n", "s", "t")
_LEAST_STEM_CHARS = 4
_MOST_KEPT_CHARS = 60  # a longer word is no word, and memory holds 50,000 of them


@cache
def word_list(name: str) -> frozenset[str]:
    """The list ``data/NAME.txt``, one word a line, ``#`` for comments; read once a process, on first use."""
    lines = (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


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


def stem(word: str) -> str:
    """A light stem: lower case, umlauts folded, endings of inflection taken off while four letters stay."""
    return _stem(word) if len(word) <= _MOST_KEPT_CHARS else _stem.__wrapped__(word)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    found = word.lower().translate(_FOLD)
    if not found.isalpha():
        return found
    for _ in range(2):
        for suffix in _SUFFIXES:
            if found.endswith(suffix) and len(found) - len(suffix) >= _LEAST_STEM_CHARS:
                found = found[: -len(suffix)]
                break
    return found


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; numbers are among them."""
    skipped = word_list("function_words")
    return [stem(word) for word in words(text) if word.lower() not in skipped]


def leans_on_previous(sentence: str) -> bool:
    """Whether a sentence opens with a pronoun or adverb that only the sentence before explains."""
    found = words(sentence)
    return bool(found) and found[0].lower() in word_list("dangling_openings")
