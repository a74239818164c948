"""Tests of finished sentences: their cache entries, cache keys and word alignment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache import entries as codec
from service.checks.base import Code, Finding, Severity
from service.domain import Span
from service.events import EntryUnopened, Event
from service.generation.aligners import Pair
from service.generation.base import TextHypothesis
from service.generation.call import Call
from service.terms.constraints import TermConstraint
from service.terms.glossary import Glossary
from service.text.alignment import Alignment
from service.translation.postprocessing import FinishedSentence, SentenceKind
from service.translation.preparation import Sentence, SentenceConstraints, TranslationOptions
from service.translation.translator import Translator
from tests.languages import PAIR
from tests.pipeline.rig import stand

SOURCE, OUTPUT = "Der Rat zahlt 12,5 Euro.", "The council pays 12.5 euros."
RAT = TermConstraint(Span(4, 7), "council", "glossary", "Rat")
NUMBER = TermConstraint(Span(14, 18), "12.5", "number", "12,5")


class OneToOne:
    """An aligner that links the n-th output word to the n-th source word, and records the aligned outputs."""

    identity = "one to one"
    needs_attention = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
        self.asked += [output.text for _, output in pairs]
        return [self._align(source, output) for source, output in pairs]

    def _align(self, source: str, output: TextHypothesis) -> Alignment:
        words, written = _words(source), _words(output.text)
        rows = tuple(tuple(float(n == m) for m in range(len(words))) for n in range(len(written)))
        return Alignment(words, written, rows)


def _words(text: str) -> tuple[Span, ...]:
    spans, end = [], 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        spans.append(Span(start, end))
    return tuple(spans)


def constraints(*required: TermConstraint, aligned: bool = False) -> SentenceConstraints:
    return SentenceConstraints(SOURCE, Sentence(Span(0, len(SOURCE)), SOURCE, has_letters=True), required, aligned)


KIND = SentenceKind(OneToOne(), PAIR)
places = st.none() | st.tuples(st.integers(0, 9), st.integers(10, 20)).map(lambda pair: Span(*pair))
findings = st.builds(
    Finding, st.sampled_from(Code), st.text(st.characters(exclude_categories=["Cs"])), places, places,
    st.sampled_from(Severity),
)  # fmt: skip
weights = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(tuple)
alignments = st.none() | st.lists(weights, min_size=1, max_size=3).map(
    lambda rows: Alignment((Span(0, 3), Span(4, 7)), tuple(Span(n, n + 1) for n in range(len(rows))), tuple(rows))
)


@given(
    found=st.lists(findings, max_size=3),
    alignment=alignments,
    cut=st.booleans(),
    sure=st.none() | st.floats(0, 1),
    first=...,
    second=...,
)
def test_finished_sentence_survives_encoding(
    found: list[Finding], alignment: Alignment | None, *, cut: bool, sure: float | None, first: bool, second: bool
) -> None:
    terms = ((RAT, first), (NUMBER, second))
    applied, missing = (tuple(one for one, there in terms if there is wanted) for wanted in (True, False))
    sentence = FinishedSentence(OUTPUT, applied, missing, tuple(found), alignment, cut, confidence=sure)
    assert KIND.decode(KIND.encode(sentence), constraints(RAT, NUMBER, aligned=True)) == sentence


GOOD: list[Any] = [OUTPUT, [True], [["number_missing", "why", [0, 3], None, "review"]], None, False, 0.75]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 7),
        (1, []),
        (1, [True, True]),
        (1, [1]),
        (2, [["unknown", "why", None, None, "review"]]),
        (2, [["number_missing", 1, None, None, "review"]]),
        (2, [["number_missing", "why", [0, 99], None, "review"]]),
        (2, [["number_missing", "why", None, [0, 99], "review"]]),
        (2, [["number_missing", "why", None, None, "severe"]]),
        (2, [["number_missing", "why", None, None]]),
        (2, {}),
        (3, [[[0, 3]], [[0, 3]], [[1.0]]]),
        (4, 0),
        (4, None),
        (5, 1.5),
        (5, "0.5"),
        (5, False),
    ],
)
def test_entry_of_another_sentence_is_rejected(place: int, value: Any) -> None:
    assert KIND.decode(codec.encode(GOOD), constraints(RAT)).applied == (RAT,)
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ
        KIND.decode(codec.encode([*GOOD[:place], value, *GOOD[place + 1 :]]), constraints(RAT))


@pytest.mark.parametrize("weights", [[[1.0], [1.0]], [[1.0, 0.0]], [[2.0]], [["1"]], [1.0]])
def test_weights_of_wrong_shape_are_rejected(weights: Any) -> None:
    entry = codec.encode([OUTPUT, [], [], [[[0, 3]], [[0, 3]], weights], False])
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ
        KIND.decode(entry, constraints(aligned=True))


def test_key_contains_every_dependency_of_a_sentence() -> None:
    other = SentenceConstraints("Der Rat zahlt 13 Euro.", constraints().sentence, (), aligned=False)
    wanted = [constraints(), constraints(RAT), constraints(NUMBER), constraints(RAT, aligned=True), other]
    keys = [KIND.key(one) for one in wanted]
    assert all(keys.count(key) == 1 for key in keys)


async def test_damaged_entry_is_a_deleted_and_counted_miss(pieces: Path) -> None:
    events: list[Event] = []
    async with stand(pieces, listener=events.append) as at:
        translator = at.translator()
        (first,) = await translator.translate(["Guten Tag."], Call())
        (key,) = [key for key in list(at.memory._kept) if at.memory.get(key) is not None]
        at.memory.put(key, codec.encode(["damaged"]))
        (second,) = await translator.translate(["Guten Tag."], Call())
        (third,) = await translator.translate(["Guten Tag."], Call())
    assert [first.cached, second.cached, third.cached] == [0, 0, 1]
    assert [event.reason for event in events if isinstance(event, EntryUnopened)] == ["unreadable"]


async def test_alignment_runs_only_where_needed(pieces: Path) -> None:
    aligner = OneToOne()
    glossary = Glossary({"Stadtrat": "council"})
    async with stand(pieces) as at:
        at.answer({"Stadtrat": "The assembly votes.", "Bahn": "The train is late."})
        translator = Translator(at.generator, at.cache, None, aligner=aligner)
        options = TranslationOptions(glossary=glossary)
        (found,) = await translator.translate(["Der Stadtrat stimmt. Die Bahn kommt."], Call(), options=options)
        assert not any(item.options.alignment for batch in at.engines.batches() for item in batch)
    assert aligner.asked == ["The assembly votes."]
    assert found.text == "The council votes. The train is late."


async def test_bug_in_postprocessing_reaches_the_caller(pieces: Path) -> None:
    class Broken(OneToOne):
        async def align(self, pairs: Sequence[Pair]) -> list[Alignment | None]:
            raise LookupError(len(pairs))

    async with stand(pieces) as at:
        translator = Translator(at.generator, at.cache, None, aligner=Broken())
        with pytest.raises(LookupError):
            await translator.translate(["Guten Tag."], Call(), options=TranslationOptions(alignment=True))
        assert at.memory.stats.entries == 0
