"""How translators take other marks, capitals and pairs: ``python -m benchmarks.robustness NAME=FOLDER … --data DIR``.

The weights alone are measured, without the service's pipeline, which would part two sentences again: CTranslate2 in
float32, all pieces allowed, the search of the landed translator. A folder is a training's (its ``pieces.model`` and the
averaged weights of ``translation/checkpoint.pt``) or a landed model's (``pieces.model`` and ``float16``). All are
compared with the first.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import bleu, record
from benchmarks.quality import lines_of, share
from benchmarks.unquantised import MODELS, TRANSLATOR
from models.marian.export import write_ctranslate2, write_float16
from models.marian.network import Shape
from models.marian.pieces import Pieces
from models.train.quotes import MARKS, QUOTED, in_marks
from service.engines.ctranslate2 import CTranslate2Engine
from service.manifest import Manifest, load
from service.trust.quotations import quoted
from service.types import EngineInput

MAX_CHARS = 500
TEST_SET = "wmt19"


@dataclass(frozen=True)
class Row:
    """Sources that are translated one by one, their outputs joined by a blank, and the reference for them together."""

    sources: tuple[str, ...]
    reference: str


@dataclass(frozen=True)
class Form:
    """Some lines of the test set, all written in one way; ``caseless``: scored without regard to capitals."""

    rows: tuple[Row, ...]
    caseless: bool = False


def forms(lines: Sequence[str], references: Sequence[str]) -> dict[str, Form]:
    """The lines as they are; those that quote, in each kind of marks; headlines and shouted ones; pairs of neighbours.

    A headline ends in a letter or digit. Neighbours that are longer together than `MAX_CHARS` are left out.
    """
    pairs = list(zip(lines, references, strict=True))
    quoting = [pair for pair in pairs if QUOTED.search(pair[0])]
    headlines = [pair for pair in pairs if pair[0][-1:].isalnum()]
    two = [
        (one, other)
        for one, other in zip(pairs[::2], pairs[1::2], strict=False)
        if all(len(f"{a} {b}") <= MAX_CHARS for a, b in zip(one, other, strict=True))
    ]
    return {
        "as it is": _form(pairs),
        **{f"quotations in {a}{b}": _form([(in_marks(de, (a, b)), en) for de, en in quoting]) for a, b in MARKS},
        "headlines": _form(headlines, caseless=True),
        "headlines in capitals": _form([(german.upper(), english) for german, english in headlines], caseless=True),
        "two sentences, each alone": Form(tuple(Row((a[0], b[0]), f"{a[1]} {b[1]}") for a, b in two)),
        "two sentences as one": _form([(f"{a[0]} {b[0]}", f"{a[1]} {b[1]}") for a, b in two]),
    }


def _form(pairs: Sequence[tuple[str, str]], *, caseless: bool = False) -> Form:
    return Form(tuple(Row((german,), english) for german, english in pairs), caseless)


def checkpoint(folder: Path, scratch: Path) -> Path:
    """The folder's float16 checkpoint; that of a training is written to ``scratch``."""
    if (folder / "float16").is_dir():
        return folder / "float16"
    state = torch.load(folder / "translation" / "checkpoint.pt", map_location="cpu", weights_only=True)
    write_float16(scratch, Shape(**state["shape"]), state["average"], Pieces(folder / "pieces.model"))
    return scratch


class Translator:
    """The weights of a folder, searched as the manifest says."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._manifest = manifest
        self._pieces = Pieces(folder / "pieces.model")
        self._ids = self._pieces.vocabulary()
        self._names = list(self._ids)
        with tempfile.TemporaryDirectory() as scratch:
            float16 = checkpoint(folder, Path(scratch) / "float16")
            self.sha256 = hashlib.sha256((float16 / "model.safetensors").read_bytes()).hexdigest()
            converted = Path(scratch) / "ct2-float32"
            write_ctranslate2(converted, float16, self._pieces, as_type="float32")
            written = frozenset(self._names[: self._pieces.pad_id])
            self._engine = CTranslate2Engine(converted, written=written, compute_type="float32")

    def __call__(self, sources: Sequence[str]) -> list[str]:
        """The likeliest translation of each."""
        found = self._engine.generate([self._item(ids) for ids in self._pieces.encode(list(sources))])
        return [self._pieces.decode([self._ids[piece] for piece in best.tokens]) for best, *_ in found]

    def _item(self, ids: Sequence[int]) -> EngineInput:
        options = replace(self._manifest.decoding_options(len(ids)), hypotheses=1)
        return EngineInput(tuple(self._names[i] for i in ids), options)


def outputs(translator: Translator, asked: dict[str, Form]) -> dict[str, list[str]]:
    """By form: what is written for each row. No source is translated twice."""
    sources = sorted({source for form in asked.values() for row in form.rows for source in row.sources})
    made = dict(zip(sources, translator(sources), strict=True))
    return {
        name: [" ".join(made[source] for source in row.sources) for row in form.rows] for name, form in asked.items()
    }


def scored(form: Form, made: Sequence[str], first: Sequence[str]) -> dict[str, Any]:
    """Scores, the gain on the ``first`` weights' outputs, and outputs whose quotations are in doubt, in percent."""
    references = [row.reference for row in form.rows]
    doubted = [any(quoted(" ".join(row.sources), one)) for row, one in zip(form.rows, made, strict=True)]
    return {
        **bleu.scores(made, references, caseless=form.caseless),
        "gain": bleu.gain(made, first, references, caseless=form.caseless),
        "quotations_doubted": share(doubted),
    }


def measure(folders: dict[str, Path], data: Path, limit: int | None) -> dict[str, Any]:
    """By form and weights: what was scored; and which weights they were."""
    asked = forms(*(lines_of(data / "eval" / f"{TEST_SET}.{side}")[:limit] for side in ("de", "en")))
    manifest = load(MODELS / "catalog" / f"{TRANSLATOR}.toml")
    made: dict[str, dict[str, list[str]]] = {}
    weights: dict[str, str] = {}
    for name, folder in folders.items():
        translator = Translator(folder, manifest)
        weights[name], made[name] = translator.sha256, outputs(translator, asked)
    first = next(iter(made.values()))
    table = {
        way: {"rows": len(form.rows), **{name: scored(form, each[way], first[way]) for name, each in made.items()}}
        for way, form in asked.items()
        if form.rows
    }
    return {"set": TEST_SET, "decoding": manifest.decoding.model_dump(), "weights_sha256": weights, "table": table}


def main(
    trainings: Annotated[list[str], typer.Argument(help="NAME=FOLDER of each; all are held against the first.")],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[int | None, typer.Option(help="Lines of the set at most, for a quick look.")] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/robustness.json.")] = False,
) -> None:
    """Measure, print, and record on demand."""
    folders = {name: Path(folder) for name, _, folder in (each.partition("=") for each in trainings)}
    result = measure(folders, data, limit)
    for way, row in result["table"].items():
        print(f"{way}: {row['rows']} rows")
        for name in folders:
            print(f"  {name}:", {key: row[name][key] for key in ("bleu", "chrf", "gain", "quotations_doubted")})
    if save:
        print(record.write("robustness", result))


if __name__ == "__main__":
    typer.run(main)
