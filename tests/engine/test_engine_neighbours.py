"""Tests that, with CTranslate2, an embedded model's output does not depend on the other sentences in a call."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain import EngineInput
from service.generation.engines.base import Engine
from service.generation.engines.loading import load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.registry.catalog import Catalog, Entry

ROOT = Path(__file__).parent.parent.parent
SENTENCES = (ROOT / "tests" / "data" / "sentences.txt").read_text("utf-8").splitlines()
# One, two and three sentences together give sources of many lengths.
TEXTS = [" ".join(SENTENCES[first : first + count]) for count in (1, 2, 3) for first in range(len(SENTENCES))]
CATALOG = Catalog(ROOT / "models")
NAMES = [name for name in CATALOG.names() if name.startswith("starter-")]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not NAMES or not all(CATALOG.entry(name).installed for name in NAMES),
        reason="the embedded models are not there",
    ),
]


@pytest.fixture(scope="module", params=NAMES)
def entry(request: pytest.FixtureRequest) -> Entry:
    return CATALOG.entry(request.param)


@pytest.fixture(scope="module")
def engine(entry: Entry) -> Iterator[Engine]:
    loaded = load_engine(entry.manifest, entry.folder, "ctranslate2", device="cpu", threads=1)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def items(entry: Entry) -> list[EngineInput]:
    tokenizer = Tokenizer(entry.manifest, entry.folder)
    sources = [tokenizer.encode(text) for text in TEXTS]
    assert len({len(source) for source in sources}) > 20
    return [EngineInput(source, entry.manifest.decoding_options(len(source))) for source in sources]


def test_output_is_equal_alone_and_in_a_batch(engine: Engine, items: list[EngineInput]) -> None:
    alone = [engine.generate([item])[0] for item in items]
    assert engine.generate(items) == alone
    shuffled = random.Random(4).sample(range(len(items)), len(items))
    half = [engine.generate([items[place] for place in shuffled[start::2]]) for start in range(2)]
    assert {
        place: found for start in range(2) for place, found in zip(shuffled[start::2], half[start], strict=True)
    } == dict(enumerate(alone))
