"""Tests of the torch engine for causal models: its results equal those of CTranslate2 for the same weights file."""

import json
import math
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ctranslate2.converters import TransformersConverter
from safetensors.torch import load_file

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.errors import EngineError, ModelError
from service.generation.engines.base import Engine
from service.generation.engines.ctranslate2_file import gemma3_state, read_weights
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.generation.engines.torch_causal import CausalTorchEngine
from service.registry.catalog import Catalog
from service.registry.joining import ready
from service.registry.manifest import EngineFiles, EngineKind
from service.settings import Settings
from tests.tiny_causal import causal_entry, write_causal

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "tests" / "data" / "sentences.txt").read_text("utf-8").splitlines()
SENTENCES = [
    " ".join(line.split()[:count]) for count in (99, 6, 5, 4, 3) for line in LINES
]  # the lines, then their beginnings
GREEDY = DecodingOptions(max_output_tokens=16)
FEW = DecodingOptions(max_output_tokens=16, allowed=frozenset({"▁der", "▁und", "▁die", "▁am"}))  # so some outputs end
BEAM = DecodingOptions(beam_size=3, hypotheses=3, max_output_tokens=10)
TYPES = ("int8", "float32", "bfloat16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convert a tiny causal model to each numeric type, and return the folder that contains the results."""
    made = tmp_path_factory.mktemp("causal") / "tiny"
    write_causal(made)
    for name in TYPES:
        target = made / name
        TransformersConverter(str(made / "hf")).convert(str(target), quantization=name)
        shutil.copy(made / "hf" / "config.json", target / "transformers.json")
    return made


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer(causal_entry(folder).manifest, folder)


def loaded(folder: Path, kind: EngineKind, name: str) -> Engine:
    """Load the engine ``kind`` with the weights in ``folder/name``. The engine computes in float32."""
    manifest = causal_entry(folder).manifest
    files: dict[EngineKind, EngineFiles] = {kind: EngineFiles(folder=name, compute_type="float32")}
    return load_engine(manifest.model_copy(update={"engines": files}), folder, kind, device="cpu", threads=1)


def items(tokenizer: Tokenizer, options: DecodingOptions, count: int) -> list[EngineInput]:
    return [EngineInput(tokenizer.encode(text), options) for text in SENTENCES[:count]]


def written(engine: Engine, inputs: list[EngineInput]) -> list[list[tuple[Tokens, str]]]:
    return [[(one.tokens, one.finish_reason) for one in found] for found in engine.generate(inputs)]


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("name", ["int8", "float32"])
def test_greedy_outputs_of_both_engines_are_equal(folder: Path, tokenizer: Tokenizer, name: str, *, free: bool) -> None:
    assert len(set(SENTENCES)) >= 100
    inputs = items(tokenizer, GREEDY if free else FEW, 100)
    reference, other = (loaded(folder, kind, name).generate(inputs) for kind in ("torch", "ctranslate2"))
    for expected, found in zip(reference, other, strict=True):
        assert found[0].tokens == expected[0].tokens
        assert found[0].finish_reason == expected[0].finish_reason
        assert found[0].score == pytest.approx(expected[0].score, abs=1e-3)
    assert len({found[0].tokens for found in reference}) > (10 if free else 3)
    assert free or {found[0].finish_reason for found in reference} == {"eos", "length"}


@pytest.mark.parametrize("name", ["int8", "float32"])
def test_beams_of_both_engines_are_equal(folder: Path, tokenizer: Tokenizer, name: str) -> None:
    inputs = items(tokenizer, BEAM, 20)
    reference, other = (loaded(folder, kind, name) for kind in ("torch", "ctranslate2"))
    expected, found = reference.generate(inputs), other.generate(inputs)
    assert all(len(one) == 3 for one in expected)
    same = [a[0].tokens == b[0].tokens for a, b in zip(expected, found, strict=True)]
    assert sum(same) >= 18  # the libraries end a beam by different rules
    for one in expected:
        scores = [hypothesis.score or 0.0 for hypothesis in one]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("options", [{"repetition_penalty": 1.5}, {"no_repeat_ngram": 1}, {"min_output_tokens": 12}])
def test_rules_for_outputs_are_those_of_ctranslate2(
    folder: Path, tokenizer: Tokenizer, options: dict[str, float]
) -> None:
    plain = FEW if "min_output_tokens" in options else GREEDY
    inputs = items(tokenizer, replace(plain, **options), 20)  # type: ignore[arg-type]  # one of several types
    reference, other = (loaded(folder, kind, "float32") for kind in ("torch", "ctranslate2"))
    # Alone, because CTranslate2 reads the ends of longer prompts as outputs.
    assert [written(reference, [one]) for one in inputs] == [written(other, [one]) for one in inputs]
    assert written(reference, inputs) != written(reference, items(tokenizer, plain, 20))


def test_an_output_in_company_is_the_same_as_alone(folder: Path, tokenizer: Tokenizer) -> None:
    engine = loaded(folder, "torch", "int8")
    inputs = items(tokenizer, GREEDY, 12)
    assert len({len(one.tokens) for one in inputs}) > 3
    assert written(engine, inputs) == [written(engine, [one])[0] for one in inputs]


def test_outputs_have_no_control_pieces_and_only_allowed_ones(folder: Path, tokenizer: Tokenizer) -> None:
    engine = loaded(folder, "torch", "int8")
    for found in engine.generate(items(tokenizer, BEAM, 20)):
        assert all(tokenizer.control.isdisjoint(one.tokens) for one in found)
    allowed = frozenset(tokenizer.encode_target("Der Zug kommt."))
    item = EngineInput(tokenizer.encode(SENTENCES[0]), DecodingOptions(max_output_tokens=9, allowed=allowed))
    restricted = engine.generate([item])[0][0]
    assert restricted.tokens
    assert set(restricted.tokens) <= allowed


def test_an_output_that_meets_its_limit_says_so(folder: Path, tokenizer: Tokenizer) -> None:
    options = DecodingOptions(max_output_tokens=3, min_output_tokens=3, scored=False)
    found = loaded(folder, "torch", "int8").generate([EngineInput(tokenizer.encode("Ja."), options)])[0][0]
    assert (len(found.tokens), found.finish_reason, found.score) == (3, "length", None)


@pytest.mark.parametrize("name", ["int8", "float32"])
def test_given_outputs_have_the_same_log_probability(folder: Path, tokenizer: Tokenizer, name: str) -> None:
    target = (*tokenizer.encode_target("The train stands still."), "<eos>")
    inputs = [EngineInput(tokenizer.encode(text), GREEDY, target) for text in SENTENCES[:6]]
    scored: list[list[Hypothesis]] = [
        [found[0] for found in loaded(folder, kind, name).generate(inputs)] for kind in ("torch", "ctranslate2")
    ]
    for one, other in zip(*scored, strict=True):
        assert one.tokens == other.tokens == target
        assert one.score == pytest.approx(other.score, abs=1e-3)
        assert one.score is not None
        assert math.isfinite(one.score)


def test_a_transformers_folder_gives_the_same_outputs(folder: Path, tokenizer: Tokenizer) -> None:
    inputs = items(tokenizer, GREEDY, 8)
    assert written(loaded(folder, "torch", "hf"), inputs) == written(loaded(folder, "torch", "float32"), inputs)


@pytest.mark.parametrize(("name", "tolerance"), [("float32", 0.0), ("bfloat16", 0.0), ("int8", 0.5)])
def test_weights_are_those_of_the_checkpoint(folder: Path, name: str, tolerance: float) -> None:
    """Check that the converted weights equal those of the checkpoint, except for rounding errors.

    ``tolerance`` is the largest allowed error in quantisation steps. A step is 1/127 of the largest value of a row.
    """
    config = json.loads((folder / "hf" / "config.json").read_text("utf-8"))
    state = gemma3_state(read_weights(folder / name / "model.bin"), config)
    expected = {key: tensor.float().numpy() for key, tensor in load_file(folder / "hf" / "model.safetensors").items()}
    assert state.keys() - expected.keys() == {"lm_head.weight"}
    for key, weight in expected.items():
        assert state[key].dtype == np.float32
        step = np.abs(weight).max(axis=-1, keepdims=True) / 127
        largest = tolerance * 1.001 * step if weight.ndim == 2 else 0.0
        assert (np.abs(state[key] - weight) <= largest).all(), key


def changed_header(content: bytes) -> bytes:
    return struct.pack("<I", 5) + content[4:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[: len(content) // 2], "ends too early"),
        (lambda content: content[:3], "ends too early"),
        (lambda _: b"", "ends too early"),
        (changed_header, "in format 5"),
        (
            lambda content: content.replace(b"TransformerDecoderSpec", b"TransformerEncoderSpec"),
            "TransformerEncoderSpec",
        ),
        (
            lambda content: content.replace(b"/layer_0/ffn/linear_1/weight\0", b"/layer_0/ffn/linear_9/weight\0"),
            "is missing from the weights",
        ),
        (None, "No such file"),
    ],
)
def test_a_damaged_file_is_an_error(
    folder: Path, tokenizer: Tokenizer, tmp_path: Path, change: object, message: str
) -> None:
    shutil.copytree(folder / "int8", tmp_path / "int8")
    path = tmp_path / "int8" / "model.bin"
    if callable(change):
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises(ModelError, match=message):
            CausalTorchEngine(tmp_path / "int8", tokenizer)
    else:
        path.unlink()
        with pytest.raises(ModelError, match=message):
            read_weights(path)


@pytest.mark.parametrize("name", ["transformers.json", "vocabulary.json"])
def test_a_missing_file_is_an_error(folder: Path, tokenizer: Tokenizer, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder / "int8", tmp_path / "int8")
    (tmp_path / "int8" / name).unlink()
    with pytest.raises(ModelError, match="int8"):
        CausalTorchEngine(tmp_path / "int8", tokenizer)


def test_another_size_than_the_configurations_is_an_error(folder: Path, tokenizer: Tokenizer, tmp_path: Path) -> None:
    shutil.copytree(folder / "int8", tmp_path / "int8")
    config = json.loads((tmp_path / "int8" / "transformers.json").read_text("utf-8"))
    (tmp_path / "int8" / "transformers.json").write_text(json.dumps(config | {"intermediate_size": 50}), "utf-8")
    with pytest.raises(ModelError, match="cannot load int8"):
        CausalTorchEngine(tmp_path / "int8", tokenizer)


def test_a_failing_network_is_an_engine_error(folder: Path, tokenizer: Tokenizer) -> None:
    engine = loaded(folder, "torch", "int8")
    assert isinstance(engine, CausalTorchEngine)
    engine._model.lm_head.weight.data = engine._model.lm_head.weight.data[:, :3]
    for item in (items(tokenizer, GREEDY, 1)[0], EngineInput(tokenizer.encode("Ja."), GREEDY, ("▁a",))):
        with pytest.raises(EngineError, match="RuntimeError"):
            engine.generate([item])


def test_embedded_model_writes_the_same_greedily() -> None:
    made = ready(Catalog(ROOT / "models", weights_dir=Settings().weights_dir).entry("gemma-news-de-en"), "ctranslate2")
    tokenizer = Tokenizer(made.manifest, made.folder)
    options = DecodingOptions(max_output_tokens=12)  # both engines together need 25 s of processor time
    beginnings = {" ".join(line.split()[:count]) for count in (7, 6, 5, 4, 3) for line in LINES}
    assert len(beginnings) >= 100
    inputs = [EngineInput(tokenizer.encode(text), options) for text in [*sorted(beginnings), *LINES[:4]]]
    found = []
    for kind in ("torch", "ctranslate2"):
        # More threads would wait for each other on a busy machine, and need three times the processor time.
        engine = load_engine(made.manifest, made.folder, kind, device="cpu", threads=1, compute_type="float32")
        found.append([hypotheses[0].tokens for hypotheses in engine.generate(inputs)])
        engine.close()
    assert found[0] == found[1]
