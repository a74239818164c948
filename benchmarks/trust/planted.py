"""Functions that plant typical errors of translation models in good English translations.

`PLANTS` lists these functions for each kind of error. A function changes the characters or words of the translation.
All random choices come from ``rng``, so the same seed plants the same errors. This module uses no code of the checks
that are measured with these errors.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NUMERAL = re.compile(r"(?<![\w.,])\d(?:[\d.,]*\d)?(?![\w.,]?\d)")
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty".split()
SCALES = {"thousand": "million", "million": "billion", "billion": "trillion", "trillion": "billion"}
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
CURRENCIES = {"euros": "dollars", "euro": "dollar", "€": "$", "dollars": "euros", "$": "€", "pounds": "euros", "£": "€"}
COUNTRIES = "Germany Austria Switzerland France Italy Spain Poland Russia Turkey China Greece Hungary Sweden".split()
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
CLOCK = re.compile(r"\b\d{1,2}(?=[.:]\d\d\s?[ap]\.?m|\s?[ap]\.?m\b)|\b\d{1,2}(?=:\d\d\b)")
NAME = re.compile(r"(?<=[a-z,] )[A-ZÄÖÜ][^\W\d_]{3,}\b")
QUOTATION = re.compile(r"[“\"]([^“”\"]{3,})[”\"]")
NEGATION = re.compile(r"\b(?:not |never )|n['’]t\b|\bno (?=[a-z])|\bwithout\b")
AUXILIARY = re.compile(r"\b(?:is|are|was|were|will|has|have|had|can|could|would|must|should|may|might)\b(?! not|n)")
AMOUNT = re.compile(r"(?:[€$£]\s?(?=\d))|(?<=\d)\s?(?:€|%|percent\b|per cent\b|euros?\b|dollars?\b|degrees\b|km\b)")
HALF_DAY = re.compile(r"(?<=\d)\s?[ap]\.?m\b")
OPPOSITES = {
    "rose": "fell", "increased": "decreased", "rising": "falling", "more": "less", "before": "after", "won": "lost",
    "victory": "defeat", "opened": "closed", "approved": "rejected", "allowed": "banned", "began": "ended",
    "best": "worst", "better": "worse", "larger": "smaller", "left": "right", "northern": "southern",
    "eastern": "western", "men": "women", "man": "woman", "father": "mother", "son": "daughter", "brother": "sister",
    "war": "peace", "bought": "sold", "today": "yesterday", "inside": "outside", "morning": "evening",
}  # fmt: skip
SIGNS = re.compile(r"[§%€$£&+×°#<>=→©®™½²³]")
LOWER = re.compile(r"(?<=\s)[a-z]{5,}(?=[\s,.])")
SYLLABLES = "bren skal tuv mord flim grast pelk nurv drost quab jelp vimt".split()
ENDINGS = "ous ity ment ated ing able er ness".split()
CLAUSE = re.compile(r",\s[^,.;:]{20,}(?=[,.])")
LEAST_WORDS = 6


@dataclass(frozen=True)
class Case:
    """A German sentence and a good English translation, ``output``, in which an error can be planted.

    ``other_output`` is the translation of another sentence. ``names`` contains names that occur in any of the
    sentences.
    """

    source: str
    output: str
    other_output: str
    names: Sequence[str]


Plant = Callable[[Case, random.Random], str | None]
"""A function that returns the output with an error, or None if the error cannot be planted there."""


def one_of_places(
    text: str, places: Sequence[re.Match[str]], new: Callable[[str], str | None], rng: random.Random
) -> str | None:
    """Return ``text`` with one of the matches ``places``, chosen at random, replaced.

    ``new`` returns the replacement for the matched text. The result is None if there are no matches, or if ``new``
    returns None.
    """
    if not places:
        return None
    place = rng.choice(places)
    other = new(place.group())
    return None if other is None else text[: place.start()] + other + text[place.end() :]


def one_of_words(words: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that matches any of ``words`` as a whole word."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words)})(?!\w)")


def _swap(words: Sequence[str]) -> Plant:
    """Return a function that replaces one occurrence of a word in ``words`` with another of these words."""
    pattern = one_of_words(words)

    def plant(case: Case, rng: random.Random) -> str | None:
        places = list(pattern.finditer(case.output))
        return one_of_places(case.output, places, lambda old: rng.choice([w for w in words if w != old]), rng)

    return plant


def _exchange(table: Mapping[str, str]) -> Plant:
    """Return a function that replaces one key of ``table`` with its value. A key is a word or a currency sign."""
    pattern = re.compile(
        "|".join(rf"\b{re.escape(w)}\b" if w.isalpha() else rf"{re.escape(w)}(?=\s?\d)" for w in table)
    )

    def plant(case: Case, rng: random.Random) -> str | None:
        return one_of_places(case.output, list(pattern.finditer(case.output)), table.__getitem__, rng)

    return plant


def digit(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one digit of a numeral changed, or None if it contains no numeral."""

    def changed(numeral: str) -> str:
        place = rng.choice([n for n, char in enumerate(numeral) if char.isdigit()])
        digits = "123456789".replace(numeral[place], "")
        return numeral[:place] + rng.choice(digits) + numeral[place + 1 :]

    return one_of_places(case.output, list(NUMERAL.finditer(case.output)), changed, rng)


