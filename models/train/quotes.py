"""Vary the quotation marks in German texts."""

import random
import re

QUOTED = re.compile(r"[„»“\"]([^„“”»«\"]+)[“”«\"]")
MARKS = (("„", "“"), ("»", "«"), ("“", "”"), ('"', '"'))


def requoted(german: str, rng: random.Random) -> str:
    """Return the text with all quotations in the same, randomly chosen style of quotation marks.

    The new style is never the style of the first quotation. A text without quotations is returned unchanged.
    """
    first = QUOTED.search(german)
    if first is None:
        return german
    return in_marks(german, rng.choice([marks for marks in MARKS if marks[0] != first[0][0]]))


def in_marks(text: str, marks: tuple[str, str]) -> str:
    """Return the text with all quotations in ``marks``, a pair of opening and closing quotation marks."""
    return QUOTED.sub(lambda match: f"{marks[0]}{match[1]}{marks[1]}", text)
