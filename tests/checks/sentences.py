"""A Hypothesis strategy for sentences with words that the output checks treat specially, such as units and names."""

from hypothesis import strategies as st

from service.languages.base import Language
from tests.languages import DE, EN

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
_WORDS = {
    "de": "der Die eine Kanzlerin Merkel München Berlin Obama Rat Stadt Selenskyj USA DFB Montag Samstags Mai 3. Mio."
    " Million zwölf zweieinhalb US-Dollar US-Dollars Euro Prozentpunkte km nicht nichts Keine nie ohne und Hälfte",
    "en": "the A Chancellor Merkel Munich Berlin Obama Council city Zelenskyy USA Six Monday Sun. May 3rd million a"
    " hundred and twelve half US-dollar dollars euro per cent kms not n't don't No never without other Nations der",
}


def sentences(language: Language) -> st.SearchStrategy[str]:
    """Return a strategy for texts of at most twelve words with separators.

    Some of the words are chosen for ``language``.
    """
    units = tuple(form for one in (DE, EN) if one.units for forms in one.units.forms.values() for form in forms)
    words = (*_ODD, *_WORDS[language.code].split(), *units, *sorted(DE.kept_names["en"])[:40])
    drawn = st.sampled_from(words).flatmap(lambda word: st.sampled_from((word, word.upper(), word.capitalize())))
    parts = st.tuples(drawn | st.text(max_size=3), st.sampled_from((" ", " ", ", ", "-", "", ". ")))
    return st.lists(parts, max_size=12).map(lambda pairs: "".join(map("".join, pairs)))