def decimal_shift(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with the decimal point of one numeral shifted.

    For example, 1.5 becomes 15, 4,000 becomes 40,000, and 120 becomes 1,200. The result is None if there is no numeral,
    or if the chosen numeral is an integer less than 10 or a decimal that begins with 0.
    """

    def shifted(numeral: str) -> str | None:
        if "." in numeral:
            return numeral.replace(".", "") if numeral[0] != "0" else None
        value = int(numeral.replace(",", ""))
        return f"{value * 10:,}" if value >= 10 else None

    return one_of_places(case.output, list(NUMERAL.finditer(case.output)), shifted, rng)


def year(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one year changed, or None if it contains no year."""
    return one_of_places(
        case.output, list(YEAR.finditer(case.output)), lambda old: str(int(old) + rng.choice((-2, -1, 1, 3))), rng
    )


def hour(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with the hour of one time of day changed, or None if it contains no time."""
    return one_of_places(case.output, list(CLOCK.finditer(case.output)), lambda old: str(int(old) % 11 + 1), rng)


def name(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with a name that is also in the source replaced by a name from another sentence.

    The result is None if no name is in both texts.
    """
    places = [
        match for match in NAME.finditer(case.output) if match.group() in case.names and match.group() in case.source
    ]
    strangers = [other for other in case.names if other not in case.source and other not in case.output]
    return one_of_places(case.output, places, lambda _: rng.choice(strangers), rng)


def dropped_name(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without one of the names that are also in the source, or None if there is no such name."""
    places = [
        match for match in NAME.finditer(case.output) if match.group() in case.names and match.group() in case.source
    ]
    return one_of_places(case.output, places, lambda _: "", rng)


def _quotations(case: Case) -> list[re.Match[str]]:
    """Return the quotations in ``case.output``, except a quotation that is the sentence or almost all of it."""
    return [match for match in QUOTATION.finditer(case.output) if len(match.group()) < len(case.output) - 2]


def lost_marks(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without the quotation marks of one quotation, or None if it contains no quotation."""
    return one_of_places(case.output, list(QUOTATION.finditer(case.output)), lambda old: old[1:-1], rng)


def emptied_quotation(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without the words of one quotation. Its quotation marks become “ and ”.

    The result is None if there is no quotation, or if the quotation is the sentence or almost all of it.
    """
    return one_of_places(case.output, _quotations(case), lambda _: "“”", rng)


def dropped_quotation(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without one quotation and its marks.

    The result is None if there is no quotation, or if the quotation is the sentence or almost all of it.
    """
    return one_of_places(case.output, _quotations(case), lambda _: "", rng)


def added_quotation(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with three of its words in quotation marks.

    The result is None if ``case.output`` is too short, or if the output or the source already contains a quotation mark
    or an apostrophe.
    """
    words = case.output.split()
    if any(mark in case.source + case.output for mark in "„“”\"«»'‘’‚") or len(words) < LEAST_WORDS:
        return None
    start = rng.randrange(len(words) - 3)
    return " ".join((*words[:start], f"“{' '.join(words[start : start + 3])}”", *words[start + 3 :]))


def dropped_negation(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without one negation, or None if it contains no negation.

    The words “not”, “n't” and “never” are removed. “no” becomes “a”, and “without” becomes “with”.
    """
    table = {"no ": "a ", "without": "with"}
    return one_of_places(case.output, list(NEGATION.finditer(case.output)), lambda old: table.get(old, ""), rng)


def added_negation(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with “not” after one of its auxiliary verbs, or None if it contains no auxiliary verb."""
    return one_of_places(case.output, list(AUXILIARY.finditer(case.output)), lambda old: f"{old} not", rng)


def repeated_phrase(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with a phrase of one to six words repeated, or None if ``case.output`` is too short."""
    words = case.output.split()
    if len(words) < LEAST_WORDS:
        return None
    length = rng.randint(1, 6)
    start = rng.randrange(len(words) - length + 1)
    return " ".join((*words[: start + length], *words[start:]))


def loop(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with its last words repeated four times, or None if it is too short.

    The result looks as if the model had been caught in a decoding loop.
    """
    words = case.output.split()
    length = rng.randint(1, 5)
    return " ".join((*words, *(4 * words[-length:]))) if len(words) >= LEAST_WORDS else None


def first_half(case: Case, rng: random.Random) -> str | None:
    """Return the first half of ``case.output``, or None if ``case.output`` is too short."""
    del rng
    words = case.output.split()
    return " ".join(words[: len(words) // 2]) if len(words) >= LEAST_WORDS else None


def rambling(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output``, followed by the translation of another sentence, or None if the output is too short."""
    del rng
    return f"{case.output} {case.other_output}" if len(case.output.split()) >= LEAST_WORDS else None


def left_german(case: Case, rng: random.Random) -> str | None:
    """Return the German source instead of a translation, or None if the source is too short."""
    del rng
    return case.source if len(case.source.split()) >= LEAST_WORDS else None


def half_german(case: Case, rng: random.Random) -> str | None:
    """Return the first half of ``case.output`` and the second half of the source, or None if either is too short."""
    del rng
    english, german = case.output.split(), case.source.split()
    if min(len(english), len(german)) < 2 * LEAST_WORDS:
        return None
    return " ".join((*english[: len(english) // 2], *german[len(german) // 2 :]))


def _without(pattern: re.Pattern[str]) -> Plant:
    """Return a function that returns ``case.output`` without one match of ``pattern``, or None if there is no match."""

    def plant(case: Case, rng: random.Random) -> str | None:
        return one_of_places(case.output, list(pattern.finditer(case.output)), lambda _: "", rng)

    return plant


def half_day(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with “a.m.” and “p.m.” exchanged at one place, or None if it contains neither."""
    table = str.maketrans("apAP", "paPA")
    return one_of_places(
        case.output, list(HALF_DAY.finditer(case.output)), lambda old: old[:2].translate(table) + old[2:], rng
    )


def opposite(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one word replaced by its opposite, or None if no word is in `OPPOSITES`."""
    table = {**OPPOSITES, **{other: word for word, other in OPPOSITES.items()}}
    return one_of_places(case.output, list(one_of_words(list(table)).finditer(case.output)), table.__getitem__, rng)


def invented_word(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one lower-case word replaced by an invented word, or None if no word is suitable."""
    new = "".join((*rng.sample(SYLLABLES, 2), rng.choice(ENDINGS)))
    return one_of_places(case.output, list(LOWER.finditer(case.output)), lambda _: new, rng)


def invented_opening(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with its first word replaced by an invented word.

    The result is None if ``case.output`` does not begin with a word, or consists of a single word.
    """
    new = "".join((*rng.sample(SYLLABLES, 2), rng.choice(ENDINGS))).capitalize()
    first, _, rest = case.output.partition(" ")
    return f"{new} {rest}" if first.isalpha() and rest else None


def german_noun(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one word replaced by a noun from the German source.

    The result is None if there is no suitable noun, or no suitable word to replace. A noun is suitable if it follows an
    article, does not occur in ``case.output``, and is not one of ``case.names``.
    """
    nouns = [
        match[1]
        for match in re.finditer(
            r"\b(?:[Dd](?:er|ie|as|es|em|en)|[Ee]ine?[mnrs]?|im|zum|zur|vom)\s([A-ZÄÖÜ][a-zäöüß]{4,})(?=\s[a-z]|[,.])",
            case.source,
        )
        if match[1] not in case.output and match[1] not in case.names
    ]
    if not nouns:
        return None
    return one_of_places(case.output, list(LOWER.finditer(case.output)), lambda _: rng.choice(nouns), rng)


def german_word(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one word replaced by a word from the German source that is written in lower case.

    The result is None if the source contains no suitable word, or ``case.output`` contains no word to replace.
    """
    words = [word for word in re.findall(r"(?<=\s)[a-zäöüß]{6,}(?=\s)", case.source) if word not in case.output]
    if not words:
        return None
    return one_of_places(case.output, list(LOWER.finditer(case.output)), lambda _: rng.choice(words), rng)


def misspelt_name(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one letter inside a name removed or replaced, or None if there is no suitable name.

    A name is suitable if it has at least six letters, is one of ``case.names`` and also occurs in the source.
    """
    places = [
        match
        for match in NAME.finditer(case.output)
        if match.group() in case.names and match.group() in case.source and len(match.group()) >= LEAST_WORDS
    ]

    def changed(old: str) -> str:
        place = rng.randrange(2, len(old) - 3)
        return old[:place] + rng.choice(["", rng.choice("bdgklmprt")]) + old[place + 1 :]

    return one_of_places(case.output, places, changed, rng)


def minus(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with a minus sign before one number, or None if it contains no suitable number."""
    return one_of_places(case.output, list(re.finditer(r"(?<=[a-z] )\d+(?=[\s.,])", case.output)), "-{}".format, rng)


def broken_character(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one letter replaced by U+FFFD, or None if it contains no lower-case letter."""
    return one_of_places(case.output, list(re.finditer(r"[a-zäöü]", case.output)), lambda _: "\ufffd", rng)


def markup(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with one word in an HTML tag, or None if it contains no suitable word."""
    return one_of_places(case.output, list(LOWER.finditer(case.output)), lambda old: f"<b>{old}</b>", rng)


def dropped_clause(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` without one of the clauses that follow a comma, or None if it contains no such clause."""
    return one_of_places(case.output, list(CLAUSE.finditer(case.output)), lambda _: "", rng)


def added_clause(case: Case, rng: random.Random) -> str | None:
    """Return ``case.output`` with a clause of another sentence added before its full stop.

    The result is None if ``case.output`` has no full stop at its end, or if the other sentence has no suitable clause.
    """
    clauses = CLAUSE.findall(case.other_output)
    return f"{case.output[:-1]}{rng.choice(clauses)}." if clauses and case.output.endswith(".") else None


PLANTS: Mapping[str, Mapping[str, Plant]] = {
    "numbers": {
        "digit changed": digit,
        "number word changed": _swap(NUMBER_WORDS),
        "decimal shifted": decimal_shift,
        "million, billion, trillion": _exchange(SCALES),
    },
    "dates": {
        "month": _swap(MONTHS),
        "weekday": _swap(WEEKDAYS),
        "year": year,
        "hour": hour,
        "half of the day": half_day,
    },
    "units": {"currency": _exchange(CURRENCIES), "left out": _without(AMOUNT)},
    "names": {
        "another name": name,
        "another country": _swap(COUNTRIES),
        "misspelt": misspelt_name,
        "invented first word": invented_opening,
    },
    "names left out": {"left out": dropped_name},
    "quotations": {
        "marks lost": lost_marks,
        "emptied": emptied_quotation,
        "left out": dropped_quotation,
        "marks added": added_quotation,
    },
    "negation": {"dropped": dropped_negation, "added": added_negation},
    "opposites": {"exchanged": opposite},
    "words": {"invented": invented_word, "German noun": german_noun, "German word": german_word},
    "signs": {"left out": _without(SIGNS), "minus added": minus},
    "characters": {"broken": broken_character, "markup": markup},
    "repetition": {"phrase twice": repeated_phrase, "loop": loop},
    "length": {
        "half cut off": first_half,
        "another sentence added": rambling,
        "clause left out": dropped_clause,
        "clause added": added_clause,
    },
    "untranslated": {"all German": left_german, "half German": half_german},
}
