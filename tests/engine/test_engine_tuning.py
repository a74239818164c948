"""Tests of the choice of the fastest parallel configuration, which is measured once and does not change outputs."""

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.domain import DecodingOptions, EngineInput
from service.generation.engines.base import Engine, ParallelConfig, layouts
from service.generation.engines.loading import OUTPUT_TOKENS, Probe, TunedConfig, TunedFactory, fastest, load_engine
from service.generation.engines.tokenizers import Tokenizer
from tests.engine.checkpoints import SENTENCES, Checkpoint, installed
from tests.fake_engine import FakeEngine, taking

ONE, TWO = ParallelConfig(1, 2), ParallelConfig(2, 1)
PROBE = Probe.of(((), ("Guten", "Morgen"), ("</s>",)), DecodingOptions(no_repeat_ngram=3))


class Fakes:
    """A factory of fake engines that records its engines.

    ``seconds`` gives the duration of a call for each configuration.
    """

    def __init__(self, seconds: dict[ParallelConfig, float]) -> None:
        self._seconds = seconds
        self.built: list[tuple[ParallelConfig, FakeEngine]] = []

    def __call__(self, layout: ParallelConfig) -> FakeEngine:
        engine = FakeEngine(taking(self._seconds[layout]))
        self.built.append((layout, engine))
        return engine

    @property
    def open(self) -> list[ParallelConfig]:
        return [layout for layout, engine in self.built if not engine.closed]


@pytest.mark.parametrize("fastest", [ONE, TWO])
def test_only_the_fastest_configuration_stays_loaded(fastest: ParallelConfig) -> None:
    load, heard = Fakes({layout: 0.001 if layout == fastest else 0.02 for layout in (ONE, TWO)}), list[TunedConfig]()
    TunedFactory(load, (ONE, TWO), PROBE, heard.append)()
    assert load.open == [fastest]
    (found,) = heard
    assert found.layout == fastest
    assert set(found.seconds) == {ONE, TWO}


@pytest.mark.parametrize(("one_s", "kept"), [(0.9, TWO), (0.7, ONE)])
def test_fewer_replicas_must_be_clearly_faster(one_s: float, kept: ParallelConfig) -> None:
    assert fastest({ONE: one_s, TWO: 1.0}) == kept


def test_rebuilt_engine_is_not_measured_again() -> None:
    load, heard = Fakes({ONE: 0.01, TWO: 0.001}), list[TunedConfig]()
    factory = TunedFactory(load, (ONE, TWO), PROBE, heard.append)
    factory()
    factory()
    layout, engine = load.built[-1]
    assert (layout, engine.calls, len(heard)) == (TWO, [], 1)


def test_single_configuration_is_not_measured() -> None:
    load, heard = Fakes({ONE: 0.0}), list[TunedConfig]()
    TunedFactory(load, (ONE,), PROBE, heard.append)()
    assert (load.built[0][1].calls, heard) == ([], [])


def test_probe_is_deterministic_with_limited_output() -> None:
    again = Probe.of(((), ("Guten", "Morgen"), ("</s>",)), DecodingOptions(no_repeat_ngram=3))
    assert again == PROBE
    assert {item.options.max_output_tokens for item in PROBE.items} == {OUTPUT_TOKENS}
    assert len({len(item.tokens) for item in PROBE.items}) > len(PROBE.items) // 2


def test_slow_engine_is_measured_once() -> None:
    engine = FakeEngine(taking(0.11))
    PROBE.seconds(engine)
    assert len(engine.calls) == 5


def test_configuration_slow_for_single_sentences_is_abandoned() -> None:
    engine = FakeEngine(taking(0.02))
    assert PROBE.seconds(engine, give_up_s=0.03) > 0.03
    assert len(engine.calls) == 2


@pytest.mark.parametrize(
    ("cores", "replicas", "expected"),
    [
        (1, 0, [(1, 1)]),
        (2, 0, [(2, 1), (1, 2)]),
        (8, 0, [(8, 1), (4, 2), (1, 8)]),
        (8, 2, [(2, 4)]),
        (2, 4, [(4, 1)]),
    ],
)
def test_configurations_use_all_cores(cores: int, replicas: int, expected: list[tuple[int, int]]) -> None:
    assert [(layout.replicas, layout.threads) for layout in layouts(cores, replicas)] == expected


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses for Marian tokenizers
        return installed("marian", tmp_path_factory.mktemp("tuning"))


@pytest.fixture(params=[1, 3])
def engine(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Iterator[Engine]:
    loaded = load_engine(
        checkpoint.manifest, checkpoint.folder, "ctranslate2", device="cpu", threads=1, replicas=request.param
    )
    yield loaded
    loaded.close()


def items(folder: Path, checkpoint: Checkpoint, *limits: int) -> list[EngineInput]:
    tokenizer = Tokenizer(checkpoint.manifest, folder)
    return [
        EngineInput(tokenizer.encode(sentence), DecodingOptions(max_output_tokens=limits[n % len(limits)]))
        for n, sentence in enumerate(SENTENCES)
    ]


@pytest.mark.parametrize("limits", [(24,), (3, 24, 12)])
def test_output_does_not_depend_on_replicas_or_neighbours(
    engine: Engine, checkpoint: Checkpoint, limits: tuple[int, ...]
) -> None:
    given = items(checkpoint.folder, checkpoint, *limits)
    alone = [engine.generate([item])[0] for item in given]
    for one, other in zip(engine.generate(given), alone, strict=True):
        assert (one[0].tokens, one[0].finish_reason) == (other[0].tokens, other[0].finish_reason)
        assert one[0].score == pytest.approx(other[0].score, abs=1e-3)


def test_concurrent_calls_get_their_own_results(engine: Engine, checkpoint: Checkpoint) -> None:
    given = items(checkpoint.folder, checkpoint, 12)
    calls = [given[n::5] for n in range(5)]
    with ThreadPoolExecutor(engine.replicas + engine.ahead) as pool:
        together = list(pool.map(engine.generate, calls))
    for call, found in zip(calls, together, strict=True):
        assert [h[0].tokens for h in found] == [h[0].tokens for h in engine.generate(call)]
