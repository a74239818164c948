"""A text as the checks read it: what several of them ask for is found once."""

import re
from typing import NamedTuple

from service.trust.caseless import caseless
from service.trust.facts import Language

_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"[\d½¼¾]")


class Passage(NamedTuple):
    """A sentence, or whatever else is held against another text.

    ``words`` are runs of letters, in order; ``lower`` is the text without its capitals (see `caseless`);
    ``has_digit``: whether there is a figure or a sign for a fraction.
    """

    text: str
    language: Language
    words: list[str]
    lower: str
    has_digit: bool

    @classmethod
    def of(cls, text: str, language: Language) -> "Passage":
        """``text``, read."""
        return cls(text, language, _WORD.findall(text), caseless(text), _DIGIT.search(text) is not None)
