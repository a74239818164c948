"""Tests of summaries: rewritten sentences that are accepted or rejected, and sentences too long for the model."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.cache.entries import tag_key
from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.domain import Hypothesis
from service.generation.call import Call
from service.generation.rules import load_rules
from service.registry.catalog import Catalog
from service.results import Method, Summary
from service.summarization.lengths import Length
from service.summarization.summarizer import Summarizer
from service.text.segmentation import segment
from tests.languages import DE
from tests.pipeline.rig import Stand, codes, stand

MODELS = Path(__file__).parents[2] / "models"
COUNCIL = "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu."
REWRITTEN = "Mit großer Mehrheit stimmte der Stadtrat am Dienstagabend dem Umbau des Hallenbads zu."
OTHERS = (
    "Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus.",
    "Im vergangenen Jahr kamen rund 90.000 Gäste.",
    "Das undichte Dach aus dem Jahr 1974 lässt viel Wärme entweichen.",
)
TEXT = " ".join((COUNCIL, *OTHERS))
FOUR = Length(max_sentences=4)
REFUSED = ""


async def summarise(at: Stand, *texts: str, length: Length = FOUR, method: Method = "abstractive") -> list[Summary]:
    return await at.summarizer().summarise(texts, length, method, Call())


async def test_rejected_rewriting_keeps_the_source_sentence(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other=REFUSED)
        (found,) = await summarise(at, TEXT)
    verbatim = [sentence for sentence in found.sentences if sentence.verbatim]
    assert REWRITTEN in [sentence.text for sentence in found.sentences]
    assert found.method == "abstractive"
    assert verbatim
    assert all(sentence.text in OTHERS for sentence in verbatim)
    assert not any(notice.review for notice in found.notices)


LONGER = f"{TEXT} Der Verein der Schwimmer hofft auf wärmeres Wasser. Über den Preis wird im Herbst entschieden."


async def test_source_sentences_fill_remaining_room(pieces: Path) -> None:
    length = Length(max_words=26)
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: "Der Stadtrat stimmte dem Umbau zu."}, other="Der Stadtrat stimmte dem Umbau zu.")
        (found,) = await summarise(at, LONGER, length=length)
        asked = len(at.reached)
        (again,) = await summarise(at, LONGER, length=length)
    texts = [sentence.text for sentence in found.sentences]
    assert asked == length.expected_sentences()
    assert len(texts) > asked
    assert length.fits(texts)
    assert all(sentence.verbatim for sentence in found.sentences if sentence.text in LONGER)
    assert again.cached


async def test_rules_reword_sentences_once() -> None:
    rules = load_rules(Catalog(MODELS).entry("rules-sum-de"))
    cache = Cache(Memory(max_bytes=2**20, ttl_s=3_600))
    summarizer = Summarizer(rules, cache, None)
    (found,) = await summarizer.summarise([TEXT], FOUR, "abstractive", Call())
    (again,) = await summarizer.summarise([TEXT], FOUR, "abstractive", Call())
    assert not found.truncated
    assert not found.cached
    assert again == replace(found, cached=True)
    await cache.purge([tag_key("text", TEXT, None)])
    (purged,) = await summarizer.summarise([TEXT], FOUR, "abstractive", Call())
    assert not purged.cached
    assert "Im letzten Jahr sind etwa 90.000 Gäste gekommen." in [one.text for one in found.sentences]
    assert [one.verbatim for one in found.sentences if one.text in TEXT] == [True] * sum(
        one.text in TEXT for one in found.sentences
    )


async def test_summary_of_verbatim_sentences_is_extractive(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({}, other=REFUSED)
        (found,) = await summarise(at, TEXT)
    assert found.method == "extractive"
    assert "method_changed" in codes(found)
    assert all(sentence.text in (COUNCIL, *OTHERS) for sentence in found.sentences)


async def test_invented_content_is_rejected(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        # The model may use source pieces in any order, but "Stadt" is not a word in the sources.
        at.answer({COUNCIL: REWRITTEN.replace("Stadtrat", "Stadt")}, other=REFUSED)
        (found,) = await summarise(at, COUNCIL)
    assert found.text == COUNCIL
    assert codes(found)[:1] == ["method_changed"]


async def test_truncated_rewriting_is_rejected(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: f"{REWRITTEN} " * 40})
        (found,) = await summarise(at, COUNCIL)
    assert found.text == COUNCIL


async def test_first_acceptable_hypothesis_is_used(pieces: Path) -> None:
    async with stand(pieces, "summary", hypotheses=2) as at:
        at.answer({COUNCIL: REWRITTEN})
        (found,) = await summarise(at, COUNCIL)
        (item,) = at.engine.calls[-1]
        assert item.options.hypotheses == 2
    assert found.text == REWRITTEN


async def test_rewriting_uses_only_source_pieces_and_function_words(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        await summarise(at, COUNCIL)
        (item,) = at.engine.calls[-1]
        allowed = item.options.allowed
        assert allowed is not None
        assert at.tokenizer.pieces(COUNCIL) <= allowed
        single = [found for word in ("der", "die", "in", "und") if len(found := at.tokenizer.pieces(word)) == 1]
        assert single
        assert all(found <= allowed for found in single)
        assert not at.tokenizer.pieces("Quarz") <= allowed


async def test_unrestricted_model_is_checked_as_strictly(
    pieces: Path,
) -> None:
    async with stand(pieces, "summary", hypotheses=2, acceptance={"source_pieces_only": False}) as at:
        at.answer({COUNCIL: REWRITTEN.replace("Dienstagabend", "Mittwochabend")})
        (refused,) = await summarise(at, COUNCIL)
        (item,) = at.engine.calls[-1]
        at.answer({OTHERS[1]: "Rund 80.000 Gäste kamen im vergangenen Jahr."})
        (counted,) = await summarise(at, OTHERS[1])
    assert item.options.allowed is None
    assert refused.text == COUNCIL
    assert counted.text == OTHERS[1]
    assert codes(refused)[:1] == codes(counted)[:1] == ["method_changed"]


async def test_next_hypothesis_replaces_an_invention(pieces: Path) -> None:
    async with stand(pieces, "summary", hypotheses=2, acceptance={"source_pieces_only": False}) as at:
        invented = REWRITTEN.replace("Mehrheit", "Freude")
        beam = [Hypothesis(at.tokenizer.encode(text)[:-1], -0.1, "eos") for text in (invented, REWRITTEN)]
        at.engine.handler = lambda items: [beam for _ in items]
        (found,) = await summarise(at, COUNCIL)
    assert found.text == REWRITTEN
    assert found.method == "abstractive"


async def test_too_long_sentence_stays_unchanged_with_notice(pieces: Path) -> None:
    async with stand(pieces, "summary", max_source_tokens=12) as at:
        (found,) = await summarise(at, COUNCIL)
        assert at.reached == []
    assert found.truncated
    assert found.text == COUNCIL
    assert [n.code for n in found.notices if n.span is not None] == ["truncated"]


async def test_support_spans_are_sentences_of_the_text(pieces: Path) -> None:
    text = f"  {COUNCIL}\n\n" + "\n\n".join(OTHERS)
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other=REFUSED)
        (found,) = await summarise(at, text)
    spans = [span for sentence in found.sentences for span in sentence.support]
    assert set(spans) <= set(segment(text, DE).sentences)
    (rewritten,) = [sentence for sentence in found.sentences if sentence.text == REWRITTEN]
    assert COUNCIL in [span.of(text) for span in rewritten.support]


@pytest.mark.parametrize("method", ["abstractive", "extractive", "lead"])
async def test_summaries_keep_the_order_of_texts(pieces: Path, method: Method) -> None:
    texts = (OTHERS[1], "", COUNCIL, OTHERS[0])
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other=REFUSED)
        together = await summarise(at, *texts, method=method)
        alone = [(await summarise(at, text, method=method))[0] for text in texts]
    assert [found.text for found in together] == [found.text for found in alone]
    assert [found.sentences for found in together] == [found.sentences for found in alone]


@pytest.mark.parametrize("method", ["abstractive", "extractive", "lead"])
@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "12:30"])
async def test_text_without_words_has_empty_summary_with_notice(pieces: Path, text: str, method: Method) -> None:
    async with stand(pieces, "summary") as at:
        (found,) = await summarise(at, text, method=method)
        assert at.reached == []
    assert (found.text, found.sentences, codes(found)) == ("", (), ["nothing_to_summarise"])


async def test_second_summary_is_cached(pieces: Path) -> None:
    async with stand(pieces, "summary") as at:
        at.answer({COUNCIL: REWRITTEN}, other=REFUSED)
        (first,) = await summarise(at, TEXT)
        before = len(at.reached)
        (second,) = await summarise(at, TEXT)
        assert len(at.reached) == before
    assert (first.cached, second.cached) == (False, True)
    assert second.text == first.text


@pytest.mark.parametrize("method", ["abstractive", "extractive", "lead"])
async def test_subheadings_datelines_and_list_marks_never_enter_and_no_sentence_is_said_twice(
    pieces: Path, method: Method
) -> None:
    text = f"Berlin.\n\n- {COUNCIL}\n\nSchulden steigen weiter\n\n{OTHERS[0]}\n\n{COUNCIL}\n\n• {OTHERS[1]}"
    async with stand(pieces, "summary") as at:
        at.answer({}, other=REFUSED)
        (found,) = await summarise(at, text, method=method)
    assert [sentence.text for sentence in found.sentences] == [COUNCIL, OTHERS[0], OTHERS[1]]
    assert [span.of(text) for sentence in found.sentences for span in sentence.support] == [COUNCIL, *OTHERS[:2]]


async def test_broken_sentence_and_lost_reference_are_for_review(pieces: Path) -> None:
    text = "Der Rat der Stadt tagte am Montag und am Dienstag sehr lange. Er lehnte den Antrag am Ende ab."
    async with stand(pieces, "summary") as at:
        (broken,) = await summarise(at, "Der Stadtrat stimmte dem Umbau zu..", method="extractive")
        (lost,) = await summarise(at, text, length=Length(max_words=9), method="extractive")
        (kept,) = await summarise(at, text, method="lead")
    assert [(one.code, one.review) for one in broken.notices] == [("sentence_broken", True)]
    assert codes(kept) == []
    assert lost.text == "Er lehnte den Antrag am Ende ab."
    assert [(one.code, one.review) for one in lost.notices] == [("reference_lost", True)]
