"""Read the German-English dictionary of the program Ding (https://dict.tu-chemnitz.de/), which Debian packages.

A line contains the German side, `` :: `` and the English side. A side contains forms, phrases or sentences, separated
by `` | ``. Texts at the same position of the two sides are translations of each other. ``; `` separates synonyms.
Braces and brackets enclose notes.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from wordfreq import zipf_frequency

Pair = tuple[str, str]

_NOTE = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>|\([^)]*\)|/[^/]*/")
_LEFT_OVER = re.compile(r"[][{}()<>/|…_~*]|\.\.\.|\b(?:jd[nms]?|etw|sb|sth|so|sbd|oneself|one's|one’s)\b\.?")
_END = re.compile(r"[.!?][“”\"'’]?$")
LEAST_SENTENCE_WORDS = 4
MOST_PHRASE_WORDS = 5
LEAST_ZIPF = 2.0
"""The minimum frequency of each German word of a phrase, as the logarithm to base 10 of its count in 10^9 words."""


def entries(lines: Iterable[str]) -> Iterator[Pair]:
    """Yield each form, phrase or sentence of the dictionary with its first translation, without notes.

    Lines whose sides do not match, and texts with alternatives or placeholders such as ``jdn.``, are left out.
    """
    for line in lines:
        sides = [side.split(" | ") for side in line.split(" :: ")]
        if line.startswith("#") or len(sides) != 2 or len(sides[0]) != len(sides[1]):
            continue
        for german, english in zip(*sides, strict=True):
            pair = _first(german), _first(english)
            if all(pair) and not any(map(_LEFT_OVER.search, pair)):
                yield pair


def _first(text: str) -> str:
    """Return the first synonym in a text, without notes."""
    return " ".join(_NOTE.sub(" ", text).split(";")[0].split()).replace("’", "'")


def is_sentence(pair: Pair) -> bool:
    """Return whether both texts of a pair are whole sentences."""
    return all(_END.search(text) and len(text.split()) >= LEAST_SENTENCE_WORDS for text in pair)


def unambiguous(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Yield the pairs whose German text has up to `MOST_PHRASE_WORDS` words and one translation among ``pairs``.

    A text with several translations needs a context, which a dictionary entry does not have. A pair is also left out if
    its German text contains a rare word or ends like a sentence, if either text contains a comma, or if both texts are
    equal apart from case.
    """
    translations: dict[str, set[str]] = defaultdict(set)
    for german, english in pairs:
        translations[german].add(english)
    for german, (english, *others) in translations.items():
        is_short = len(german.split()) <= MOST_PHRASE_WORDS and "," not in german + english and not _END.search(german)
        is_common = all(zipf_frequency(word, "de") >= LEAST_ZIPF for word in german.split())
        if not others and is_short and is_common and german.lower() != english.lower():
            yield german, english
