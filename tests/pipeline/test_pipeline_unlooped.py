"""Loops: a sentence that came out as one is decoded again by harder rules, alone, and streams tell the last word."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from service.engines.fake import Handler, writing
from service.pipeline.call import Call, Finished
from service.pipeline.translate import Translator
from service.types import DecodingOptions, EngineInput, Hypothesis
from tests.pipeline.rig import SENTENCES, Stand, stand

A, B, C = SENTENCES[0], SENTENCES[1], SENTENCES[3]
LOOP = "the state of the state of the state of"


def looping(at: Stand, until: int | None) -> Handler:
    """Writes a loop for B until its phrases of ``until`` pieces may not come back (None: whatever the rule)."""

    def generate(batch: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        (options,) = {item.options for item in batch}
        caught = until is None or options.no_repeat_ngram == 0 or options.no_repeat_ngram > until
        write = writing(lambda tokens: _written(at, tokens, options, caught=caught))
        return write(batch)

    return generate


def _written(at: Stand, tokens: tuple[str, ...], options: DecodingOptions, *, caught: bool) -> tuple[str, ...]:
    if at.tokenizer.decode(tokens) != B:
        return tokens
    return at.tokenizer.encode(LOOP if caught else f"rule {options.no_repeat_ngram}")[:-1]


@pytest.mark.parametrize(("until", "text", "decodings"), [(2, "rule 2", 2), (1, "rule 1", 3), (None, LOOP, 3)])
async def test_the_first_rule_that_helps_is_taken_and_no_other_sentence_is_decoded_again(
    pieces: Path, until: int | None, text: str, decodings: int
) -> None:
    told: list[Finished] = []
    async with stand(pieces) as at:
        at.engine.handler = looping(at, until)
        (found,) = await Translator(at.decoder).translate([f"{A} {B} {C}"], Call(finished=told.append))
        assert sorted(at.reached) == sorted([A, C, *[B] * decodings])
    assert found.text == f"{A} {text} {C}"
    assert [one.output for one in told] == [A, text, C]
    assert ("repetition" in {notice.code for notice in found.notices}) == (until is None)


async def test_the_second_time_all_of_it_comes_from_the_cache(pieces: Path) -> None:
    async with stand(pieces) as at:
        at.engine.handler = looping(at, 1)
        translator = Translator(at.decoder)
        (first,) = await translator.translate([f"{A} {B}"], Call())
        before = len(at.reached)
        (second,) = await translator.translate([f"{A} {B}"], Call())
        assert len(at.reached) == before
    assert (first.text, first.cached) == (second.text, 0)
    assert second.cached == 2


async def test_what_the_source_says_twice_may_be_said_twice(pieces: Path) -> None:
    twice = "Nie wieder, nie wieder rief die Menge auf dem Platz."
    async with stand(pieces) as at:
        (found,) = await Translator(at.decoder).translate([twice], Call())
        assert at.reached == [twice]
    assert found.text == twice
