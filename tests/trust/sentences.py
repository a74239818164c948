"""Draws sentences of words that the checks ask about, in the two languages and in odd letters."""

from hypothesis import strategies as st

from service.checks.base import Language
from service.languages.wordlists import entries, word_set

_ODD = (
    "",
    "1",
    "5",
    "1.500",
    "3.5.",
    "2018",
    "½",
    "ſ",
    "İ",
    "²",
    "_",
    "„",
    "“",
    "'",
    "’",
    "-",
    "%",
    "€",
    "Uhr",
    "p.m.",
)
_WORDS: dict[Language, str] = {
    "de": "der Die eine Kanzlerin Merkel München Berlin Obama Rat Stadt Selenskyj USA DFB Montag Samstags Mai 3. Mio."
    " Million zwölf zweieinhalb US-Dollar US-Dollars Euro Prozentpunkte km nicht nichts Keine nie ohne und Hälfte",
    "en": "the A Chancellor Merkel Munich Berlin Obama Council city Zelenskyy USA Six Monday Sun. May 3rd million a"
    " hundred and twelve half US-dollar dollars euro per cent kms not n't don't No never without other Nations der",
}


def sentences(language: Language) -> st.SearchStrategy[str]:
    """Up to a dozen words with what parts words."""
    units = tuple(form for line in entries("units") for form in line.replace(" = ", ", ").split(", "))
    words = (*_ODD, *_WORDS[language].split(), *units, *sorted(word_set("names"))[:40])
    drawn = st.sampled_from(words).flatmap(lambda word: st.sampled_from((word, word.upper(), word.capitalize())))
    parts = st.tuples(drawn | st.text(max_size=3), st.sampled_from((" ", " ", ", ", "-", "", ". ")))
    return st.lists(parts, max_size=12).map(lambda pairs: "".join(map("".join, pairs)))
