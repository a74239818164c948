"""Tests of the checks for repetitions, the length of the output, and words that were not translated."""

import pytest
from hypothesis import given

from service.checks.assessment import check_sentence
from service.checks.base import Code, Finding, Passage, Severity, needs_review
from service.checks.content import check_length
from service.checks.repetition import check_repetition, find_repeated_sentences
from service.checks.vocabulary import check_untranslated
from tests.checks.sentences import sentences
from tests.languages import DE, EN


def read(german: str, english: str) -> tuple[Passage, Passage]:
    return Passage.of(german, DE), Passage.of(english, EN)


@pytest.mark.parametrize(
    "output",
    [
        "the the council agreed",
        "the council agreed the council agreed",
        "He said that the city of Berlin that the city of Berlin would pay.",
        "on the bank of the river lived on the bank of the river",
    ],
)
def test_repeated_words_are_found(output: str) -> None:
    (finding,) = check_repetition(*read("Der Rat stimmte zu.", output))
    assert finding.code is Code.REPETITION


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("Er ist sehr, sehr gut.", "He is very, very good."),
        ("Er hatte es gehabt.", "He had had it."),
        ("Sachsen, Sachsen-Anhalt", "Saxony, Saxony-Anhalt"),
        ("starke Frauen („Frauen sind schlau“)", "strong women (“Women are clever”)"),
        ("Weiter, weiter, weiter rief er.", "Onward, onward, onward he cried."),
        ("Das Mittel ist ein Vitamin B. Es hilft.", "The agent is a vitamin B. b vitamins help."),
    ],
)
def test_usual_repetition_passes(source: str, output: str) -> None:
    assert list(check_repetition(*read(source, output))) == []


def test_one_output_for_two_sources_is_found() -> None:
    sources = ["Der Rat tagte lange.", "Die Stadt baut ein Bad.", "Der Rat tagte lange.", "Ja."]
    outputs = ["The council met for long.", "The council met for long.", "The council met for long.", "Yes."]
    assert [number for number, _ in find_repeated_sentences(sources, outputs)] == [1, 2]


def test_repeated_source_sentence_passes() -> None:
    assert list(find_repeated_sentences(["Der Rat tagte lange."] * 2, ["The council met for long."] * 2)) == []


SENTENCE = "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu."


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("The city council approved the conversion of the pool by a large majority.", None),
        ("The city council approved it.", Code.OUTPUT_TOO_SHORT),
        ("The city council approved the conversion of the pool. " * 3, Code.OUTPUT_TOO_LONG),
    ],
)
def test_length_outside_the_bounds_is_found(output: str, code: Code | None) -> None:
    assert [finding.code for finding in check_length(*read(SENTENCE, output))] == ([] if code is None else [code])


@pytest.mark.parametrize(
    "output",
    [
        SENTENCE,
        "The city council approved dem Umbau des Hallenbads am Dienstagabend.",
        "The council approved it mit großer Mehrheit zu.",
    ],
)
def test_german_in_the_output_is_found(output: str) -> None:
    assert [finding.code for finding in check_untranslated(*read(SENTENCE, output))] == [Code.UNTRANSLATED]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("Volkswagen Golf GTI", "Volkswagen Golf GTI"),
        ("Der Film „Das Leben der Anderen und ich“", "The film “Das Leben der Anderen und ich”"),
        ("Mehr unter red.neustadt@mainpost.de, schreibt er.", "More at red.neustadt@mainpost.de, he writes."),
    ],
)
def test_names_titles_and_addresses_pass(source: str, output: str) -> None:
    assert list(check_untranslated(*read(source, output))) == []


def test_only_review_findings_need_review() -> None:
    note = Finding(Code.NUMBER_UNSUPPORTED, "elsewhere", severity=Severity.NOTE)
    assert not needs_review([])
    assert not needs_review([note])
    assert needs_review([note, Finding(Code.REPETITION, "again")])


@given(german=sentences(DE), english=sentences(EN))
def test_checks_accept_any_sentence(german: str, english: str) -> None:
    assert check_sentence(german, english, DE, EN) == check_sentence(german, english, DE, EN)
