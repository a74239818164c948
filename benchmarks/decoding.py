"""What each decoding setting does to BLEU and to speed: ``python -m benchmarks.decoding --data DIR --whole DIR``.

Beam, order of the sentences, target vocabulary and shortlist, on the bare library. ``--whole`` and ``--trimmed`` are
folders of the small Marian model with all pieces and with those of ``models.marian.trim``; ``--table`` is a table
p(target piece | source piece), from which a shortlist (``vmap``) is made.
"""

import json
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import ctranslate2
import numpy as np
import sacrebleu
import typer

from benchmarks import record
from service.engines.tokenizer import Tokenizer
from service.store.catalog import Catalog, Entry
from service.types import Tokens

MODEL = "starter-de-en"
TEST_SET = "wmt19"
BATCH = 64
ALONE = 40
PIECES_A_SOURCE = 20
COMMON_PIECES = 1_000
SEED = 1


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    vocabulary: str = "whole"
    beam_size: int = 1
    by_length: bool = True
    shortlist: bool = False


SETTINGS = (
    Setting(),
    Setting(by_length=False),
    Setting("trimmed"),
    Setting(shortlist=True),
    Setting(shortlist=True, by_length=False),
    Setting(beam_size=2),
    Setting("trimmed", beam_size=2),
    Setting(beam_size=4),
    Setting("trimmed", beam_size=4),
)


def write_shortlist(path: Path, table: "np.ndarray[Any, Any]", pieces: Sequence[str]) -> None:
    """CTranslate2's ``vmap``: pieces for every source, then for each source piece those that it translates to."""
    common = np.argsort(-table.sum(0))[:COMMON_PIECES]
    lines = ["\t" + " ".join(pieces[i] for i in common if i < len(pieces))]
    for source, row in enumerate(table[: len(pieces)]):
        best = np.argpartition(-row, PIECES_A_SOURCE)[:PIECES_A_SOURCE]
        lines.append(f"{pieces[source]}\t" + " ".join(pieces[i] for i in best if i < len(pieces)))
    path.write_text("\n".join(lines) + "\n", "utf-8")


class Decoder:
    """One setting's model, called on batches of sources."""

    def __init__(self, entry: Entry, setting: Setting, table: Path | None) -> None:
        self._setting, self._decoding = setting, entry.manifest.decoding
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            shutil.copytree(entry.folder / entry.manifest.engines["ctranslate2"].folder, folder)
            if setting.shortlist and table:
                pieces = json.loads((folder / "shared_vocabulary.json").read_text("utf-8"))
                write_shortlist(folder / "vmap.txt", np.load(table), pieces)
            self._model = ctranslate2.Translator(str(folder), compute_type="int8", intra_threads=1)

    def __call__(self, sources: Sequence[Tokens], batches: list[list[int]]) -> tuple[dict[int, Tokens], float]:
        """Outputs by place, and the sources a processor second."""
        outputs: dict[int, Tokens] = {}
        start = time.process_time()
        for batch in batches:
            outputs |= zip(batch, self._decoded([list(sources[place]) for place in batch]), strict=True)
        return outputs, len(outputs) / (time.process_time() - start)

    def _decoded(self, sources: list[list[str]]) -> list[Tokens]:
        results = self._model.translate_batch(
            sources,
            beam_size=self._setting.beam_size,
            max_input_length=0,
            max_decoding_length=256,
            length_penalty=self._decoding.length_penalty,
            repetition_penalty=self._decoding.repetition_penalty,
            no_repeat_ngram_size=self._decoding.no_repeat_ngram,
            disable_unk=True,
            use_vmap=self._setting.shortlist,
        )
        return [tuple(result.hypotheses[0]) for result in results]


def measured(
    entry: Entry, setting: Setting, table: Path | None, sources: Sequence[Tokens], references: Sequence[str]
) -> dict[str, Any]:
    """BLEU, sources a processor second in batches and alone, and how many outputs are the same alone."""
    decoder, tokenizer = Decoder(entry, setting, table), Tokenizer(entry.manifest, entry.folder)
    places = list(range(len(sources)))
    random.Random(SEED).shuffle(places)
    if setting.by_length:
        places.sort(key=lambda place: len(sources[place]))
    outputs, in_batches = decoder(sources, [places[start : start + BATCH] for start in range(0, len(places), BATCH)])
    alone, by_itself = decoder(sources, [[place] for place in places[:: max(1, len(places) // ALONE)]])
    texts = [tokenizer.decode(outputs[place]) for place in range(len(sources))]
    return {
        **vars(setting),
        "bleu": round(float(sacrebleu.corpus_bleu(texts, [list(references)]).score), 2),
        "sentences_a_processor_s": {str(BATCH): round(in_batches, 1), "1": round(by_itself, 1)},
        "same_alone": f"{sum(outputs[place] == tokens for place, tokens in alone.items())} of {len(alone)}",
    }


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    whole: Annotated[Path, typer.Option(exists=True, file_okay=False, help="An export with --no-trim.")],
    trimmed: Annotated[Path, typer.Option(exists=True, file_okay=False, help="An export with --trim.")],
    table: Annotated[Path | None, typer.Option(help="Translation table; without it there are no shortlists.")] = None,
    every: Annotated[int, typer.Option(help="Take one sentence in so many.")] = 8,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/decoding.json.")] = False,
) -> None:
    """Measure and print; speeds are of one thread."""
    entries = {name: Catalog(folder).entry(MODEL) for name, folder in (("whole", whole), ("trimmed", trimmed))}
    lines, references = (
        (data / "eval" / f"{TEST_SET}.{side}").read_text("utf-8").split("\n")[:-1][::every] for side in ("de", "en")
    )
    tokenizer = Tokenizer(entries["whole"].manifest, entries["whole"].folder)
    sources = [tokenizer.encode(line) for line in lines]
    rows = []
    for setting in SETTINGS:
        if table or not setting.shortlist:
            rows.append(measured(entries[setting.vocabulary], setting, table, sources, references))
            print(rows[-1], flush=True)
    if save:
        print(record.write("decoding", {"set": TEST_SET, "sentences": len(sources), "batch": BATCH, "table": rows}))


if __name__ == "__main__":
    typer.run(main)
