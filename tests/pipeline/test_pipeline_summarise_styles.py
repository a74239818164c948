"""Tests of how the pipeline generates summaries in each style, and variants of a summary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.domain import EngineInput, Hypothesis
from service.generation.call import Call
from service.results import Method, Style, Summary
from service.summarization.lengths import Length
from service.summarization.styles import length_of
from tests.fake_engine import Handler
from tests.pipeline.rig import Stand, codes, stand

COUNCIL = "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu."
REWRITTEN = "Mit großer Mehrheit stimmte der Stadtrat am Dienstagabend dem Umbau des Hallenbads zu."
SHORTER = "Der Stadtrat stimmte dem Umbau des Hallenbads zu."
OTHERS = (
    "Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus.",
    "Im vergangenen Jahr kamen rund 90.000 Gäste.",
    "Das undichte Dach aus dem Jahr 1974 lässt viel Wärme entweichen.",
)
TEXT = " ".join((COUNCIL, *OTHERS))
METHODS: tuple[Method, ...] = ("abstractive", "extractive", "lead")


async def summarise(
    at: Stand,
    *texts: str,
    method: Method = "abstractive",
    style: Style = "abstract",
    length: Length | None = None,
    **wanted: Any,
) -> list[Summary]:
    whole = length_of(style) if length is None else length
    return await at.summarizer().summarise(texts, whole, method, Call(), style=style, **wanted)


def offering(at: Stand, answers: Mapping[str, Sequence[str]]) -> Handler:
    """Return a handler that returns the hypotheses ``answers[key]`` for the first key that the source contains.

    If the source contains none of the keys, the output is empty.
    """

    def written(item: EngineInput) -> list[Hypothesis]:
        source = at.tokenizer.decode(item.tokens)
        texts = next((answers[key] for key in answers if key in source), [""])
        return [Hypothesis(at.tokenizer.encode(text)[:-1], -0.1, "eos") for text in texts]

    return lambda items: [written(item) for item in items]


async def test_work_of_all_variants_is_admitted_together(pieces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(pieces, "summary", hypotheses=2) as at:
        at.engine.handler = offering(at, {COUNCIL: (REWRITTEN, SHORTER)})
        admitted: list[int] = []
        submit = at.batcher.submit_many

        def counted(items: Sequence[EngineInput], **how: Any) -> Any:
            admitted.append(len(items))
            return submit(items, **how)

        monkeypatch.setattr(at.batcher, "submit_many", counted)
        first, second = await summarise(at, COUNCIL, TEXT, length=Length(max_sentences=1), variants=3)
        assert admitted == [len(at.reached)]
        assert len(set(at.reached)) == len(at.reached)
    assert [one.text for one in (first, *first.variants)] == [REWRITTEN, SHORTER, COUNCIL]
    assert len({one.text for one in (second, *second.variants)}) == 3


async def test_missing_variants_are_reported(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN})
        (found,) = await summarise(at, COUNCIL, length=Length(max_sentences=1), variants=5)
    assert [variant.text for variant in found.variants] == [COUNCIL]
    assert codes(found) == ["variants_fewer"]
    assert codes(found.variants[0]) == ["method_changed"]


@pytest.mark.parametrize("method", METHODS)
async def test_first_variant_equals_the_single_summary(pieces: Path, method: Method) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other="")
        (one,) = await summarise(at, TEXT, method=method, length=Length(max_sentences=2))
        (several,) = await summarise(at, TEXT, method=method, length=Length(max_sentences=2), variants=3)
    assert one.variants == ()
    assert (several.text, several.sentences) == (one.text, one.sentences)


async def test_lead_has_one_variant(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        (found,) = await summarise(at, TEXT, method="lead", length=Length(max_sentences=1), variants=2)
    assert (found.text, found.variants, codes(found)) == (COUNCIL, (), ["variants_fewer"])


async def test_rewriting_that_repeats_the_headline_is_rejected(pieces: Path) -> None:
    headline = "Der Stadtrat stimmte dem Umbau des Hallenbads zu"
    async with stand(pieces, "summary", hypotheses=2) as at:
        at.engine.handler = offering(at, {OTHERS[0]: (SHORTER, OTHERS[0])})
        (found,) = await summarise(at, f"{SHORTER} {OTHERS[0]}", style="teaser", headline=headline, variants=5)
    assert [one.text for one in (found, *found.variants)] == [OTHERS[0]]


@pytest.mark.parametrize("style", ["abstract", "teaser", "bullets", "seo"])
@pytest.mark.parametrize("method", METHODS)
async def test_summary_does_not_repeat_the_headline(pieces: Path, method: Method, style: Style) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({}, other="")
        (found,) = await summarise(at, TEXT, method=method, style=style, headline=COUNCIL.removesuffix("."))
    assert found.sentences
    assert COUNCIL not in found.text


@pytest.mark.parametrize("method", METHODS)
async def test_text_that_only_repeats_headline_has_empty_summary_with_notice(pieces: Path, method: Method) -> None:
    async with stand(pieces, "summary") as at:
        (found,) = await summarise(at, COUNCIL, method=method, style="teaser", headline=COUNCIL, variants=2)
        assert at.reached == []
    assert (found.text, codes(found)) == ("", ["nothing_to_summarise"])


async def test_bullets_follow_text_order(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other="")
        (found,) = await summarise(at, TEXT, style="bullets")
    assert found.text.splitlines() == [f"• {sentence.text}" for sentence in found.sentences]
    places = [sentence.support[0].start for sentence in found.sentences]
    assert places == sorted(places)
    assert 3 <= len(places) <= 5


async def test_missing_bullets_are_reported(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        (found,) = await summarise(at, COUNCIL, style="bullets", method="extractive")
    assert found.text == f"• {COUNCIL}"
    assert codes(found) == ["shorter_than_asked"]


async def test_fitting_source_sentence_replaces_too_long_rewritings(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other="")
        (found,) = await summarise(at, TEXT, length=Length(max_chars=50), style="seo")
    assert found.text == OTHERS[1]
    assert found.method == "extractive"
    assert "method_changed" in codes(found)


@pytest.mark.parametrize("method", METHODS)
async def test_summary_is_empty_if_no_sentence_fits(pieces: Path, method: Method) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({}, other="")
        (found,) = await summarise(at, TEXT, method=method, length=Length(max_chars=30), style="seo", variants=2)
    assert (found.text, found.method, codes(found)) == ("", method, ["length_unreachable"])
