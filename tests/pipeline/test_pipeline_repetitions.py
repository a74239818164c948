"""Tests that repeated words are removed from an output and its alignment, and that a notice reports the removal."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.repetition import Collapsed, collapse_repetitions, find_repetition
from service.domain import Span
from service.generation.call import Call, Finished
from service.text.alignment import Alignment
from service.translation.translator import Translator
from tests.fake_engine import writing
from tests.languages import DE, EN, PAIR
from tests.pipeline.rig import SENTENCES, Stand, stand

A, B, C = SENTENCES[0], SENTENCES[1], SENTENCES[3]


def alignment(text: str) -> Alignment:
    """Return an alignment of each word in ``text`` with the source word that has the same index."""
    words = tuple(Span(*match.span()) for match in re.finditer(r"\w+|,", text))
    rows = tuple(tuple(float(piece == word) for piece in range(len(words))) for word in range(len(words)))
    return Alignment(words, words, rows)


def columns(found: Collapsed, output: str) -> list[tuple[str, int]]:
    """Return the words that remain in ``found``, each with the index of the source word that it is aligned with.

    ``found`` is the result of removing the repetitions from ``output``.
    """
    left = found.aligned(alignment(output))
    return [(word.of(found.text), row.index(max(row))) for word, row in zip(left.target, left.weights, strict=True)]


def test_removed_repetition_loses_its_alignment() -> None:
    output = "the state of the state of the town"
    found = collapse_repetitions("Die Lage der Stadt", output, PAIR)
    assert found.text == "the state of the town"
    assert columns(found, output) == [("the", 0), ("state", 1), ("of", 2), ("the", 6), ("town", 7)]
    assert [(span.of(found.text), times) for span, times in found.repetitions] == [("the state of", 1)]


def test_two_repeated_words_are_collapsed() -> None:
    found = collapse_repetitions("Gewalt und Trauer", "force force force and the mourning mourning", PAIR)
    assert found.text == "force and the mourning"
    assert [(one.span.of(found.text), one.times) for one in found.repetitions] == [("force", 2), ("mourning", 1)]


def test_comma_inside_one_copy_does_not_excuse_repetition() -> None:
    found = collapse_repetitions("zur selben Zeit", "at the same time, at the same time in at the same, time", PAIR)
    assert found.text == "at the same time in at the same, time"
    assert (
        collapse_repetitions("Feiern", "the same time, in the same time in here", PAIR).text == "the same time, in here"
    )


def test_long_loop_is_removed() -> None:
    found = collapse_repetitions("Ohne Ende", " ".join(["over again and"] * 1_000), PAIR)
    assert found.text == "over again and"
    assert [one.times for one in found.repetitions] == [999]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("Alarm, Alarm!", "Force force force"),
        ("Er ist, ist, ist da.", "He stays, stays"),
        ("Er ist ist da.", "He stays stays"),
        ("Er hatte das gehabt.", "He had had that that day"),
        ("Das ist sehr weit.", "That is very very far"),
        ("In Sachsen und Anhalt", "In Saxony, Saxony-Anhalt"),
        ("Es stand 2:2.", "It was 2 2"),
        ("Eins: eins", "It is one: One"),
    ],
)
def test_legitimate_repetition_stays(source: str, output: str) -> None:
    assert collapse_repetitions(source, output, PAIR) == Collapsed(output)


@pytest.mark.parametrize(
    "source",
    [
        "Was gut ist, ist in Berlin gut.",
        "Alle, die vorgelegt werden, werden geprüft.",
        "Der, der die kennt, die die Mauer sah",
    ],
)
def test_words_between_german_clauses_excuse_no_repetition(source: str) -> None:
    assert collapse_repetitions(source, "the the city of Berlin, Berlin", PAIR).text == "the city of Berlin"


words = st.lists(st.sampled_from("a bb ccc Ddd had 12 state of the".split()), max_size=24).map(" ".join)


@given(source=words, output=words)
def test_collapsed_output_has_no_repetition_and_no_new_word(source: str, output: str) -> None:
    found = collapse_repetitions(source, output, PAIR)
    assert find_repetition(source, found.text, DE, EN) is None
    left = iter(output.lower().split())
    assert all(word in left for word in found.text.lower().split())
    assert [word for word, _ in columns(found, output)] == found.text.split()
    assert all(0 <= one.span.start < one.span.end <= len(found.text) for one in found.repetitions)


def stuttering(at: Stand) -> None:
    """Make the engine output a text with repeated words when it translates the sentence ``B``."""

    def written(tokens: tuple[str, ...]) -> tuple[str, ...]:
        return at.tokenizer.encode("the city the city council")[:-1] if at.tokenizer.decode(tokens) == B else tokens

    at.engine.handler = writing(written)


async def told(translator: Translator, text: str) -> tuple[list[str], list[tuple[str, str]], str, int]:
    """Translate ``text``, and return what the caller receives.

    The result contains the streamed sentences, the code and the passage of each notice about a repetition, the
    translation, and the number of sentences from the cache.
    """
    heard: list[Finished] = []
    (found,) = await translator.translate([text], Call(finished=heard.append))
    notes = [
        (notice.code, (notice.target or Span(0, 0)).of(found.text))
        for notice in found.notices
        if notice.code in {"repetition", "repetition_removed"}
    ]
    return [one.output for one in heard], notes, found.text, found.cached


async def test_stream_result_and_cache_agree_after_one_generation(pieces: Path) -> None:
    async with stand(pieces) as at:
        stuttering(at)
        translator = at.translator()
        first = await told(translator, f"{A} {B} {C}")
        second = await told(translator, f"{A} {B} {C}")
        assert sorted(at.reached) == sorted([A, B, C])
    assert first == ([A, "the city council", C], [("repetition_removed", "the city")], f"{A} the city council {C}", 0)
    assert second == (*first[:3], 3)
