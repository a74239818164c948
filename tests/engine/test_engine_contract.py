"""Tests of what every engine must do, with a checkpoint of every architecture that the engine supports."""

import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.domain import DecodingOptions, EngineInput, Hypothesis
from service.errors import EngineError, ModelError
from service.generation.engines.base import Engine
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.generation.engines.torch import TorchEngine
from service.registry.manifest import EngineKind
from tests.engine import checkpoints
from tests.engine.checkpoints import SENTENCES, Checkpoint
from tests.fake_engine import FakeEngine

GREEDY = DecodingOptions(max_output_tokens=24)
BEAM = DecodingOptions(max_output_tokens=24, beam_size=4, hypotheses=3)
KINDS: tuple[EngineKind, ...] = ("ctranslate2", "torch")
ARCHITECTURES = tuple(checkpoints.SNAPSHOTS)
TORCH_ALONE = {"encoder_decoder_bert", "fsmt"}
CONVERTED = [name for name in ARCHITECTURES if name not in TORCH_ALONE]
PAIRS = [(kind, name) for kind in KINDS for name in (CONVERTED if kind == "ctranslate2" else ARCHITECTURES)]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    folder = tmp_path_factory.mktemp("checkpoints")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses for Marian tokenizers
        return {name: checkpoints.installed(name, folder / name) for name in ARCHITECTURES}


@pytest.fixture(scope="session")
def engines(built: dict[str, Checkpoint]) -> Iterator[dict[tuple[str, str], Engine]]:
    loaded: dict[tuple[str, str], Engine] = {
        (kind, name): load_engine(built[name].manifest, built[name].folder, kind, device="cpu", threads=1)
        for kind, name in PAIRS
    }
    yield loaded
    for engine in loaded.values():
        engine.close()


@pytest.fixture(params=PAIRS, ids="-".join)
def engine(request: pytest.FixtureRequest, engines: dict[tuple[str, str], Engine]) -> Engine:
    return engines[request.param]


