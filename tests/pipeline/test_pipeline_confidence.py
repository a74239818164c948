"""Tests of the confidence of translated sentences, and of the warning about low confidence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Hypothesis
from service.generation.call import Call
from service.registry.manifest import ConfidenceTable
from service.results import Translation
from tests.pipeline.rig import Stand, codes, stand

TABLE = ConfidenceTable(
    engine="ctranslate2", revision="1", intercept=2.0, log_prob=3.0, doubts=-1.5, below=0.4, sentences=100
)
scores = st.floats(-20, 0)


@asynccontextmanager
async def fitted(pieces: Path, **changes: str) -> AsyncIterator[Stand]:
    """Start a generator whose manifest has a table of coefficients with ``changes``."""
    async with stand(pieces) as at:
        revision = at.generator.manifest.revision
        table = TABLE.model_copy(update={"revision": revision, **changes})
        manifest = at.generator.manifest.model_copy(update={"confidence": table})
        yield replace(at, generator=replace(at.generator, manifest=manifest))


async def translated(at: Stand, output: str, score: float) -> Translation:
    """Translate a sentence with a model that writes ``output`` with the log-probability ``score`` per token."""
    at.engine.handler = lambda items: [[Hypothesis(at.tokenizer.encode(output)[:-1], score, "eos")] for _ in items]
    (found,) = await at.translator().translate(["Der Rat zahlt 12 Euro."], Call())
    return found


@given(first=scores, second=scores, doubts=st.integers(0, 9))
def test_confidence_rises_with_the_log_probability(first: float, second: float, doubts: int) -> None:
    low, high = (TABLE.confidence(score, doubts) for score in sorted((first, second)))
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= 1


@given(score=scores, doubts=st.integers(0, 9))
def test_confidence_falls_with_each_doubt(score: float, doubts: int) -> None:
    fewer, more = TABLE.confidence(score, doubts), TABLE.confidence(score, doubts + 1)
    assert fewer is not None
    assert more is not None
    assert more <= fewer


@pytest.mark.parametrize("score", [None, -inf, nan])
def test_unknown_log_probability_has_no_confidence(score: float | None) -> None:
    assert TABLE.confidence(score, 0) is None


async def test_certain_sentence_has_a_high_confidence_and_no_warning(pieces: Path) -> None:
    async with fitted(pieces) as at:
        found = await translated(at, "The council pays 12 euros.", -0.1)
    assert found.sentences[0].confidence == pytest.approx(0.846)
    assert "low_confidence" not in codes(found)


async def test_uncertain_sentence_needs_a_review(pieces: Path) -> None:
    async with fitted(pieces) as at:
        found = await translated(at, "The council pays 12 euros.", -1.5)
    assert found.sentences[0].confidence == pytest.approx(0.076)
    assert [one.review for one in found.notices if one.code == "low_confidence"] == [True]


async def test_confidence_comes_back_from_the_cache(pieces: Path) -> None:
    async with fitted(pieces) as at:
        first, second = [await translated(at, "The council pays 12 euros.", -1.5) for _ in range(2)]
    assert (first.cached, second.cached) == (0, 1)
    assert second.sentences == first.sentences
    assert codes(second) == codes(first)


@pytest.mark.parametrize("changes", [{"engine": "torch"}, {"revision": "other"}])
async def test_table_of_another_engine_or_revision_gives_no_confidence(pieces: Path, changes: dict[str, str]) -> None:
    async with fitted(pieces, **changes) as at:
        found = await translated(at, "The council pays 12 euros.", -1.5)
    assert found.sentences[0].confidence is None
    assert "low_confidence" not in codes(found)


async def test_model_without_a_table_gives_no_confidence(pieces: Path) -> None:
    async with stand(pieces) as at:
        found = await translated(at, "The council pays 12 euros.", -1.5)
    assert found.sentences[0].confidence is None
