"""Tests with two real servers: `transformers serve`, and llama-server with a language model of 270 million parameters.

Each sentence of a text must be translated or get a warning, even if the model writes nonsense.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.errors import EngineUnavailable
from service.events import AnswerInvalid, RemoteCalled
from service.generation.base import GenerationOptions, Source
from service.results import Translation
from tests.remote.real_servers import gemma, llama_server, transformers_serve, write_served_model
from tests.remote.rig import remote_stand

pytestmark = pytest.mark.slow
SENTENCES = (
    "Der Stadtrat von Jena hat am Mittwoch den Bau einer neuen Brücke beschlossen.",
    "Die Kosten schätzt die Verwaltung auf elf Millionen Euro.",
    "„Wir brauchen diese Brücke seit zwanzig Jahren“, sagte die Bürgermeisterin.",
    "Die Arbeiten sollen im Frühjahr beginnen.",
)
TEXT = " ".join(SENTENCES)
THOROUGH = Source(SENTENCES[1], options=GenerationOptions(thorough=True))


@dataclass(frozen=True)
class Served:
    """A running server: its base URL, and the name of the model on it."""

    url: str
    model: str


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run `transformers serve` with a model whose weights are random."""
    folder = tmp_path_factory.mktemp("transformers-serve")
    write_served_model(folder / "model")
    with transformers_serve(folder / "model", folder / "log") as url:
        yield Served(url, str(folder / "model"))


def reported(found: Translation) -> set[str]:
    """Return the source sentences that have a warning that needs a review."""
    spans = [notice.span for notice in found.notices if notice.review and notice.span is not None]
    return {pair.source.of(TEXT) for pair in found.sentences if any(_overlap(pair.source, span) for span in spans)}


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def unanswered(found: Translation) -> set[str]:
    """Return the source sentences without a usable answer."""
    return {n.span.of(TEXT) for n in found.notices if n.code == "answer_invalid" and n.span is not None}


async def test_a_random_model_answers_no_sentence_in_the_requested_form(tiny: Served) -> None:
    async with remote_stand(tiny.url, model=tiny.model, timeout_s=60.0) as stand:
        (found,) = await stand.translate(TEXT, within_s=300.0)
        calls = stand.of_type(RemoteCalled)
    assert unanswered(found) == set(SENTENCES)
    assert found.text == TEXT
    assert len(stand.of_type(AnswerInvalid)) == len(SENTENCES)
    assert [call.outcome for call in calls] == ["answered"] * 2 * len(SENTENCES)  # each with one reminder
    assert all(call.prompt_tokens > 0 and call.output_tokens > 0 for call in calls)


async def test_answers_of_a_random_model_in_any_form_are_reported(tiny: Served) -> None:
    async with remote_stand(tiny.url, name="hy-mt2-1.8b", model=tiny.model, timeout_s=60.0) as stand:
        (found,) = await stand.translate(TEXT, within_s=300.0)
    assert reported(found) | unanswered(found) == set(SENTENCES)


async def test_candidates_of_a_server_that_sends_only_one_are_reported(tiny: Served) -> None:
    async with remote_stand(tiny.url, thorough=True, model=tiny.model, timeout_s=60.0) as stand:
        (found,) = await stand.translate(SENTENCES[3], within_s=300.0)
    assert "answer_invalid" in {notice.code for notice in found.notices}


async def test_a_real_server_that_takes_too_long_is_unavailable(tiny: Served) -> None:
    async with remote_stand(tiny.url, model=tiny.model, timeout_s=0.05, start=False) as stand:
        with pytest.raises(EngineUnavailable):
            await stand.translate(TEXT, within_s=60.0)
        assert {call.outcome for call in stand.of_type(RemoteCalled)} == {"timeout"}


async def test_a_wrong_name_of_the_model_is_reported_for_each_sentence(tiny: Served) -> None:
    async with remote_stand(tiny.url, model="another", timeout_s=60.0) as stand:
        (found,) = await stand.translate(TEXT, within_s=300.0)
        outcomes = {call.outcome for call in stand.of_type(RemoteCalled)}
    assert unanswered(found) == set(SENTENCES)
    assert outcomes == {"refused"}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Served]:
    """Run llama-server with Gemma 3 270M, a base model that was not trained to follow instructions."""
    assert pytestconfig.cache is not None
    model = gemma(pytestconfig.cache.mkdir("gemma-gguf"))
    with llama_server(model, tmp_path_factory.mktemp("llama-server") / "log") as url:
        yield Served(url, "gemma-3-270m")


def options_of(llama: Served) -> dict[str, Any]:
    """Return the options of `remote_stand` for llama-server. A base model needs a stop sequence."""
    return {"model": llama.model, "body": {"stop": ["\n"]}, "timeout_s": 120.0, "concurrency": 2}


async def test_a_small_language_model_translates_or_reports_each_sentence(llama: Served) -> None:
    async with remote_stand(llama.url, **options_of(llama)) as stand:
        (found,) = await stand.translate(TEXT, within_s=600.0)
        calls = stand.of_type(RemoteCalled)
    assert len(found.sentences) == len(SENTENCES)
    answered = set(SENTENCES) - unanswered(found)
    assert answered
    assert not [sentence for sentence in answered if sentence in found.text and sentence not in reported(found)]
    assert all(call.outcome == "answered" and call.prompt_tokens > 0 for call in calls)


async def test_candidates_of_a_small_language_model_are_compared(llama: Served) -> None:
    async with remote_stand(llama.url, thorough=True, **options_of(llama)) as stand:
        (hypotheses,) = await asyncio.gather(*stand.generator.generate([THOROUGH]))
        (found,) = await stand.translate(SENTENCES[1], within_s=600.0)
    assert 1 <= len(hypotheses) <= 4
    assert all(one.finish_reason == "invalid" or (one.score or 0.0) < 0 for one in hypotheses)
    assert len(found.sentences) == 1
    assert found.text != SENTENCES[1] or unanswered(found)
