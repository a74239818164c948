"""Tests of reranking: the chosen hypothesis is the same in the stream, the response and the cache."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.base import Code, Finding, Severity
from service.domain import Attention, EngineInput, Hypothesis, Span
from service.generation.base import TextHypothesis
from service.generation.call import Call, Finished
from service.results import Translation
from service.terms.constraints import TermConstraint
from service.terms.glossary import Glossary
from service.translation.postprocessing import FACTS, FinishedSentence, Finishing, rerank
from service.translation.preparation import CALLER_TERMS, TranslationOptions
from service.translation.translator import Translator
from tests.pipeline.rig import Stand, stand

SOURCE = "Der Rat zahlt 12 Euro."
WRONG, RIGHT, WORSE = "The council pays 21 euros.", "The council pays 12 euros.", "Berlin never pays 21 euros."

findings = st.builds(Finding, st.sampled_from(Code), st.just("why"), severity=st.sampled_from(Severity))
required = st.builds(
    TermConstraint, st.just(Span(0, 1)), st.just("a"), st.just("b"), st.sampled_from([*sorted(CALLER_TERMS), "number"])
)
sentences = st.lists(
    st.builds(
        FinishedSentence,
        st.text(max_size=3),
        missing=st.lists(required, max_size=1).map(tuple),
        findings=st.lists(findings, max_size=3).map(tuple),
        cut=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def facts(one: FinishedSentence) -> int:
    return sum(found.code in FACTS and found.severity is Severity.REVIEW for found in one.findings)


def choose(made: Sequence[FinishedSentence]) -> tuple[FinishedSentence, list[int]]:
    """Rerank hypotheses whose finished sentences are ``made``.

    Return the chosen sentence, and the indices of the hypotheses that were finished, in order.
    """
    asked: list[int] = []

    def finish(hypothesis: TextHypothesis) -> Finishing:
        asked.append(int(hypothesis.text))
        yield from ()
        return made[asked[-1]]

    steps = rerank([TextHypothesis(str(rank), 0.0, "eos") for rank in range(len(made))], finish)
    with pytest.raises(StopIteration) as stopped:
        next(steps)
    return stopped.value.value, asked


@given(sentences)
def test_rerank_picks_fewest_doubts_without_more_factual_doubts(made: list[FinishedSentence]) -> None:
    found, _ = choose(made)
    fit = [one for one in made if facts(one) <= facts(made[0])]
    best = min(fit, key=lambda one: one.doubts)  # the first in a tie
    if best.doubts == made[0].doubts:
        assert found is made[0]
    else:
        *own, note = found.findings
        assert replace(found, findings=tuple(own)) == best
        assert (note.code, note.severity) == (Code.HYPOTHESIS_CHANGED, Severity.NOTE)
        assert found.doubts == best.doubts


@given(sentences)
def test_rerank_finishes_each_hypothesis_once_and_stops_without_doubts(made: list[FinishedSentence]) -> None:
    _, asked = choose(made)
    assert asked == list(range(len(asked)))
    clean = [rank for rank, one in enumerate(made) if not one.doubts and facts(one) <= facts(made[0])]
    assert len(asked) == (clean[0] + 1 if clean else len(made))


def words(tokens: Sequence[str]) -> list[int]:
    """Return the index of the word to which each piece belongs."""
    return [number - 1 for number in accumulate(piece.startswith("▁") for piece in tokens)]


def attention(source: Sequence[str], target: Sequence[str]) -> Attention:
    """Return an attention that aligns each target word with the source word of the same index."""
    return Attention.of([[float(place == word) for place in words(source)] for word in words(target)])


def writes(at: Stand, *texts: str, cut: bool = False) -> None:
    """Make the engine return ``texts`` as the hypotheses for every source.

    If ``cut`` is True, the first hypothesis is marked as truncated.
    """

    def written(item: EngineInput, rank: int) -> Hypothesis:
        tokens = at.tokenizer.encode(texts[rank])[:-1]
        looked = attention(item.tokens, tokens) if item.options.alignment else None
        return Hypothesis(tokens, -1.0 - rank, "length" if cut and not rank else "eos", looked)

    at.engine.handler = lambda items: [[written(item, rank) for rank in range(len(texts))] for item in items]


async def translated(
    translator: Translator, options: TranslationOptions | None = None
) -> tuple[list[str], Translation]:
    """Translate `SOURCE`. Return the outputs that were reported during the translation, and the translation."""
    heard: list[Finished] = []
    (found,) = await translator.translate(
        [SOURCE], Call(finished=heard.append), options=options or TranslationOptions()
    )
    return [one.output for one in heard], found


def notes(found: Translation) -> list[tuple[str, bool]]:
    return [(notice.code, notice.review) for notice in found.notices]


async def test_stream_response_and_cache_hold_the_supported_hypothesis(pieces: Path) -> None:
    async with stand(pieces, hypotheses=3) as at:
        writes(at, WRONG, WORSE, RIGHT)
        translator = at.translator()
        answers = [await translated(translator) for _ in range(3)]
        answers.append(await translated(at.translator()))
        assert at.reached == [SOURCE]
    assert [heard for heard, _ in answers] == [[RIGHT]] * 4
    assert [found.text for _, found in answers] == [RIGHT] * 4
    assert [notes(found) for _, found in answers] == [[("hypothesis_changed", False)]] * 4
    assert [found.cached for _, found in answers] == [0, 1, 1, 1]


async def test_first_hypothesis_wins_a_tie(pieces: Path) -> None:
    async with stand(pieces, hypotheses=3) as at:
        writes(at, WRONG, WORSE, WRONG)
        heard, found = await translated(at.translator())
    assert (heard, found.text) == ([WRONG], WRONG)
    assert "hypothesis_changed" not in dict(notes(found))
    assert "number_unsupported" in dict(notes(found))


async def test_complete_hypothesis_beats_truncated_one(pieces: Path) -> None:
    async with stand(pieces, hypotheses=2) as at:
        writes(at, RIGHT, "It pays 12 euros, the council.", cut=True)
        _, found = await translated(at.translator())
    assert (found.text, found.truncated) == ("It pays 12 euros, the council.", False)


async def test_alignment_and_terms_come_from_the_chosen_hypothesis(pieces: Path) -> None:
    options = TranslationOptions(alignment=True, glossary=Glossary({"Rat": "assembly"}))
    async with stand(pieces, hypotheses=2) as at:
        writes(at, "Nobody pays the council 21 euros.", RIGHT)
        heard, found = await translated(at.translator(), options)
    (pair,) = found.sentences
    assert found.text == "The assembly pays 12 euros."
    assert heard == [found.text]
    places = [(source.start, target.of(found.text)) for source, target in pair.words or ()]
    assert places[:3] == [
        (SOURCE.index(word), told) for word, told in (("Der", "The"), ("Rat", "assembly"), ("zahlt", "pays"))
    ]
