"""The probe: German sentences on which a converted model has to agree with its checkpoint."""

from pathlib import Path

from service.engines.tokenizer import EOS, Tokenizer
from service.manifest import Manifest
from service.types import DecodingOptions, EngineInput

SENTENCES = Path(__file__).parent / "data" / "probe.txt"
OUTPUT_TOKENS = 24


def sentences() -> list[str]:
    """The sentences, one by one."""
    return SENTENCES.read_text("utf-8").splitlines()


def inputs(manifest: Manifest, tokenizer: Tokenizer) -> list[EngineInput]:
    """The sentences as greedy work of at most ``OUTPUT_TOKENS`` each."""
    options = DecodingOptions(max_output_tokens=OUTPUT_TOKENS, target_prefix=manifest.tokens.target_prefix)
    return [EngineInput(tokenizer.encode(sentence), options) for sentence in sentences()]


def unknown_share(items: list[EngineInput], known: frozenset[str]) -> float:
    """The share of source tokens for which the model has no row."""
    tokens = [token for item in items for token in item.tokens if token != EOS]
    return sum(token not in known for token in tokens) / max(1, len(tokens))
