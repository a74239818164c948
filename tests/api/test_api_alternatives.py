"""Tests of alternatives: other translations of each sentence, with their scores and warnings."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.domain import EngineInput, Hypothesis
from service.generation.engines.tokenizers import Tokenizer
from service.translation.preparation import MAX_WITH_ALTERNATIVES
from tests.api.both import Both, both

SOURCE = "Der Rat zahlt 12 Euro."
OUTPUTS = ("The council pays 12 euros.", "The council pays 13 euros.", "The council pays 12 euros.")


class Beam:
    """A handler of a fake engine that outputs as many of `OUTPUTS` as an item requests, with decreasing scores."""

    def __init__(self, tokenizer: Tokenizer, outputs: Sequence[str] = OUTPUTS) -> None:
        self._outputs = [tuple(tokenizer._pieces.encode_target(one)) for one in outputs]
        self.items: list[EngineInput] = []

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        self.items += items
        return [
            [Hypothesis(one, -0.25 * rank, "eos") for rank, one in enumerate(self._outputs[: item.options.hypotheses])]
            for item in items
        ]


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch) as found:
        yield found


async def post(ports: Both, **fields: Any) -> Any:
    answer = await ports.main.post("/v1/translate", json={"text": SOURCE, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_alternative_has_its_score_and_warnings(ports: Both) -> None:
    ports.handle(beam := Beam(ports.translator.tokenizer))
    (found,) = (await post(ports, alternatives=2))["translations"]
    (sentence,) = found["sentences"]
    assert found["text"] == OUTPUTS[0]
    assert [(one["text"], one["score"]) for one in sentence["alternatives"]] == [(OUTPUTS[0], 0.0), (OUTPUTS[1], -0.25)]
    right, wrong = sentence["alternatives"]
    assert right["warnings"] == []
    (unsupported,) = [one for one in wrong["warnings"] if one["code"] == "number_unsupported"]
    assert OUTPUTS[1][slice(*unsupported["target_span"])] == "13"
    assert [SOURCE[slice(*one["span"])] for one in wrong["warnings"] if one["code"] == "number_missing"] == ["12"]
    assert [item.options.hypotheses for item in beam.items][-1] == 2
    assert beam.items[-1].options.beam_size >= 2


async def test_equal_translations_are_listed_once_and_reported(ports: Both) -> None:
    ports.handle(Beam(ports.translator.tokenizer))
    (found,) = (await post(ports, alternatives=3))["translations"]
    assert [one["text"] for one in found["sentences"][0]["alternatives"]] == list(OUTPUTS[:2])
    (fewer,) = [one for one in found["warnings"] if one["code"] == "alternatives_fewer"]
    assert (fewer["review"], fewer["span"]) == (False, [0, len(SOURCE)])
    assert "only 2 of 3" in fewer["message"]


async def test_no_search_without_the_field(ports: Both) -> None:
    ports.handle(beam := Beam(ports.translator.tokenizer))
    plain = await post(ports)
    assert plain["translations"][0]["sentences"][0]["alternatives"] is None
    assert len(beam.items) == 1
    assert plain["result_key"] != (await post(ports, alternatives=1))["result_key"]


async def test_corrected_sentence_has_alternatives_too(ports: Both) -> None:
    ports.handle(Beam(ports.translator.tokenizer))
    memory = [{"source": SOURCE, "target": "Twelve euros it is."}]
    (found,) = (await post(ports, alternatives=1, memory=memory))["translations"]
    assert found["text"] == "Twelve euros it is."
    assert [one["text"] for one in found["sentences"][0]["alternatives"]] == [OUTPUTS[0]]


async def test_alternatives_follow_the_house_style(ports: Both) -> None:
    ports.handle(Beam(ports.translator.tokenizer, ["The color costs 12 euros."]))
    (found,) = (await post(ports, alternatives=1, house_style={"spelling": "british"}))["translations"]
    assert found["sentences"][0]["alternatives"][0]["text"] == found["text"] == "The colour costs 12 euros."


async def test_alternatives_of_html_and_lists_are_in_their_sentences(ports: Both) -> None:
    texts = [f"<p>{SOURCE}</p><p>1.2</p>", "<p>Es <b>regnet</b>.</p>"]
    found = (await post(ports, text=texts, format="html", alternatives=2))["translations"]
    counts = [[len(one["alternatives"]) for one in translation["sentences"]] for translation in found]
    assert counts == [[2, 0], [2]]
    assert "<" not in found[1]["sentences"][0]["alternatives"][0]["text"]


@pytest.mark.parametrize(
    "text", [" ".join([SOURCE] * (MAX_WITH_ALTERNATIVES + 1)), [SOURCE] * (MAX_WITH_ALTERNATIVES + 1)]
)
async def test_too_many_sentences_are_refused_before_the_work(ports: Both, text: Any) -> None:
    before = ports.engines[0].items
    answer = await ports.main.post("/v1/translate", json={"text": text, "alternatives": 2})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["pointer"]) == (422, "too_many_sentences", "/alternatives")
    assert error["limit"] == MAX_WITH_ALTERNATIVES
    assert ports.engines[0].items == before


def test_real_engine_writes_alternatives_best_first(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": SOURCE, "alternatives": 4})
    (found,) = answer.json()["translations"]
    scores = [one["score"] for one in found["sentences"][0]["alternatives"]]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("number", [0, 6, "2", 1.5])
async def test_number_must_be_from_one_to_five(ports: Both, number: Any) -> None:
    answer = await ports.main.post("/v1/translate", json={"text": SOURCE, "alternatives": number})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/alternatives")


async def test_failed_search_fails_the_request(ports: Both) -> None:
    beam = Beam(ports.translator.tokenizer)

    def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        if any(item.options.hypotheses == 5 for item in items):
            raise RuntimeError("out of memory")
        return beam(items)

    ports.handle(handle)
    answer = await ports.main.post("/v1/translate", json={"text": SOURCE, "alternatives": 5})
    assert (answer.status_code, answer.json()["code"]) == (500, "engine_failed")
    assert (await ports.main.post("/v1/translate", json={"text": SOURCE})).status_code == 200
