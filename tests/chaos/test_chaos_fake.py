"""Tests that the fake engine behaves as the engine interface requires."""

import time

import pytest

from service.domain import Attention, DecodingOptions, EngineInput, Tokens
from service.generation.engines.base import Engine
from tests.batching.rig import item, written
from tests.fake_engine import END_OF_SENTENCE, FakeEngine, Gate, losing_one, raising, taking, writing


def test_fake_engine_is_an_engine() -> None:
    engine: Engine = FakeEngine()
    engine.close()
    assert engine.name == "fake"


def test_end_of_sentence_is_not_written() -> None:
    (hypotheses,) = FakeEngine().generate([item(f"ein Wort {END_OF_SENTENCE}")])
    assert (hypotheses[0].tokens, hypotheses[0].finish_reason) == (("WORT", "EIN"), "eos")


def test_hypothesis_at_its_limit_ends_by_length() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b c", max_output_tokens=2)])
    assert (hypotheses[0].tokens, hypotheses[0].finish_reason) == (("C", "B"), "length")


def test_hypotheses_are_distinct_and_best_first() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b", hypotheses=3)])
    scores = [one.score for one in hypotheses if one.score is not None]
    assert len({one.tokens for one in hypotheses}) == 3
    assert len(scores) == len(hypotheses)
    assert scores == sorted(scores, reverse=True)


def test_only_allowed_tokens_are_written() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b c", allowed=frozenset({"A", "C"}))])
    assert hypotheses[0].tokens == ("C", "A")


def test_alignment_is_target_by_source() -> None:
    (hypotheses,) = FakeEngine().generate([item(f"a b {END_OF_SENTENCE}", alignment=True)])
    assert hypotheses[0].alignment == Attention.of([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def test_empty_source_has_empty_output() -> None:
    (hypotheses,) = FakeEngine().generate([EngineInput((), DecodingOptions(alignment=True))])
    assert (hypotheses[0].tokens, hypotheses[0].alignment) == ((), Attention(0, b""))


def test_writer_decides_the_output() -> None:
    def translate(tokens: Tokens) -> Tokens:
        return tuple({"Katze": "cat"}.get(token, token) for token in tokens)

    (hypotheses,) = FakeEngine(writing(translate)).generate([item("die Katze")])
    assert written(hypotheses) == "die cat"


def test_calls_are_recorded_even_when_they_raise() -> None:
    engine = FakeEngine(raising(ValueError("no"), when=lambda one: one.tokens == ("bad",)))
    engine.generate([item("a b"), item("c")])
    with pytest.raises(ValueError, match="no"):
        engine.generate([item("bad")])
    assert (len(engine.calls), engine.items, engine.source_tokens) == (2, 3, 4)


def test_losing_one_omits_a_result() -> None:
    assert len(FakeEngine(losing_one).generate([item("a"), item("b")])) == 1


def test_taking_delays_the_answer() -> None:
    started_s = time.monotonic()
    assert written(FakeEngine(taking(0.01)).generate([item("a")])[0]) == "A"
    assert time.monotonic() - started_s >= 0.01


def test_released_gate_lets_calls_through() -> None:
    gate = Gate()
    gate.release()
    assert written(FakeEngine(gate).generate([item("a")])[0]) == "A"
    assert gate.entered.is_set()
