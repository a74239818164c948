"""Does a sentence translate the same whatever its batch company? ``python -m benchmarks.company --data DIR``.

Every sentence of a test set is decoded alone and in company of several kinds, by the bare library and by the service's
engine, which pads each source to a length of its own (docs/adr/0004-batch-company.md).
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import ctranslate2
import typer

from benchmarks import record
from service.engines.load import load_engine
from service.engines.tokenizer import Tokenizer
from service.manifest import Manifest
from service.registry.catalog import Catalog, Entry
from service.settings import Settings
from service.types import DecodingOptions, EngineInput, Tokens

TEST_SET = "wmt19.de"
BATCH = 64
SEED = 1

Output = tuple[Tokens, float | None]
Decode = Callable[[list[Tokens]], list[Output]]
Batches = list[list[int]]


@dataclass(frozen=True)
class Case:
    """One model in one arithmetic; ``share`` of the sentences are decoded."""

    model: str
    compute_type: str
    threads: int
    share: float = 1.0


CASES = (
    Case("starter-de-en", "int8", threads=1),
    Case("starter-de-en", "int8", threads=2, share=0.1),
    Case("starter-de-en", "float32", threads=1, share=0.1),
    Case("starter-sum-de", "int8", threads=1, share=0.05),
)


def ways(lengths: Sequence[int]) -> dict[str, Batches]:
    """Kinds of company: places of the sentences, batch by batch."""
    places = list(range(len(lengths)))
    shuffled = random.Random(SEED).sample(places, len(places))
    by_length = sorted(places, key=lambda place: lengths[place])
    same: dict[int, list[int]] = {}
    for place in places:
        same.setdefault(lengths[place], []).append(place)
    return {
        "random batches": _cut(shuffled, BATCH),
        "random batches, split in two": _cut(shuffled, BATCH // 2),
        "sorted by length": _cut(by_length, BATCH),
        "equal lengths only": [batch for group in same.values() for batch in _cut(group, BATCH)],
    }


def _cut(places: list[int], size: int) -> Batches:
    return [places[start : start + size] for start in range(0, len(places), size)]


def bare(entry: Entry, case: Case, options: DecodingOptions) -> Decode:
    """The library called directly, with the engine's settings."""
    folder = entry.folder / entry.manifest.engines["ctranslate2"].folder
    model = ctranslate2.Translator(str(folder), compute_type=case.compute_type, intra_threads=case.threads)

    def decode(sources: list[Tokens]) -> list[Output]:
        results = model.translate_batch(
            [list(source) for source in sources],
            beam_size=options.beam_size,
            max_input_length=0,
            max_decoding_length=options.max_output_tokens,
            length_penalty=options.length_penalty,
            repetition_penalty=options.repetition_penalty,
            no_repeat_ngram_size=options.no_repeat_ngram,
            disable_unk=True,
            return_scores=True,
        )
        return [(tuple(result.hypotheses[0]), result.scores[0]) for result in results]

    return decode


def served(entry: Entry, case: Case, options: DecodingOptions) -> Decode:
    """The service's engine."""
    manifest = _in_arithmetic(entry.manifest, case.compute_type)
    engine = load_engine(manifest, entry.folder, "ctranslate2", device="cpu", threads=case.threads)

    def decode(sources: list[Tokens]) -> list[Output]:
        best = (hypotheses[0] for hypotheses in engine.generate([EngineInput(source, options) for source in sources]))
        return [(hypothesis.tokens, hypothesis.score) for hypothesis in best]

    return decode


def _in_arithmetic(manifest: Manifest, compute_type: str) -> Manifest:
    files = manifest.engines["ctranslate2"].model_copy(update={"compute_type": compute_type})
    return manifest.model_copy(update={"engines": {**manifest.engines, "ctranslate2": files}})


def timed(decode: Decode, sources: Sequence[Tokens], batches: Batches) -> tuple[list[Output], float]:
    """Outputs in the order of ``sources``, and the processor seconds that they took on all threads."""
    outputs: dict[int, Output] = {}
    start = time.process_time()
    for batch in batches:
        outputs |= zip(batch, decode([sources[place] for place in batch]), strict=True)
    return [outputs[place] for place in range(len(sources))], round(time.process_time() - start, 1)


def compared(decode: Decode, sources: Sequence[Tokens]) -> dict[str, Any]:
    """By kind of company: how many outputs and scores are those that the sentence has alone."""
    alone, seconds = timed(decode, sources, [[place] for place in range(len(sources))])
    found: dict[str, Any] = {"alone": {"processor_s": seconds}}
    for name, batches in ways([len(source) for source in sources]).items():
        outputs, seconds = timed(decode, sources, batches)
        pairs = list(zip(alone, outputs, strict=True))
        found[name] = {
            "same_output": sum(one[0] == other[0] for one, other in pairs),
            "same_score": sum(one[1] == other[1] for one, other in pairs),
            "processor_s": seconds,
        }
        print(f"  {name:30} {found[name]}", flush=True)
    return found


def measured(case: Case, lines: Sequence[str]) -> dict[str, Any]:
    """Both callers on one case; only sentences that the model takes whole."""
    entry = Catalog(Settings().models_dir).entry(case.model)
    tokenizer, limits = Tokenizer(entry.manifest, entry.folder), entry.manifest.tokens
    some = lines[:: round(1 / case.share)]
    sources = [tokens for tokens in map(tokenizer.encode, some) if len(tokens) <= limits.max_source_tokens]
    options = DecodingOptions(max_output_tokens=limits.max_output_tokens, **entry.manifest.decoding.model_dump())
    found = {}
    for name, caller in {"library": bare, "engine": served}.items():
        print(f"{name}, {case}: {len(sources)} sentences, beam {options.beam_size}", flush=True)
        found[name] = compared(caller(entry, case, options), sources)
    return {**vars(case), "beam_size": options.beam_size, "sentences": len(sources), **found}


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[int | None, typer.Option(help="Sentences at most, for a trial.")] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/company.json.")] = False,
) -> None:
    """Measure and print."""
    lines = (data / "eval" / TEST_SET).read_text("utf-8").split("\n")[:-1][:limit]
    table = [measured(case, lines) for case in CASES]
    if save:
        print(record.write("company", {"set": TEST_SET, "batch": BATCH, "table": table}))


if __name__ == "__main__":
    typer.run(main)
