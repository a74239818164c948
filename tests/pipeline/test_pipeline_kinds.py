"""Tests of properties that exclude whole kinds of faults that users of such services report, for any text.

Each literal of a source is in the translation or is reported. Each term of the caller that the source contains is
found. No element that contained words becomes empty. A summary repeats nothing, and each of its sentences ends once.
"""

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.base import Code
from service.domain import Span
from service.generation.base import TextHypothesis
from service.terms.constraints import numeral_constraints
from service.terms.glossary import Glossary
from service.text.normalization import for_model
from service.translation.postprocessing import FinishedSentence, finish
from service.translation.preparation import Sentence, constraints_of
from tests.languages import DE, EN
from tests.languages import PAIR as LANGUAGES
from tests.text.html_cases import Translate, backwards, scramble, shout, through

OUTPUTS = [
    "The council meets today.",
    "Meets",
    "The council of x@y z 1 meets: {a} 5.",
    "\ufffd The council \ufffdgie meets.",
]
NAMES = st.from_regex(r"[a-z]{2,6}", fullmatch=True)
LITERALS = st.one_of(
    st.builds("{}@{}.example".format, NAMES, NAMES),
    st.builds("https://www.{}.example/{}?q={}".format, NAMES, NAMES, NAMES),
    st.builds("www.{}.de".format, NAMES),
    st.builds("#{}Platz".format, NAMES.map(str.capitalize)),
    st.builds("@{}".format, NAMES.map(lambda name: f"{name}zeitung")),
    st.builds("{{{{{}}}}}".format, NAMES),
    st.builds("{{{}}}".format, NAMES),
    st.builds(":{}:".format, NAMES),
    st.builds('[gallery ids="1,2,{}"]'.format, st.integers(3, 99)),
    st.sampled_from(["0171 2345678", "😀", "❤️", "🇩🇪"]),
)


def finished(source: str, output: str) -> FinishedSentence:
    """Return the finished translation of ``source`` if the model writes ``output`` and gives no word alignment."""
    sentence = Sentence(Span(0, len(source)), for_model(source, DE), has_letters=True)
    wanted = constraints_of(source, sentence, Glossary({}), LANGUAGES, aligned=False, inflected=False, context=())
    steps = finish(wanted, LANGUAGES, TextHypothesis(output, None, "eos"))
    try:
        next(steps)
        steps.send(None)
    except StopIteration as done:
        found: FinishedSentence = done.value
        return found
    raise AssertionError("the sentence is not finished after its alignment")


@given(st.lists(LITERALS, min_size=1, max_size=4, unique=True), st.sampled_from(OUTPUTS))
def test_literal_is_kept_with_its_edges_or_reported(literals: list[str], output: str) -> None:
    source = f"Der Rat schreibt an {', '.join(literals)} und tagt."
    found = finished(source, output)
    reported = [one.source.of(source) for one in found.findings if one.source is not None]
    for literal in literals:
        edges = rf"(?<![\w@]){re.escape(literal)}(?![\w@])"
        assert re.search(edges, found.text) or any(literal in one or one in literal for one in reported), literal


@given(st.lists(LITERALS, max_size=3), st.sampled_from(OUTPUTS))
def test_character_that_could_not_be_decoded_is_never_delivered(literals: list[str], output: str) -> None:
    found = finished(f"Der Rat {' '.join(literals)} tagt.", output)
    assert "\ufffd" not in found.text
    assert ("\ufffd" in output) == (Code.CHARACTER_BROKEN in {one.code for one in found.findings})


TERM_WORDS = st.from_regex(r"[A-ZÄÖÜ][a-zäöüß]{2,7}|[A-Z]{2,4}|[0-9]{1,3}", fullmatch=True)
JOINTS = st.sampled_from([" ", " & ", ". ", "! ", "-", "/", "'", "."])


@given(
    st.lists(st.tuples(TERM_WORDS, JOINTS), min_size=1, max_size=3),
    st.from_regex(r"[A-ZÄÖÜ][a-zäöüß]{3,7}", fullmatch=True),
    st.sampled_from(["NFC", "NFD"]),
    st.sampled_from(["", "\u00ad"]),
)
def test_term_in_any_form_of_unicode_is_found(words: list[tuple[str, str]], last: str, form: str, hyphen: str) -> None:
    term = "".join(word + joint for word, joint in words) + last
    text = unicodedata.normalize(form, f"Hier steht {term[:-3]}{hyphen}{term[-3:]} heute.")  # type: ignore[arg-type]  # NFC or NFD
    (found,) = Glossary({term: "XYZ"}).find(text, DE)
    assert unicodedata.normalize("NFC", found.span.of(text)).replace("\u00ad", "") == term


class Elements(HTMLParser):
    """Collects, for each element in order, whether it contains a letter or digit."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.worded: list[bool] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, _tag: str, _attrs: object) -> None:
        self._open.append(len(self.worded))
        self.worded.append(False)

    def handle_endtag(self, _tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if any(char.isalnum() for char in data):
            for place in self._open:
                self.worded[place] = True


TOUCHING = st.lists(
    st.tuples(
        st.sampled_from(["a", "button", "label"]), st.from_regex(r"[A-Z][a-z]{2,8}( [a-z]{3,6})?", fullmatch=True)
    ),
    min_size=1,
    max_size=6,
)


@given(TOUCHING, st.sampled_from(["", " ", "\n"]), st.sampled_from([shout, backwards]))
def test_touching_element_with_words_is_never_empty(
    elements: list[tuple[str, str]], gap: str, translate: Translate
) -> None:
    html = f"<nav>{gap.join(f'<{tag}>{words}</{tag}>' for tag, words in elements)}</nav>"
    assert all(Elements(through(html, translate)).worded)


@given(TOUCHING, st.integers(0, 1_000))
def test_no_word_leaves_its_button(elements: list[tuple[str, str]], seed: int) -> None:
    html = "".join(f"<button>{words}</button>" for _, words in elements)
    assert re.sub(r"<button>.*?</button>", "", through(html, scramble(seed))) == ""


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Die Frist endet am 03.05.24.", "3 May 2024"),
        ("Die Frist endet am 3.5.24.", "3 May 2024"),
        ("Das kostet 1’234.50 Franken.", "1,234.50"),
        ("1,0 Millionen und 2,5 Millionen", "1.0"),
    ],
)
def test_german_and_swiss_numerals_are_converted_or_checked(german: str, english: str) -> None:
    converted = [one.text for one in numeral_constraints(german, DE, EN)]
    assert english in converted or {one.code for one in finished(german, "x").findings} & {
        Code.NUMBER_MISSING,
        Code.DATE_MISSING,
    }
