"""The quick looks before the checks: what they pass over, the whole check would find nothing in either."""

import re
import sys
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.checks import assessment as untranslated
from service.checks import dates, names, repetition
from service.checks import dates as clocks
from service.checks import numbers as quantities
from service.checks import wording as negation
from service.checks import wording as quotations
from service.checks.assessment import check_sentence
from service.checks.base import Language, Passage, fold_case
from service.checks.names import Index
from service.checks.numbers import NUMERAL
from service.languages.wordlists import entries
from tests.trust.sentences import sentences

LANGUAGES: tuple[Language, ...] = ("de", "en")
EVERY_CHARACTER = "".join(map(chr, range(sys.maxunicode + 1)))
LISTS = ("units", *(f"negation{kind}_{language}" for kind in ("", "_plain", "_hints") for language in LANGUAGES))


def test_lower_case_is_as_long_and_of_the_same_kinds() -> None:
    assert len(fold_case(EVERY_CHARACTER)) == len(EVERY_CHARACTER)
    for kind in (r"\w", r"\d", r"\s"):
        there, lower = re.finditer(kind, EVERY_CHARACTER), re.finditer(kind, fold_case(EVERY_CHARACTER))
        assert [match.start() for match in there] == [match.start() for match in lower]


def test_the_lists_find_in_lower_case_what_they_find_ignoring_case() -> None:
    written = {re.sub(r"\\.", "", line) for name in LISTS for line in entries(name)}
    letters = {char for line in written for char in line if char.isalpha()}
    assert letters == {letter.lower() for letter in letters}
    for letter in letters:
        there, lower = (
            re.finditer(letter, EVERY_CHARACTER, re.IGNORECASE),
            re.finditer(letter, fold_case(EVERY_CHARACTER)),
        )
        assert [match.start() for match in there] == [match.start() for match in lower], letter


@pytest.mark.parametrize(
    ("language", "form"), [(language, form) for language in LANGUAGES for form in entries(f"negation_{language}")]
)
@given(data=st.data())
def test_every_sure_negation_is_seen_and_counts_as_one_that_may_deny(
    language: Language, form: str, data: st.DataObject
) -> None:
    passage = Passage.of(data.draw(st.from_regex(re.compile(rf"\b(?:{form})\b", re.IGNORECASE))), language)
    assert negation._sure(passage)
    assert negation._plain(passage)
    assert negation._any(passage)


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data())
def test_every_date_and_time_shows_its_signs(language: Language, data: st.DataObject) -> None:
    def one(patterns: Mapping[str, re.Pattern[str]]) -> Passage:
        return Passage.of(data.draw(st.from_regex(patterns[language])), language)

    def has(signs: tuple[str, ...] | list[str], text: str) -> bool:
        return any(sign in text for sign in signs)

    dated, months = one(dates._DATE), dates._MONTH_STEMS[language]
    assert dated.has_digit
    assert has(months, dated.text) or dates._BY_NUMBERS.search(dated.text)
    assert has(months, one(dates._LONE_MONTH).text)
    assert has(dates._DAY_SIGNS[language], one(dates._WEEKDAY).lower)
    assert has(dates._SHORT_DAY_SIGNS[language], one(dates._SHORT_DAYS).text)
    assert has(clocks._NAMED_SIGNS[language], one(clocks._NAMED).text)
    assert one(clocks._CLOCK).has_digit


def joined(words: str) -> st.SearchStrategy[str]:
    parts = st.tuples(st.sampled_from(words.split()), st.sampled_from((" ", " ", ", ", ". ", "-")))
    return st.lists(parts, max_size=10).map(lambda pairs: "".join(map("".join, pairs)))


@given(german=joined("Merkel Kanzlerin Kranzlerowa Quabeckus Die die USA"), english=joined("Merkel Quabeckus USA The"))
def test_names_that_are_passed_over_are_in_both_texts(german: str, english: str) -> None:
    source, output = Passage.of(german, "de"), Passage.of(english, "en")
    added = names.added_names(Index(source.words, "en"), output)
    lost = names._lost(source, Index(output.words, "de"))
    assert list(names.names(source, output)) == [*added, *lost]


@given(text=joined("b B c 1 ² ſ b'c die"))
@example(text="1 2 1 2")
@example(text="b c d b c d")
@example(text="b c d e f and b c d e f")
def test_words_that_are_passed_over_do_not_come_back(text: str) -> None:
    _, words = repetition._words(text)
    found = (repetition._loop(words) or repetition._phrase(words)) is not None
    assert bool(list(repetition.repeated_words(Passage.of("", "de"), Passage.of(text, "en")))) is found


@given(text=st.text("„“”\"«»`'a ", max_size=20))
def test_quotation_marks_are_counted_as_they_pair(text: str) -> None:
    assert quotations._count(text) == len(quotations._MARK.findall(text))


@given(text=st.text("aB1_½²'’ -", max_size=30))
def test_words_without_an_apostrophe_are_the_passage_s(text: str) -> None:
    assert untranslated._words(Passage.of(text, "en")) == untranslated._WORD.findall(text)


@pytest.mark.parametrize("language", LANGUAGES)
@given(text=st.text("aB12305_½²٣.,'’ \u00a0-", max_size=30))
def test_numerals_are_the_same_before_words_and_after_them(language: Language, text: str) -> None:
    numerals_first = re.compile(rf"({NUMERAL[language]})|[^\W\d_]+")
    found, tried = numerals_first.finditer(text), quantities._TOKEN[language].finditer(text)
    assert [(match.span(), match[1]) for match in tried] == [(match.span(), match[1]) for match in found]


@given(german=sentences("de"), english=sentences("en"))
def test_no_sentence_breaks_a_check(german: str, english: str) -> None:
    assert check_sentence(german, english) == check_sentence(german, english)
