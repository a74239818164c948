"""Filters of texts: lengths, numbers, names, quotation marks, and the first sentences."""

import re

MOST_CHARS = 700
MOST_RATIO = 2.2
STEM_CHARS = 5

DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"\w+")
_LOW_COMMA = re.compile(r"(?<!\S),\w")
_SENTENCE = re.compile(r".{40,}?[.!?“\"](?= [A-ZÄÖÜ„\"])", re.DOTALL)


def is_translation(german: str, english: str, least_chars: int = 15) -> bool:
    """Whether both sides have a sentence's length and about the same, and the German side is not left as it was."""
    short, long = sorted((len(german), len(english)))
    return least_chars <= len(german) and long <= MOST_CHARS and long < MOST_RATIO * short and german != english


def has_its_facts(text: str, made: str) -> bool:
    """Whether every number of ``made`` is in ``text``."""
    return set(DIGITS.findall(made)) <= set(DIGITS.findall(text))


def covered(text: str, made: str) -> float:
    """Share of the words of ``made`` with five letters or more whose beginnings occur in ``text``."""
    there = text.lower()
    stems = [word[:STEM_CHARS].lower() for word in _WORD.findall(made) if len(word) >= STEM_CHARS]
    return sum(stem in there for stem in stems) / len(stems) if stems else 0.0


def beginning(text: str, most_chars: int = MOST_CHARS) -> str:
    """Whole sentences from the beginning of ``text`` up to that many characters; the first one in any case."""
    if len(text) <= most_chars:
        return text
    end = 0
    for sentence in _SENTENCE.finditer(text):
        if end and sentence.end() > most_chars:
            break
        end = sentence.end()
    return text[:end] or text


def is_damaged(text: str) -> bool:
    """Whether quotation marks lack their other half, or commas are used for them."""
    halves = text.count("„") == text.count("“") + text.count("”") and text.count("»") == text.count("«")
    return not halves or text.count('"') % 2 == 1 or _LOW_COMMA.search(text) is not None


def names(text: str) -> frozenset[str]:
    """Numbers and words in capitals or with a capital that no German noun has: what two versions have to share."""
    found = set(DIGITS.findall(text))
    return frozenset(found | {word for word in _WORD.findall(text) if len(word) >= 2 and word.isupper()})
