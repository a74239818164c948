"""Tests of summaries by a causal model: choice between candidates and unchanged sentences, order, and caching."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import ModelError
from service.generation.base import GivenOutput
from service.generation.call import Call
from service.registry.manifest import Prompts
from service.results import Method, Style, Summary
from service.summarization.guard import repeats_sentence
from service.summarization.lengths import Length
from service.summarization.styles import length_of
from service.summarization.summarizer import Summarizer
from tests.pipeline.causal import CausalStand, Script, causal_stand
from tests.pipeline.rig import codes

COUNCIL = "Der Stadtrat von Musterhausen stimmte am Dienstag mit großer Mehrheit dem Umbau des Hallenbads zu."
REWORDED = "Musterhausens Stadtrat hat am Dienstag den Umbau des Hallenbads gebilligt."
OTHERS = (
    "Die Schulen weichen während der Bauzeit in zwei Nachbarstädte aus.",
    "Im vergangenen Jahr kamen rund 90.000 Gäste.",
    "Das undichte Dach aus dem Jahr 1974 lässt viel Wärme entweichen.",
)
TEXT = " ".join((COUNCIL, *OTHERS))
FOUR = Length(max_sentences=4)


async def summarise(
    at: CausalStand, *texts: str, length: Length = FOUR, method: Method = "abstractive", style: Style = "abstract"
) -> list[Summary]:
    return await at.summarizer().summarise(texts, length, method, Call(), style=style)


def rewording(task: str, text: str) -> list[str]:
    return [REWORDED] if task == "reword" and text == COUNCIL else []


async def test_accepted_candidate_replaces_its_sentence(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(rewording)) as at:
        (found,) = await summarise(at, TEXT)
    assert [one.text for one in found.sentences] == [REWORDED, *OTHERS]
    assert [one.verbatim for one in found.sentences] == [False, True, True, True]
    assert found.sentences[0].support[0].of(TEXT) == COUNCIL
    assert found.method == "abstractive"
    assert codes(found) == []


async def test_unchanged_sentences_are_a_fact_without_alarm(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script()) as at:
        (found,) = await summarise(at, TEXT)
    assert all(one.verbatim for one in found.sentences)
    assert found.method == "extractive"
    assert [(one.code, one.review) for one in found.notices] == [("method_changed", False)]


async def test_cut_sentence_is_not_delivered(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(rewording, end=lambda _: -6.0)) as at:
        (found,) = await summarise(at, TEXT)
    assert found.sentences[0].text == COUNCIL


async def test_sentence_that_does_not_follow_is_not_delivered(tmp_path: Path) -> None:
    judged = []

    def follows(premise: str, hypothesis: str) -> float:
        judged.append((premise, hypothesis))
        return -1.0

    async with causal_stand(tmp_path, Script(rewording, follows=follows)) as at:
        (found,) = await summarise(at, TEXT)
    assert found.sentences[0].text == COUNCIL
    assert set(judged) == {(COUNCIL, REWORDED)}


async def test_sentence_that_met_its_limit_is_not_delivered(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(rewording, reason="length")) as at:
        (found,) = await summarise(at, TEXT)
    assert found.sentences[0].text == COUNCIL


async def test_best_candidate_of_all_tasks_is_delivered(tmp_path: Path) -> None:
    shorter = "Der Stadtrat stimmte dem Umbau zu."
    outputs = {"reword": [REWORDED], "shorten": [shorter]}
    for doubted, expected in ((REWORDED, shorter), (shorter, REWORDED)):
        folder = tmp_path / str(len(expected))
        folder.mkdir()
        script = Script(
            lambda task, text: outputs[task] if text == COUNCIL else [],
            follows=lambda _, text, doubted=doubted: 0.1 if text == doubted else 6.0,  # type: ignore[misc]
        )
        async with causal_stand(folder, script) as at:
            (found,) = await summarise(at, TEXT)
        assert found.sentences[0].text == expected


FIRST = "Der Minister kam am Montag zu Gesprächen über den Haushalt nach Berlin."
SECOND = "Er kündigte dort an, die Steuern für kleine Betriebe zu senken."
FUSED = "Der Minister kündigte am Montag in Berlin niedrigere Steuern für kleine Betriebe an."


async def test_sentences_of_a_group_are_fused_with_all_as_support(tmp_path: Path) -> None:
    script = Script(lambda task, text: [FUSED] if task == "fuse" and text == f"{FIRST} {SECOND}" else [])
    text = f"{FIRST} {SECOND}"
    async with causal_stand(tmp_path, script) as at:
        (found,) = await summarise(at, text, length=Length(max_sentences=1))
    assert found.text == FUSED
    assert [span.of(text) for span in found.sentences[0].support] == [FIRST, SECOND]


async def test_rewritten_sentence_that_repeats_another_is_not_delivered(tmp_path: Path) -> None:
    last = "Die Steuern für kleine Betriebe sollen nach seinen Worten niedriger werden."
    script = Script(lambda _, text: [FUSED] if text == FIRST else [])
    async with causal_stand(tmp_path, script) as at:
        (alone,) = await summarise(at, FIRST, length=Length(max_sentences=2))
        (found,) = await summarise(at, f"{FIRST} {last}", length=Length(max_sentences=2))
    assert [one.text for one in alone.sentences] == [FUSED]
    assert [one.text for one in found.sentences] == [FIRST, last]


async def test_candidates_are_cached_for_each_task(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(rewording)) as at:
        (first,) = await summarise(at, TEXT)
        asked = len(at.script.asked)
        (second,) = await summarise(at, TEXT)
        assert len(at.script.asked) == asked
        assert ("reword", COUNCIL) in at.script.asked
        assert ("shorten", COUNCIL) in at.script.asked
        assert len(set(at.script.asked)) == asked
    assert (first.cached, second.cached) == (False, True)
    assert second.text == first.text


async def test_group_too_long_for_the_model_is_reported(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(rewording), max_source_tokens=10) as at:
        (found,) = await summarise(at, COUNCIL)
        assert at.script.asked == []
    assert found.text == COUNCIL
    assert found.truncated
    assert "truncated" in codes(found)


@pytest.mark.parametrize("method", ["extractive", "lead"])
async def test_other_methods_need_no_model(tmp_path: Path, method: Method) -> None:
    async with causal_stand(tmp_path, Script(rewording)) as at:
        (found,) = await summarise(at, TEXT, method=method)
        assert at.script.asked == []
    assert found.method == method


@pytest.mark.parametrize("style", ["teaser", "bullets", "seo"])
async def test_styles_keep_their_limits(tmp_path: Path, style: Style) -> None:
    length = length_of(style)
    async with causal_stand(tmp_path, Script(rewording)) as at:
        (found,) = await summarise(at, f"{COUNCIL} {OTHERS[0]} {OTHERS[2]}", length=length, style=style)
    assert found.sentences
    assert length.fits([one.text for one in found.sentences])
    assert REWORDED in found.text


SOURCES = (COUNCIL, *OTHERS, FIRST, SECOND)
WRITTEN = [
    REWORDED,
    FUSED,
    "Im vergangenen Jahr besuchten rund 90.000 Gäste das Hallenbad.",
    "Im vergangenen Jahr kamen rund 80.000 Gäste in das Bad.",
    "Die Schulen müssen in zwei Nachbarstädte ausweichen.",
    "Das Dach von 1974 ist undicht und lässt Wärme entweichen.",
    "Der Stadtrat von Potsdam billigte den Umbau",
]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(SOURCES),
    st.lists(st.sampled_from(WRITTEN), max_size=3, unique=True),
    st.integers(1, 6),
    st.sets(st.sampled_from(WRITTEN)),
)
async def test_summaries_keep_order_and_deliver_nothing_that_fails_a_rule(
    tmp_path_factory: pytest.TempPathFactory, sources: list[str], outputs: list[str], most: int, doubted: set[str]
) -> None:
    script = Script(lambda *_: outputs, follows=lambda _, text: -1.0 if text in doubted else 4.0)
    text, length = " ".join(sources), Length(max_sentences=most)
    async with causal_stand(tmp_path_factory.mktemp("causal"), script) as at:
        (found,) = await summarise(at, text, length=length)
    assert length.fits([one.text for one in found.sentences])
    assert all(one.text in text for one in found.sentences if one.verbatim)
    rewritten = [one.text for one in found.sentences if not one.verbatim]
    assert set(rewritten) <= set(outputs) - doubted - {WRITTEN[3], WRITTEN[6]}
    for place, one in enumerate(found.sentences):
        for other in found.sentences[place + 1 :]:
            assert (one.verbatim and other.verbatim) or not repeats_sentence(one.text, other.text)
    quoted = [one.support[0].start for one in found.sentences if one.verbatim]
    assert quoted == sorted(quoted)


async def test_score_of_a_whole_output_counts_every_token(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script(end=lambda _: -1.5)) as at:
        outputs = [GivenOutput(("Ein Satz",), "nein", ended=False, total=total) for total in (False, True)]
        mean, total = await at.generator.log_probs(outputs)
        pieces = len(at.generator.tokenizer.encode_target("nein"))
    assert pieces > 1
    assert (mean, total) == (-1.5, -1.5 * pieces)


async def test_causal_model_needs_a_scorer_and_its_marks(tmp_path: Path) -> None:
    async with causal_stand(tmp_path, Script()) as at:
        with pytest.raises(ModelError, match="there is no scorer"):
            Summarizer(at.generator, at.cache, None)
        few = at.generator.manifest.model_copy(
            update={"prompts": Prompts(task="shorten", marks={"shorten": "<unused3>"})}
        )
        object.__setattr__(at.generator, "manifest", few)
        with pytest.raises(ModelError, match="lacks the marks entail, fuse, headline, reword, verdict"):
            at.summarizer()
