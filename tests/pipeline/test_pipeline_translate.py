"""Tests of translations: the sentences that reach the engine, and the notices for editors."""

from pathlib import Path

import pytest

from service.domain import Span
from service.generation.call import Call
from service.results import Translation
from service.text.segmentation import segment
from tests.languages import DE
from tests.pipeline.rig import SENTENCES, Stand, stand

A, B, C = SENTENCES[0], SENTENCES[1], SENTENCES[3]


async def translate(at: Stand, text: str) -> Translation:
    (found,) = await at.translator().translate([text], Call())
    return found


async def test_edit_retranslates_only_its_sentence(pieces: Path) -> None:
    sentences = [f"Der Zug Nummer {n} fährt heute nicht nach Hamburg." for n in range(40)]
    async with stand(pieces) as at:
        await translate(at, " ".join(sentences))
        before = len(at.reached)
        sentences[17] = "Der Zug Nummer 17 fährt heute doch nach Kiel."
        found = await translate(at, " ".join(sentences))
        assert before == 40
        assert at.reached[before:] == [sentences[17]]
        assert (found.cached, found.of) == (39, 40)


async def test_gaps_and_paragraphs_are_kept(pieces: Path) -> None:
    text = f"  {A}  {B}\n\n\t{C}\n"
    async with stand(pieces) as at:
        assert (await translate(at, text)).text == text


async def test_truncated_output_has_a_notice_at_its_place(pieces: Path) -> None:
    text = f"{A} {B}"
    async with stand(pieces) as at:
        at.answer({B: "immer weiter " * 200})
        found = await translate(at, text)
    assert found.truncated
    assert [notice.span for notice in found.notices if notice.code == "truncated"] == [Span(len(A) + 1, len(text))]


async def test_empty_output_has_a_notice_at_its_place(pieces: Path) -> None:
    async with stand(pieces) as at:
        at.answer({A: ""})
        found = await translate(at, f"{A} {B}")
    assert [notice.span for notice in found.notices if notice.code == "empty_output"] == [Span(0, len(A))]
    assert found.text == f" {B}"
    assert not found.truncated


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("12:30", "12:30"),
        ("+++", "+++"),
        ("24.12.2025, 18:00", "24 December 2025, 18:00"),
        ("4,5 %", "4.5 %"),
        ("😀 👍", "😀 👍"),
    ],
)
async def test_sentence_without_letters_skips_the_model(pieces: Path, line: str, written: str) -> None:
    text = f"{A}\n\n{line}\n\n{B}"
    async with stand(pieces) as at:
        at.answer({}, other="Done.")
        found = await translate(at, text)
        assert sorted(at.reached) == sorted([A, B])
    assert found.text == f"Done.\n\n{written}\n\nDone."
    assert found.of == 2


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x1f", "\x7f", "\x80", "\x9f"])
async def test_control_characters_between_sentences_are_removed(pieces: Path, character: str) -> None:
    text = f"{character} {A}\n{character}\n{B} {character}"
    async with stand(pieces) as at:
        found = await translate(at, text)
        assert sorted(at.reached) == sorted([A, B])
    assert character not in found.text
    assert [pair.source.of(text) for pair in found.sentences] == [A, B]
    assert [pair.target.of(found.text) for pair in found.sentences] == [A, B]
    assert len(found.text) == len(text)


async def test_too_long_sentence_is_split_with_notice(pieces: Path) -> None:
    long = "Die Stadt plant einen neuen Radweg, der Kreis plant eine neue Straße und das Land plant eine neue Brücke."
    text = f"{A} {long}"
    async with stand(pieces, max_source_tokens=40) as at:
        assert len(at.tokenizer.encode(A)) <= 40 < len(at.tokenizer.encode(long))
        found = await translate(at, text)
        assert all(len(item.tokens) <= 40 for batch in at.engines.batches() for item in batch)
    split = [notice.span for notice in found.notices if notice.code == "sentence_split"]
    assert [span and span.of(text) for span in split] == [long]
    parts = [pair.source.of(text) for pair in found.sentences[1:]]
    assert len(parts) > 1
    assert " ".join(parts) == long
    assert [pair.target.of(found.text) for pair in found.sentences] == [A, *parts]


async def test_texts_keep_order_and_blank_texts_stay(pieces: Path) -> None:
    texts = [B, "", A, " \n", f"{C} {A}"]
    async with stand(pieces) as at:
        found = await at.translator().translate(texts, Call())
    assert [one.text for one in found] == texts
    assert [one.of for one in found] == [1, 0, 1, 0, 2]


async def test_each_sentence_has_both_spans(pieces: Path) -> None:
    text = "\n\n".join(SENTENCES)
    async with stand(pieces) as at:
        found = await translate(at, text)
    assert [pair.source for pair in found.sentences] == list(segment(text, DE).sentences)
