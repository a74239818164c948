"""Tests that the findings of the output checks have valid spans in the source and in the output, for any text."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.checks.assessment import check_sentence, check_summary
from service.checks.base import Code, Finding, Severity
from service.checks.repetition import find_repeated_sentences
from service.domain import Span
from tests.languages import DE, EN

SOURCE = "Der Rat tagte am Montag. Er gab 1,5 Milliarden Euro frei. Niemand widersprach."
OUTPUT = "The council met on Monday. It released 1.5 trillion euros. Nobody objected."


def spans(text: str) -> list[Span]:
    return [Span(*match.span()) for match in re.finditer(r"\S.*?\.(?=\s|$)", text)]


def reported(output: str) -> list[Finding]:
    """Check ``output`` as a translation of `SOURCE`, and return the findings with their spans in both texts."""
    pairs = list(zip(spans(SOURCE), spans(output), strict=True))
    found = [f.shifted(s.start, t.start) for s, t in pairs for f in check_sentence(s.of(SOURCE), t.of(output), DE, EN)]
    repeated = find_repeated_sentences([s.of(SOURCE) for s, _ in pairs], [t.of(output) for _, t in pairs])
    return [*found, *(finding.shifted(pairs[n][0].start, pairs[n][1].start) for n, finding in repeated)]


def test_finding_has_spans_of_both_texts() -> None:
    (finding,) = reported(OUTPUT)
    assert finding.code is Code.MAGNITUDE_CHANGED
    assert finding.source is not None
    assert finding.output is not None
    assert (finding.source.of(SOURCE), finding.output.of(OUTPUT)) == ("1,5 Milliarden", "1.5 trillion")


def test_empty_output_is_one_finding() -> None:
    (finding,) = check_sentence(spans(SOURCE)[0].of(SOURCE), "", DE, EN)
    assert finding.code is Code.EMPTY_OUTPUT
    assert check_sentence("* * *", "", DE, EN) == []


def test_repeated_sentence_is_found() -> None:
    output = "The council met on Monday. The council met on Monday. Nobody objected."
    assert Code.SENTENCE_REPEATED in {finding.code for finding in reported(output)}


def summarised(summary: str, support: list[Span]) -> dict[Code, Severity]:
    findings = check_summary(SOURCE, summary, [(Span(0, len(summary)), support)], DE)
    return {finding.code: finding.severity for finding in findings}


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Der Rat gab 1,5 Milliarden Euro frei.", {}),
        ("Der Rat gab 1,5 Billionen Euro frei.", {Code.MAGNITUDE_CHANGED: Severity.REVIEW}),
        ("Der Rat gab am Montag 1,5 Milliarden Euro frei.", {Code.DATE_UNSUPPORTED: Severity.NOTE}),
        ("Der Rat gab nicht 1,5 Milliarden Euro frei.", {Code.NEGATION_ADDED: Severity.REVIEW}),
        ("Habeck gab 1,5 Milliarden Euro frei.", {Code.NAME_UNSUPPORTED: Severity.REVIEW}),
        ("Der Rat gab „1,5 Milliarden“ frei.", {Code.QUOTATION_ADDED: Severity.REVIEW}),
        ("…", {Code.EMPTY_OUTPUT: Severity.REVIEW}),
    ],
)
def test_summary_is_checked_against_its_support(summary: str, expected: dict[Code, Severity]) -> None:
    assert summarised(summary, [spans(SOURCE)[1]]) == expected


def test_unsupported_summary_sentence_is_found() -> None:
    assert Code.SENTENCE_UNSUPPORTED in summarised("Der Rat tagte.", [])


def test_verbatim_sentences_pass() -> None:
    places = spans(SOURCE)
    assert check_summary(SOURCE, SOURCE, [(place, [place]) for place in places], DE) == []


WORDS = (
    "Der Rat nicht 1.000 1,5 Milliarden million trillion 31.12.2021 „ “ ” \" ' Merkel München the not n't a half "
    "hundred and zwei einundzwanzig Montag Monday May 2:30 p.m. Uhr € $ % ... . , - 1.1.1.1 ½ 99999999999 😀 ß İ ﬁ"
)
words = st.sampled_from(WORDS.split())
texts = st.one_of(st.text(max_size=60), st.lists(words, max_size=25).map(" ".join))


@settings(max_examples=60, deadline=None)
@given(texts, texts)
def test_spans_are_inside_their_texts(source: str, output: str) -> None:
    findings = check_sentence(source, output, DE, EN)
    findings += check_summary(source, output, [(Span(0, len(output)), [Span(0, len(source))])], DE)
    for finding in findings:
        for span, text in ((finding.source, source), (finding.output, output)):
            assert span is None or 0 <= span.start <= span.end <= len(text)


@pytest.mark.parametrize(
    "unit",
    [
        "1.000.",
        "1 000 ",
        "hundred ",
        "million ",
        "zwei",
        '"',
        "a b ",
        "Xyz ",
        "nicht ",
        "n't ",
        "1:10 ",
        "A",
        "n",
        "(",
        "„x“ ",
        "EUR 5 ",
        "1-",
    ],
)
def test_time_is_almost_linear_in_the_text(unit: str) -> None:
    def cost_s(repeats: int) -> float:
        text = unit * repeats
        start = time.process_time()
        check_sentence(text, text[::-1], DE, EN)
        return time.process_time() - start

    cost_s(10)
    assert cost_s(1_200) < 0.5 + 12 * cost_s(300)