class Encoder(Tokenizer):
    """The tokenizer of a checkpoint, with the tokens with which every output of the checkpoint begins."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.manifest, checkpoint.folder)
        self.target_prefix = checkpoint.manifest.tokens.target_prefix


@pytest.fixture
def tokenizer(request: pytest.FixtureRequest, built: dict[str, Checkpoint]) -> Encoder:
    name = request.node.callspec.params.get("engine", ("", request.node.callspec.params.get("architecture")))[1]
    return Encoder(built[name])


def inputs(tokenizer: Encoder, options: DecodingOptions, sentences: list[str] = SENTENCES[:8]) -> list[EngineInput]:
    ours = replace(options, target_prefix=tokenizer.target_prefix)
    return [EngineInput(tokenizer.encode(sentence), ours) for sentence in sentences]


def texts(results: list[list[Hypothesis]]) -> list[tuple[str, ...]]:
    return [hypotheses[0].tokens for hypotheses in results]


def test_results_are_in_order(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, GREEDY)
    assert texts(engine.generate(items[::-1])) == texts(engine.generate(items))[::-1]


def test_each_item_has_one_result(engine: Engine, tokenizer: Encoder) -> None:
    for count in (1, 2, 7):
        assert len(engine.generate(inputs(tokenizer, GREEDY, SENTENCES[:count]))) == count


def test_empty_call_has_no_results(engine: Engine) -> None:
    assert engine.generate([]) == []


def test_item_output_is_equal_alone_and_in_a_batch(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, GREEDY)
    alone = [engine.generate([item])[0] for item in items]
    assert texts(alone) == texts(engine.generate(items))


def test_items_of_different_options_may_share_a_call(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, GREEDY)
    short = replace(items[0].options, max_output_tokens=3)
    mixed = [replace(item, options=short) if n % 2 else item for n, item in enumerate(items)]
    whole, found = texts(engine.generate(items)), texts(engine.generate(mixed))
    assert found[1::2] == [tokens[:3] for tokens in whole[1::2]]
    assert found[::2] == whole[::2]


def test_truncated_hypothesis_has_reason_length(engine: Engine, tokenizer: Encoder) -> None:
    for hypotheses in engine.generate(inputs(tokenizer, replace(GREEDY, max_output_tokens=2))):
        assert (len(hypotheses[0].tokens), hypotheses[0].finish_reason) == (2, "length")


def test_hypotheses_are_best_first(engine: Engine, tokenizer: Encoder) -> None:
    for hypotheses in engine.generate(inputs(tokenizer, BEAM)):
        scores = [hypothesis.score for hypothesis in hypotheses if hypothesis.score is not None]
        assert len(scores) == len(hypotheses) == BEAM.hypotheses
        assert scores == sorted(scores, reverse=True)


def test_unscored_output_is_equal_and_has_no_score(engine: Engine, tokenizer: Encoder) -> None:
    scored = engine.generate(inputs(tokenizer, GREEDY))
    unscored = engine.generate(inputs(tokenizer, replace(GREEDY, scored=False)))
    assert texts(unscored) == texts(scored)
    assert all(one[0].score is None for one in unscored)
    assert not any(one[0].score is None for one in scored)


def test_output_has_only_allowed_pieces(engine: Engine, tokenizer: Encoder) -> None:
    allowed = tokenizer.pieces("Der Zug fährt nach Hamburg.")
    for hypotheses in engine.generate(inputs(tokenizer, replace(BEAM, allowed=allowed))):
        assert {piece for hypothesis in hypotheses for piece in hypothesis.tokens} <= allowed


def test_output_has_no_control_pieces(engine: Engine, tokenizer: Encoder) -> None:
    for hypotheses in engine.generate(inputs(tokenizer, replace(BEAM, max_output_tokens=60))):
        written = {piece for hypothesis in hypotheses for piece in hypothesis.tokens}
        assert not {piece for piece in written if piece in tokenizer.control or piece.startswith("<extra_id")}


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
def test_attention_rows_are_distributions(engine: Engine, tokenizer: Encoder, options: DecodingOptions) -> None:
    items = inputs(tokenizer, replace(options, alignment=True))
    for item, hypotheses in zip(items, engine.generate(items), strict=True):
        for hypothesis in hypotheses:
            assert hypothesis.alignment is not None
            assert len(hypothesis.alignment.rows()) == len(hypothesis.tokens)
            assert hypothesis.alignment.columns == len(item.tokens)
            rounding = len(item.tokens) / 2 / 255
            assert all(sum(row) == pytest.approx(1, abs=rounding + 1e-3) for row in hypothesis.alignment.rows())


def test_forced_target_has_its_original_attention(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, replace(GREEDY, alignment=True))
    free = engine.generate(items)
    targets = [one[0].tokens for one in free]
    forced = engine.generate([replace(item, target=target) for item, target in zip(items, targets, strict=True)])
    assert [one[0].tokens for one in forced] == targets
    for one, other in zip(forced, free, strict=True):
        assert one[0].alignment is not None
        assert other[0].alignment is not None
        for row, expected in zip(one[0].alignment.rows(), other[0].alignment.rows(), strict=True):
            assert row == pytest.approx(expected, abs=2e-3 + 1 / 255)


def test_forced_target_has_the_score_of_its_search(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, GREEDY)
    free = engine.generate(items)
    targets = [one[0].tokens for one in free]
    forced = engine.generate([replace(item, target=target) for item, target in zip(items, targets, strict=True)])
    for one, other in zip(forced, free, strict=True):
        assert one[0].tokens == other[0].tokens
        assert one[0].alignment is None
        if other[0].finish_reason == "eos":  # a search that reaches the limit does not score the end
            assert one[0].score == pytest.approx(other[0].score, abs=0.05)


def test_forced_and_searched_items_share_a_call(engine: Engine, tokenizer: Encoder) -> None:
    items = inputs(tokenizer, GREEDY)
    target = tokenizer.encode_target("Der Zug fährt nach Hamburg.")
    mixed = [replace(items[0], target=target), *items[1:]]
    found = engine.generate(mixed)
    assert found[0][0].tokens == target
    assert texts(found)[1:] == texts(engine.generate(items))[1:]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_alignment_does_not_change_later_scores(
    architecture: str, engines: dict[tuple[str, str], Engine], tokenizer: Encoder
) -> None:
    engine = engines["torch", architecture]
    assert isinstance(engine, TorchEngine)

    def kernels() -> list[str]:
        modules = engine._model.modules()
        return [module.config._attn_implementation for module in modules if hasattr(module, "config")]

    items = inputs(tokenizer, BEAM)
    before = engine.generate(items), kernels()
    engine.generate(inputs(tokenizer, replace(BEAM, alignment=True)))
    assert (engine.generate(items), kernels()) == before


@pytest.mark.parametrize("architecture", CONVERTED)
@pytest.mark.parametrize(
    "options",
    [GREEDY, replace(GREEDY, no_repeat_ngram=2, repetition_penalty=1.2), replace(GREEDY, min_output_tokens=12)],
    ids=["plain", "penalties", "least"],
)
def test_engines_agree_on_greedy_tokens_in_float32(
    architecture: str, options: DecodingOptions, engines: dict[tuple[str, str], Engine], tokenizer: Encoder
) -> None:
    items = inputs(tokenizer, options, SENTENCES)
    ours, reference = (engines[kind, architecture].generate(items) for kind in KINDS)
    assert texts(ours) == texts(reference)
    for one, other in zip(ours, reference, strict=True):
        assert one[0].finish_reason == other[0].finish_reason
        assert one[0].score == pytest.approx(other[0].score, abs=2e-3)


@pytest.mark.parametrize("architecture", CONVERTED)
def test_engines_agree_on_alignment(
    architecture: str, engines: dict[tuple[str, str], Engine], tokenizer: Encoder
) -> None:
    items = inputs(tokenizer, replace(GREEDY, alignment=True))
    ours, reference = (engines[kind, architecture].generate(items) for kind in KINDS)
    for one, other in zip(ours, reference, strict=True):
        assert one[0].alignment is not None
        assert other[0].alignment is not None
        for row, expected in zip(one[0].alignment.rows(), other[0].alignment.rows(), strict=True):
            assert row == pytest.approx(expected, abs=2e-3 + 1 / 255)


@pytest.mark.parametrize("architecture", CONVERTED)
def test_long_source_is_not_truncated(
    architecture: str, engines: dict[tuple[str, str], Engine], tokenizer: Encoder
) -> None:
    # CTranslate2 truncates at 1,024 tokens by default. T5 has no limit; the other models have 512 positions.
    length = 1_500 if "t5" in architecture else 500
    tokens = (*(tokenizer.encode(" ".join(SENTENCES * 20))[: length - 1]), "</s>")
    item = EngineInput(tokens, replace(GREEDY, alignment=True, target_prefix=tokenizer.target_prefix))
    ours, reference = (engines[kind, architecture].generate([item]) for kind in KINDS)
    assert texts(ours) == texts(reference)
    assert ours[0][0].alignment is not None
    assert ours[0][0].alignment.columns == length


def test_missing_engine_files_error_names_available_engines(built: dict[str, Checkpoint]) -> None:
    checkpoint = built["marian"]
    manifest = checkpoint.manifest.model_copy(update={"engines": {"torch": checkpoint.manifest.engines["torch"]}})
    with pytest.raises(ModelError, match="lists torch"):
        load_engine(manifest, checkpoint.folder, "ctranslate2", device="cpu", threads=1)


@pytest.mark.parametrize("kind", KINDS)
def test_source_beyond_positions_is_an_engine_error(
    kind: str, engines: dict[tuple[str, str], Engine], built: dict[str, Checkpoint]
) -> None:
    tokenizer = Tokenizer(built["marian"].manifest, built["marian"].folder)
    tokens = tokenizer.encode(" ".join(SENTENCES * 20))[:700]
    with pytest.raises(EngineError):
        engines[kind, "marian"].generate([EngineInput(tokens, GREEDY)])


def test_fake_engine_keeps_order_and_count() -> None:
    items = [EngineInput(tuple(f"{n}{letter}" for letter in "abc"), GREEDY) for n in range(5)]
    results = FakeEngine().generate(items)
    assert texts(results) == [tuple(token.upper() for token in reversed(item.tokens)) for item in items]
