"""Plant typical errors of summary models in German sentences from articles. The same seed plants the same errors.

The errors are used to measure the trust checks. This module, like `benchmarks.trust.planted`, uses no code of the
checks.
"""

import random
import re
from collections.abc import Mapping, Sequence

from benchmarks.trust.planted import (
    LEAST_WORDS,
    Case,
    Plant,
    digit,
    loop,
    one_of_places,
    one_of_words,
    repeated_phrase,
    year,
)

NUMBER_WORDS = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig".split()
SCALES = {"Millionen": "Milliarden", "Milliarden": "Millionen", "Million": "Milliarde", "Milliarde": "Million"}
MONTHS = "Januar Februar März April Juni Juli August September Oktober November Dezember".split()
WEEKDAYS = "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split()
CURRENCIES = {"Euro": "Dollar", "Dollar": "Euro", "Pfund": "Euro"}
QUOTATION = re.compile(r"[„\"][^„“”\"]{8,}[“”\"]")
NAME = re.compile(r"\b[A-ZÄÖÜ][^\W\d_]{3,}\b")
WORD = re.compile(r"\b[^\W\d_]{4,}\b")
NEGATION = re.compile(r"\bnicht (?!nur)|\b[Kk]ein(?:e[nmrs]?)?\b|\bohne\b")
AUXILIARY = re.compile(
    r"\b(?:ist|sind|war|waren|wird|werden|wurde|wurden|hat|haben|hatte|hatten|kann|können|soll|muss)\b"
)


def stranger(words: Sequence[str]) -> Plant:
    """Return a function that plants an error: it replaces one of ``words`` in a sentence with another one.

    The new word is one of ``words`` that does not occur in the article.
    """
    pattern = one_of_words(words)

    def plant(case: Case, rng: random.Random) -> str | None:
        others = [word for word in words if word not in case.source]
        places = list(pattern.finditer(case.output))
        return one_of_places(case.output, places, lambda _: rng.choice(others), rng) if others else None

    return plant


def exchange(table: Mapping[str, str]) -> Plant:
    """Return a function that plants an error: it replaces a word in a sentence with its counterpart in ``table``."""
    pattern = one_of_words(list(table))

    def plant(case: Case, rng: random.Random) -> str | None:
        return one_of_places(case.output, list(pattern.finditer(case.output)), table.__getitem__, rng)

    return plant


def another_name(case: Case, rng: random.Random) -> str | None:
    """Return the sentence of ``case`` with a name replaced, or None if the sentence contains no name.

    The new name occurs only in other articles.
    """
    places = [match for match in NAME.finditer(case.output) if match.group() in case.names]
    strangers = [name for name in case.names if name not in case.source]
    return one_of_places(case.output, places, lambda _: rng.choice(strangers), rng)


def reworded_quotation(case: Case, rng: random.Random) -> str | None:
    """Return the sentence of ``case`` with one word of a quotation replaced, or None if it contains no quotation.

    The new word is from a sentence of another article and does not occur in this article.
    """
    others = [word for word in WORD.findall(case.other_output) if word not in case.source]

    def reworded(quotation: str) -> str | None:
        return one_of_places(quotation, list(WORD.finditer(quotation)), lambda _: rng.choice(others), rng)

    return one_of_places(case.output, list(QUOTATION.finditer(case.output)), reworded, rng) if others else None


def added_quotation(case: Case, rng: random.Random) -> str | None:
    """Return the sentence of ``case`` with quotation marks around four of its words.

    The result is None if the sentence is short or already contains a quotation mark.
    """
    words = case.output.split()
    if any(mark in case.output for mark in '„“”"«»') or len(words) < LEAST_WORDS:
        return None
    start = rng.randrange(len(words) - 4)
    return " ".join((*words[:start], f"„{' '.join(words[start : start + 4])}“", *words[start + 4 :]))


def dropped_negation(case: Case, rng: random.Random) -> str | None:
    """Return the sentence of ``case`` without one of its negations, or None if it contains none.

    The function removes “nicht”, or replaces “kein” with “ein” or “ohne” with “mit”.
    """

    def affirmed(word: str) -> str:
        return (
            "" if word == "nicht " else "mit" if word == "ohne" else word.replace("kein", "ein").replace("Kein", "Ein")
        )

    return one_of_places(case.output, list(NEGATION.finditer(case.output)), affirmed, rng)


def added_negation(case: Case, rng: random.Random) -> str | None:
    """Return the sentence of ``case`` with “nicht” after an auxiliary verb, or None if it has no auxiliary verb."""
    return one_of_places(case.output, list(AUXILIARY.finditer(case.output)), lambda verb: f"{verb} nicht", rng)


def another_article(case: Case, rng: random.Random) -> str | None:
    """Return a sentence from another article, which replaces the sentence of ``case``."""
    del rng
    return case.other_output


PLANTS: Mapping[str, Mapping[str, Plant]] = {
    "numbers": {"digit changed": digit, "number word changed": stranger(NUMBER_WORDS), "scale": exchange(SCALES)},
    "dates": {"month": stranger(MONTHS), "weekday": stranger(WEEKDAYS), "year": year},
    "units": {"currency": exchange(CURRENCIES)},
    "names": {"another name": another_name},
    "quotations": {"a word exchanged": reworded_quotation, "marks added": added_quotation},
    "negation": {"dropped": dropped_negation, "added": added_negation},
    "repetition": {"phrase twice": repeated_phrase, "loop": loop},
    "support": {"of another article": another_article},
}
