"""Tests that repetitions in a model's output are removed from the response, even with terms or HTML in the request."""

from collections.abc import Sequence
from typing import Any

import pytest

from service.domain import Attention, EngineInput, Hypothesis, Tokens
from service.generation.engines.tokenizers import EOS, Tokenizer
from tests.api.both import Both, both

SOURCE = "Der Stadtrat tagt heute."
# Pairs of an output word and the index of its source word.
WRITTEN = [("The", 0), ("council", 1), ("the", 0), ("council", 1), ("meets", 2), ("today.", 3)]


class RepeatingModel:
    """A handler of a fake engine that outputs the words `WRITTEN` for every source.

    The words are split into the pieces of a real tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [[self._written(item)] for item in items]

    def _written(self, item: EngineInput) -> Hypothesis:
        tokens: list[str] = []
        rows: list[list[float]] = []
        for word, place in WRITTEN:
            pieces = self._tokenizer._pieces.encode_target(word)
            tokens += pieces
            rows += [_look(item.tokens, place)] * len(pieces)
        return Hypothesis(tuple(tokens), -0.1, "eos", Attention.of(rows) if item.options.alignment else None)


def _look(source: Tokens, place: int) -> list[float]:
    """Return an attention weight for each piece in ``source``.

    The pieces of the word with index ``place`` have equal weights, and all other pieces have the weight 0.
    """
    word = -1
    weights = []
    for piece in source:
        word += piece.startswith("▁")
        weights.append(float(word == place and piece != EOS))
    return [weight / sum(weights) for weight in weights]


async def translated(ports: Both, **fields: Any) -> dict[str, Any]:
    """Return the translation of `SOURCE` in the response of ``/v1/translate``.

    ``fields`` are further fields of the request.
    """
    tokenizer = ports.translator.tokenizer
    assert len(tokenizer.encode(SOURCE)) > len(SOURCE.split()) + 1  # some words have several pieces
    ports.handle(RepeatingModel(tokenizer))
    answer = await ports.main.post("/v1/translate", json={"text": SOURCE, **fields})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["translations"]
    return dict(found)


def removed(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["warnings"] if one["code"] == "repetition_removed"]


async def test_repetition_is_removed_with_span(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, engine_replicas=1) as ports:
        found = await translated(ports)
    assert found["text"] == "The council meets today."
    (warning,) = removed(found)
    assert (warning["target_span"], warning["review"]) == ([0, len("The council")], False)


async def test_repeated_term_is_placed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, engine_replicas=1) as ports:
        found = await translated(ports, glossary={"Stadtrat": "city assembly"})
    assert found["text"] == "The city assembly meets today."
    assert (found["terms"]["applied"], found["terms"]["missing"]) == (1, 0)
    (warning,) = removed(found)
    assert warning["target_span"] == [0, len(found["text"])]  # the span refers to the text after terms were placed


@pytest.mark.parametrize(
    ("glossary", "name"), [({}, "council"), ({"Stadtrat": "city assembly"}, "city assembly")], ids=["plain", "term"]
)
async def test_markup_is_kept_once(monkeypatch: pytest.MonkeyPatch, glossary: dict[str, str], name: str) -> None:
    html = "<p>Der <b>Stadtrat</b> tagt heute.</p>"
    async with both(monkeypatch, engine_replicas=1) as ports:
        found = await translated(ports, text=html, format="html", glossary=glossary)
    assert found["text"] == f"<p>The <b>{name}</b> meets today.</p>"
    assert len(removed(found)) == 1
