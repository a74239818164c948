"""Tests of generators and aligners: outputs, length limits and word alignment."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Span
from service.errors import Draining, EngineError
from service.generation.aligners import AttentionAligner, ForcedAligner
from service.generation.base import FreeWords, GenerationOptions, Source, TextGenerator, TextHypothesis
from service.generation.engines.base import padded_length
from service.generation.local import padded
from service.registry.manifest import Prompts
from service.text.alignment import Alignment
from tests.batching.rig import held, turns
from tests.fake_engine import backwards, raising, writing
from tests.pipeline.rig import SENTENCES, stand

A, B = SENTENCES[:2]
WITH_ATTENTION = GenerationOptions(attention=True)


async def test_outputs_are_in_order_with_scores_and_without_attention(pieces: Path) -> None:
    async with stand(pieces, hypotheses=2) as at:
        generator: TextGenerator = at.generator
        found = await asyncio.gather(*generator.generate([Source(A), Source(B)]))
        assert generator.health == "ready"
    assert [one[0].text for one in found] == [A, B]
    assert all(len(one) == 2 and one[0].attention is None for one in found)
    assert found[0][0].score is not None


async def test_cancelled_future_cancels_only_its_source(pieces: Path) -> None:
    async with stand(pieces) as at:
        async with held(at.engine, at.batcher):
            first, second = at.generator.generate([Source(A), Source(B)])
            first.cancel()
            await turns()
            assert len(at.batcher.queue) == 1
        await second
        assert at.reached == [B]


async def test_engine_error_and_draining_reach_futures(pieces: Path) -> None:
    async with stand(pieces) as at:
        poison = at.tokenizer.encode(A)
        at.engine.handler = raising(RuntimeError("out of memory"), when=lambda item: item.tokens == poison)
        (failed,) = at.generator.generate([Source(A)])
        with pytest.raises(EngineError):
            await failed
        await at.generator.close(0.0)
        with pytest.raises(Draining):
            at.generator.generate([Source(A)])


async def test_outputs_use_only_source_pieces_and_free_words(pieces: Path) -> None:
    async with stand(pieces) as at:
        free = FreeWords(frozenset({"und", "Quarzuhr"}), ",")
        await asyncio.gather(*at.generator.generate([Source(A, GenerationOptions(source_only=free))]))
        ((item,),) = at.engines.batches()
        allowed = item.options.allowed
        assert allowed is not None
        wanted = at.tokenizer.pieces(A) | at.tokenizer.pieces(",")
        assert wanted <= allowed <= wanted | at.tokenizer.pieces("und")


async def test_fits_matches_the_token_limit(pieces: Path) -> None:
    async with stand(pieces, max_source_tokens=24) as at:
        for text in ("", "Ja.", A, f"{A} {B}", "ﷺ" * 8):
            assert at.generator.fits(text) == (len(at.tokenizer.encode(text)) <= 24)


def strongest(alignment: Alignment | None) -> list[Span]:
    """Return, for each output word, the span of the source piece with the highest weight."""
    assert alignment is not None
    return [alignment.source[row.index(max(row))] for row in alignment.weights]


async def test_own_attention_and_forced_decoding_align_equally(pieces: Path) -> None:
    async with stand(pieces, handler=writing(backwards)) as at:
        ((own, *_),) = await asyncio.gather(*at.generator.generate([Source(A, WITH_ATTENTION)]))
        assert own.attention is not None
        foreign = TextHypothesis(own.text, None, "eos")
        (read,) = await AttentionAligner().align([(A, own)])
        (forced,) = await ForcedAligner(at.generator).align([(A, foreign)])
        ((*_, item),) = at.engines.batches()[1:]
    assert item.target == at.tokenizer.encode_target(own.text)
    assert read is not None
    assert forced is not None
    assert forced.source == read.source
    assert forced.target == read.target


async def test_output_without_attention_or_too_long_has_no_alignment(pieces: Path) -> None:
    async with stand(pieces, max_source_tokens=24) as at:
        long = TextHypothesis(f"{A} {B}", None, "eos")
        short = TextHypothesis("Ja.", None, "eos")
        assert await AttentionAligner().align([(A, short)]) == [None]
        none, found, empty = await ForcedAligner(at.generator).align(
            [("Ja.", long), ("Ja.", short), ("Ja.", TextHypothesis("", None, "eos"))]
        )
    assert none is empty is None
    assert [span.of("Ja.") for span in strongest(found)]


@given(st.integers(1, 300))
def test_padded_prompts_have_equal_lengths_in_a_call(tokens: int) -> None:
    prompts = Prompts(task="english", marks={"english": "<unused0>"}, pad="<pad>")
    prompt = ("<bos>", *("ein",) * tokens, "<unused0>")
    made = padded(prompt, prompts)
    more = len(made) - len(prompt)
    assert made == ("<pad>",) * more + prompt
    assert len(made) == padded_length(len(made))
    assert padded(prompt, prompts.model_copy(update={"pad": ""})) == padded(prompt, None) == prompt
