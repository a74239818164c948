"""Tests of the second, more thorough search: the sentences that need it, the chosen candidate, and failures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given

from service.domain import EngineInput, Hypothesis, Mark
from service.errors import EngineError
from service.generation.base import GivenOutput
from service.generation.call import Call, Finished
from service.generation.local import LocalGenerator
from service.newsroom.models import ModelSet
from service.registry.manifest import Decoding, Thorough
from service.translation.postprocessing import FinishedSentence, best
from service.translation.translator import Translator
from tests.batching.rig import PATIENCE_S, entered, turns
from tests.fake_engine import Gate
from tests.pipeline.rig import Stand, codes, stand
from tests.pipeline.test_pipeline_rerank import facts, sentences

SOURCE = "Der Rat zahlt 12 Euro."
GOOD, WRONG = "The council pays 12 euros.", "The council pays 21 euros."
BONN = "Der Zug fährt heute nicht nach Bonn."
Output = tuple[str, float]


class Scores:
    """A scorer with a fixed log-probability of the source for each known output. The scorer records its inputs."""

    def __init__(self, known: dict[str, float]) -> None:
        self.known = known
        self.asked: list[GivenOutput] = []

    async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
        self.asked += outputs
        return [self.known[str(one.source[0])] for one in outputs]


@asynccontextmanager
async def doubting(pieces: Path, below_score: float = -0.5, weight: float = 0.0) -> AsyncIterator[Stand]:
    """Start a generator whose manifest has a thorough search with three hypotheses.

    A score less than ``below_score`` leads to the thorough search. ``weight`` is the weight of the backward score.
    """
    async with stand(pieces) as at:
        thorough = Thorough(beam_size=3, hypotheses=3, below_score=below_score, backward_weight=weight)
        manifest = at.generator.manifest.model_copy(update={"thorough": thorough})
        yield replace(at, generator=replace(at.generator, manifest=manifest))


def is_thorough(item: EngineInput) -> bool:
    return item.options.hypotheses > 1


def writes(at: Stand, first: Output, *further: Output) -> None:
    """Make the engine return ``first`` in the first search of a source, and ``further`` in the thorough search."""

    def written(text: str, score: float) -> Hypothesis:
        return Hypothesis(at.tokenizer.encode(text)[:-1], score, "eos")

    at.engine.handler = lambda items: [
        [written(*one) for one in further] if is_thorough(item) else [written(*first)] for item in items
    ]


def searches(at: Stand) -> list[bool]:
    """Return, for each search of the engine in order, whether the search was thorough."""
    return [is_thorough(item) for call in at.engines.batches() for item in call]


async def translated(at: Stand, text: str = SOURCE, **options: Any) -> Any:
    (found,) = await Translator(at.generator, at.cache, None, **options).translate([text], Call())
    return found


async def test_sentence_without_doubts_is_searched_once(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (GOOD, -0.4), (WRONG, -0.1))
        found = await translated(at)
        assert searches(at) == [False]
        assert all(item.options.scored for call in at.engines.batches() for item in call)
    assert found.text == GOOD


async def test_low_score_leads_to_a_second_search_and_the_best_score_wins(pieces: Path) -> None:
    better = "The council is paying 12 euros."
    async with doubting(pieces) as at:
        writes(at, (GOOD, -0.6), ("The council paid 12 euros.", -0.3), (better, -0.2), (GOOD, -0.6))
        found = await translated(at)
        assert searches(at) == [False, True]
    assert (found.text, codes(found)) == (better, [])


async def test_repeated_first_output_hides_no_other_output(pieces: Path) -> None:
    other = "The council is paying 12 euros."
    async with doubting(pieces) as at:
        writes(at, (GOOD, -0.6), (other, -0.1), (GOOD, -0.6))
        assert (await translated(at)).text == other


async def test_doubt_leads_to_a_second_search_and_fewer_doubts_win(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (WRONG, -0.1), ("The council pays 13 euros.", -0.2), (GOOD, -0.9))
        found = await translated(at)
    assert (found.text, codes(found)) == (GOOD, ["hypothesis_changed"])


async def test_first_output_wins_a_tie(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (GOOD, -0.6), ("The council is paying 12 euros.", -0.6))
        assert (await translated(at)).text == GOOD


async def test_source_given_the_output_finds_what_was_left_out(pieces: Path) -> None:
    source, short = "Der Rat zahlt heute 12 Euro an den Verein.", "The council pays 12 euros to it."
    whole = "The council pays 12 euros to the club today."
    scores = Scores({short: -3.0, whole: -0.5})
    async with doubting(pieces, weight=0.5) as at:
        writes(at, (short, -0.6), (short, -0.6), (whole, -0.9))
        found = await translated(at, source, scorer=scores)
    assert found.text == whole
    assert [one.source for one in scores.asked] == [(short, Mark("german")), (whole, Mark("german"))]
    assert {one.output for one in scores.asked} == {source}


async def test_single_best_candidate_needs_no_backward_score(pieces: Path) -> None:
    scores = Scores({})
    async with doubting(pieces, weight=1.0) as at:
        writes(at, (WRONG, -0.1), (GOOD, -0.9))
        assert (await translated(at, scorer=scores)).text == GOOD
    assert scores.asked == []


async def test_backward_scores_require_a_scorer(pieces: Path) -> None:
    async with doubting(pieces, weight=1.0) as at:
        with pytest.raises(ValueError, match="scorer"):
            at.translator()


@pytest.mark.parametrize("corrupted", ["Bonnn", "Bonm"])
async def test_corrupted_name_never_replaces(pieces: Path, corrupted: str) -> None:
    right = "The train is not going to Bonn today."
    async with doubting(pieces) as at:
        writes(at, (right, -0.6), (right.replace("Bonn", corrupted), -0.1))
        assert (await translated(at, BONN)).text == right


@pytest.mark.parametrize(
    "broken",
    [
        "Der Rat zahlt 12 Euro an den Verein.",
        "The council pays 12 euros to the club, and the mayor of the town said that it was a very good day for all.",
        "The council pays the council pays 12 euros to the club.",
    ],
)
async def test_output_that_is_no_translation_loses(pieces: Path, broken: str) -> None:
    source, good = "Der Rat zahlt 12 Euro an den Verein.", "The council pays 12 euros to the club."
    async with doubting(pieces) as at:
        writes(at, (good, -0.6), (broken, -0.1))
        assert (await translated(at, source)).text == good
    async with doubting(pieces) as at:
        writes(at, (broken, -0.1), (good, -0.9))
        assert (await translated(at, source)).text == good


async def test_editor_is_told_if_every_candidate_is_broken(pieces: Path) -> None:
    source = "Der Rat zahlt 12 Euro an den Verein."
    async with doubting(pieces) as at:
        writes(at, (source, -0.1), (f"Ja, {source}", -0.2))
        found = await translated(at, source)
        assert searches(at) == [False, True]
    assert found.text == source
    assert "untranslated" in [notice.code for notice in found.notices if notice.review]


@given(sentences)
def test_best_never_has_more_factual_doubts_than_the_first(made: list[FinishedSentence]) -> None:
    places = best(SOURCE, made)
    assert places == sorted(set(places))
    assert places
    fit = [one for one in made if facts(one) <= facts(made[0])]
    assume(made[0].answered)  # every candidate is better than no answer
    for one in (made[place] for place in places):
        assert facts(one) <= facts(made[0])
        assert all((one.broken, one.doubts) <= (other.broken, other.doubts) for other in fit)


async def test_failed_second_search_fails_its_sentence_like_a_first_one(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (WRONG, -0.1), (GOOD, -0.9))
        works = at.engine.handler

        def fails(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
            if any(map(is_thorough, items)):
                raise RuntimeError("out of memory")
            return works(items)

        at.engines._handlers = (fails,)
        at.engine.handler = fails
        with pytest.raises(EngineError):
            await translated(at)
        for engine in at.engines.built:
            engine.handler = works
        assert (await translated(at)).text == GOOD


async def test_sentence_without_doubts_does_not_wait_for_a_second_search(pieces: Path) -> None:
    heard: list[Finished] = []
    async with doubting(pieces) as at:
        at.answer({"Bahn": "The train is late.", "Rat": WRONG})
        answers = at.engine.handler
        gate = Gate(answers)
        at.engine.handler = lambda items: gate(items) if any(map(is_thorough, items)) else answers(items)
        translator = at.translator()
        work = asyncio.create_task(translator.translate([f"Die Bahn kommt. {SOURCE}"], Call(finished=heard.append)))
        await entered(gate)
        await turns()
        assert [one.output for one in heard] == ["The train is late."]
        gate.release()
        await work
    assert len(heard) == 2


async def test_caller_who_leaves_takes_the_second_search_with_him(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (WRONG, -0.1), (GOOD, -0.9))
        answers, gate = at.engine.handler, Gate()
        at.engine.handler = lambda items: gate(items) if any(map(is_thorough, items)) else answers(items)
        work = asyncio.create_task(at.translator().translate([SOURCE], Call()))
        await entered(gate)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await turns()
        assert not at.batcher.queue.unanswered
        gate.release()


async def test_draining_finishes_second_searches(pieces: Path) -> None:
    async with doubting(pieces) as at:
        writes(at, (WRONG, -0.1), (GOOD, -0.9))
        gate = Gate(at.engine.handler)
        at.engine.handler = gate
        models = ModelSet({"translation": at.generator}, {}, at.cache, None)

        async def translate(text: str) -> str:
            with models.lease():
                (found,) = await models.translator.translate([text], Call())
                return found.text

        work = asyncio.create_task(translate(SOURCE))
        await entered(gate)
        closing = asyncio.create_task(models.close(PATIENCE_S))
        await turns()
        gate.release()
        assert await work == GOOD
        await closing
        assert searches(at) == [False, True]
        assert at.engine.closed


async def test_drain_time_limits_the_wait_for_a_lease(pieces: Path) -> None:
    async with doubting(pieces) as at:
        models = ModelSet({"translation": at.generator}, {}, at.cache, None)
        with models.lease():
            await models.close(0.01)
            assert at.engine.closed


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.model_copy(update={"thorough": None}),
        lambda m: m.model_copy(update={"thorough": m.thorough.model_copy(update={"below_score": -0.6})}),
        lambda m: m.model_copy(update={"thorough": m.thorough.model_copy(update={"backward_weight": 0.1})}),
        lambda m: m.model_copy(update={"decoding": Decoding(beam_size=2)}),
    ],
)
async def test_every_setting_of_the_search_is_part_of_the_identity(pieces: Path, change: Callable[[Any], Any]) -> None:
    async with doubting(pieces) as at:
        other: LocalGenerator = replace(at.generator, manifest=change(at.generator.manifest))
        assert other.identity != at.generator.identity
        assert other.fingerprint != at.generator.fingerprint
