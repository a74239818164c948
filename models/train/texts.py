"""Filters for training texts: lengths, numbers, names, quotation marks and first sentences."""

import re

MOST_CHARS = 700
MOST_RATIO = 2.2
STEM_CHARS = 5

DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"\w+")
_LOW_COMMA = re.compile(r"(?<!\S),\w")
_SENTENCE = re.compile(r".{40,}?[.!?“\"](?= [A-ZÄÖÜ„\"])", re.DOTALL)


def is_translation(german: str, english: str, least_chars: int = 15) -> bool:
    """Return whether ``english`` may be a translation of ``german``.

    The texts must differ and have similar lengths, and neither may be too long. ``least_chars`` is the minimum length
    of the German text.
    """
    short, long = sorted((len(german), len(english)))
    return least_chars <= len(german) and long <= MOST_CHARS and long < MOST_RATIO * short and german != english


def has_its_facts(text: str, made: str) -> bool:
    """Return whether ``text`` contains every number in ``made``, which is another version of ``text``."""
    return set(DIGITS.findall(made)) <= set(DIGITS.findall(text))


def covered(text: str, made: str) -> float:
    """Return the share of the words in ``made`` whose first five letters occur in ``text``, ignoring case.

    Words with fewer than five letters are left out. If there are no other words, the result is 0.
    """
    there = text.lower()
    stems = [word[:STEM_CHARS].lower() for word in _WORD.findall(made) if len(word) >= STEM_CHARS]
    return sum(stem in there for stem in stems) / len(stems) if stems else 0.0


def beginning(text: str, most_chars: int = MOST_CHARS) -> str:
    """Return the first whole sentences of ``text``, up to ``most_chars`` characters but at least one sentence.

    A text that is short enough, or in which no end of a sentence is found, is returned unchanged.
    """
    if len(text) <= most_chars:
        return text
    end = 0
    for sentence in _SENTENCE.finditer(text):
        if end and sentence.end() > most_chars:
            break
        end = sentence.end()
    return text[:end] or text


def is_damaged(text: str) -> bool:
    """Return whether the quotation marks are unbalanced, or a comma is used as an opening quotation mark."""
    halves = text.count("„") == text.count("“") + text.count("”") and text.count("»") == text.count("«")
    return not halves or text.count('"') % 2 == 1 or _LOW_COMMA.search(text) is not None


def names(text: str) -> frozenset[str]:
    """Return the numbers and acronyms in a text, which must be the same in two versions of a sentence."""
    found = set(DIGITS.findall(text))
    return frozenset(found | {word for word in _WORD.findall(text) if len(word) >= 2 and word.isupper()})
