"""The fake engine: it keeps the Protocol, so that what passes on it means something."""

import time

import pytest

from service.domain import Attention, DecodingOptions, EngineInput, Tokens
from service.generation.engines.base import Engine
from service.generation.engines.fake import END_OF_SENTENCE, FakeEngine, Gate, losing_one, raising, taking, writing
from tests.batching.rig import item, written


def test_it_is_an_engine() -> None:
    engine: Engine = FakeEngine()
    engine.close()
    assert engine.name == "fake"


def test_the_end_of_sentence_is_read_and_not_written() -> None:
    (hypotheses,) = FakeEngine().generate([item(f"ein Wort {END_OF_SENTENCE}")])
    assert (hypotheses[0].tokens, hypotheses[0].finish_reason) == (("WORT", "EIN"), "eos")


def test_a_hypothesis_at_its_limit_says_so() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b c", max_output_tokens=2)])
    assert (hypotheses[0].tokens, hypotheses[0].finish_reason) == (("C", "B"), "length")


def test_hypotheses_are_as_many_as_asked_different_and_best_first() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b", hypotheses=3)])
    scores = [one.score for one in hypotheses if one.score is not None]
    assert len({one.tokens for one in hypotheses}) == 3
    assert len(scores) == len(hypotheses)
    assert scores == sorted(scores, reverse=True)


def test_only_allowed_tokens_are_written() -> None:
    (hypotheses,) = FakeEngine().generate([item("a b c", allowed=frozenset({"A", "C"}))])
    assert hypotheses[0].tokens == ("C", "A")


def test_an_alignment_has_a_row_a_target_token_and_a_weight_a_source_token() -> None:
    (hypotheses,) = FakeEngine().generate([item(f"a b {END_OF_SENTENCE}", alignment=True)])
    assert hypotheses[0].alignment == Attention.of([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def test_an_empty_source_has_an_empty_output() -> None:
    (hypotheses,) = FakeEngine().generate([EngineInput((), DecodingOptions(alignment=True))])
    assert (hypotheses[0].tokens, hypotheses[0].alignment) == ((), Attention(0, b""))


def test_it_writes_what_it_is_told() -> None:
    def translate(tokens: Tokens) -> Tokens:
        return tuple({"Katze": "cat"}.get(token, token) for token in tokens)

    (hypotheses,) = FakeEngine(writing(translate)).generate([item("die Katze")])
    assert written(hypotheses) == "die cat"


def test_calls_are_written_down_also_those_that_raise() -> None:
    engine = FakeEngine(raising(ValueError("no"), when=lambda one: one.tokens == ("bad",)))
    engine.generate([item("a b"), item("c")])
    with pytest.raises(ValueError, match="no"):
        engine.generate([item("bad")])
    assert (len(engine.calls), engine.items, engine.source_tokens) == (2, 3, 4)


def test_losing_one_gives_one_result_too_few() -> None:
    assert len(FakeEngine(losing_one).generate([item("a"), item("b")])) == 1


def test_a_slow_engine_takes_its_time_and_answers() -> None:
    started_s = time.monotonic()
    assert written(FakeEngine(taking(0.01)).generate([item("a")])[0]) == "A"
    assert time.monotonic() - started_s >= 0.01


def test_a_released_gate_lets_calls_through() -> None:
    gate = Gate()
    gate.release()
    assert written(FakeEngine(gate).generate([item("a")])[0]) == "A"
    assert gate.entered.is_set()
