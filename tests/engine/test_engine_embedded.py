"""Tests of the embedded models: outputs of both engines are nearly equal, and sizes, files and cards are correct."""

import difflib
import hashlib
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from service.domain import DecodingOptions, EngineInput, Tokens
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.registry.catalog import Catalog, Entry
from service.registry.manifest import EngineKind

ROOT = Path(__file__).parent.parent.parent
MODELS = ROOT / "models"
SENTENCES = (ROOT / "tests" / "data" / "sentences.txt").read_text("utf-8").splitlines()
LEAST_LIKENESS = 0.8
MOST_PARAMETERS = 18_000_000
MOST_BYTES = 60 * 2**20 + 160_000_000  # the small models, and one language model
CATALOG = Catalog(MODELS)
NAMES = [name for name in CATALOG.names() if name.startswith("starter-")]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not NAMES or not all(CATALOG.entry(name).installed for name in NAMES),
        reason="the embedded models are not there",
    ),
]


@pytest.fixture(params=NAMES)
def entry(request: pytest.FixtureRequest) -> Entry:
    return CATALOG.entry(request.param)


def greedy(entry: Entry, kind: EngineKind) -> list[Tokens]:
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    engine = load_engine(entry.manifest, entry.folder, kind, device="cpu", threads=1)
    options = DecodingOptions(max_output_tokens=64)
    try:
        results = engine.generate([EngineInput(tokenizer.encode(sentence), options) for sentence in SENTENCES])
    finally:
        engine.close()
    return [hypotheses[0].tokens for hypotheses in results]


def test_int8_and_float32_outputs_are_nearly_equal(
    entry: Entry, record_property: Callable[[str, object], None]
) -> None:
    int8, float32 = greedy(entry, "ctranslate2"), greedy(entry, "torch")
    assert all(int8)
    assert all(float32)
    matchers = [
        difflib.SequenceMatcher(None, one, other, autojunk=False) for one, other in zip(int8, float32, strict=True)
    ]
    same = 2 * sum(block.size for matcher in matchers for block in matcher.get_matching_blocks())
    likeness = same / sum(map(len, (*int8, *float32)))
    equal = sum(one == other for one, other in zip(int8, float32, strict=True))
    record_property("identical_pieces", round(likeness, 4))
    record_property("identical_sentences", f"{equal} of {len(SENTENCES)}")
    print(f"{entry.name}: {likeness:.1%} of the pieces, {equal} of {len(SENTENCES)} sentences")  # noqa: T201 - measured
    if entry.manifest.task == "translation":
        assert likeness >= LEAST_LIKENESS


def test_embedded_files_match_their_manifests(entry: Entry) -> None:
    found = {name: hashlib.sha256((entry.folder / name).read_bytes()).hexdigest() for name in entry.manifest.files}
    assert found == entry.manifest.files


def test_embedded_folders_have_no_unlisted_files(entry: Entry) -> None:
    there = {str(path.relative_to(entry.folder)) for path in entry.folder.rglob("*") if path.is_file()}
    assert there - {"README.md"} == set(entry.manifest.files)


def test_embedded_models_have_cards_with_licence_and_data(entry: Entry) -> None:
    card = (MODELS / "embedded" / entry.name / "README.md").read_text("utf-8")
    assert entry.manifest.licence in card
    _, _, data = card.partition("## Data")
    sources = [line for line in data.splitlines() if line.startswith("| ")][1:]
    assert sources
    assert all(len([cell for cell in line.strip("|").split("|") if cell.strip()]) >= 2 for line in sources)


def parameters(path: Path) -> int:
    """Return the number of parameters in a safetensors file.

    The file begins with the length of its header in eight bytes. The header is JSON with the shape of each tensor.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def test_embedded_models_are_small(record_property: Callable[[str, object], None]) -> None:
    folders = {CATALOG.entry(name).folder for name in NAMES}
    counted = sum(parameters(path) for folder in folders for path in folder.rglob("*.safetensors"))
    size = sum(path.stat().st_size for path in (MODELS / "embedded").rglob("*") if path.is_file())
    record_property("parameters", counted)
    record_property("bytes", size)
    assert 0 < counted <= MOST_PARAMETERS
    assert size < MOST_BYTES
