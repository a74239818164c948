"""Ways to search for translations, through the service's own pipeline: ``python -m benchmarks.searches --data DIR``.

By way and test set: BLEU and chrF, sentences that ask for an editor (and those that do for a fact: number, date, name,
negation), sentences for which another hypothesis than the first stands, loops, and the processor's time. Where a search
gives one hypothesis, the first stands.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import bleu, record
from benchmarks.loops import loop
from benchmarks.quality import AT_ONCE, lines_of, running
from benchmarks.unquantised import MODELS, SUMMARISER, TRANSLATOR
from service.manifest import Decoding, dumps, load
from service.pipeline.call import Call
from service.pipeline.chosen import FACTS
from service.pipeline.results import Translation
from service.settings import Settings
from service.trust.findings import Code

SETS = ("wmt19", "wmt20")  # flores-dev is not looked at when a search is chosen
_CODES = frozenset(code.value for code in FACTS)
SEARCHES = {
    "beam 1, as before": Decoding(no_repeat_ngram=3, repetition_penalty=1.1),
    "beam 4, as before": Decoding(beam_size=4, no_repeat_ngram=3, repetition_penalty=1.1),
    "beam 4, nothing blocked": Decoding(beam_size=4),
    "beam 4, 4-grams blocked": Decoding(beam_size=4, no_repeat_ngram=4),
    "beam 4, 4-grams, length 1.3, chosen of 4": Decoding(
        beam_size=4, hypotheses=4, no_repeat_ngram=4, length_penalty=1.3
    ),
    "beam 4, 3-grams, length 1.3": Decoding(beam_size=4, no_repeat_ngram=3, length_penalty=1.3),
    "the same, chosen of 4": Decoding(beam_size=4, hypotheses=4, no_repeat_ngram=3, length_penalty=1.3),
    "beam 8, chosen of 8": Decoding(beam_size=8, hypotheses=8, no_repeat_ngram=3, length_penalty=1.3),
}


def models(scratch: Path, decoding: Decoding) -> Path:
    """A models folder with the embedded models, the translator of that search."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    for part in ("catalog", f"embedded/{TRANSLATOR}", f"embedded/{SUMMARISER}"):
        shutil.copytree(MODELS / part, folder / part)
    manifest = folder / "catalog" / f"{TRANSLATOR}.toml"
    manifest.write_text(dumps(load(manifest).model_copy(update={"decoding": decoding})), "utf-8")
    return folder


async def translated(models_dir: Path, lines: Sequence[str]) -> tuple[list[Translation], float]:
    """The translation of each line, and the processor seconds that they took."""
    found: list[Translation] = []
    async with running(Settings(cache_bytes=0, models_dir=models_dir)) as service:
        began_s = time.process_time()
        for start in range(0, len(lines), AT_ONCE):
            found += await service.translator.translate(lines[start : start + AT_ONCE], Call(priority="bulk"))
        return found, round(time.process_time() - began_s, 1)


def counted(lines: Sequence[str], made: Sequence[Translation], references: Sequence[str]) -> dict[str, Any]:
    """Scores, and sentences by what is said of them, in percent of all."""
    outputs = [" ".join(one.text.split()) for one in made]
    places = {"review": 0, "facts": 0, "changed": 0}
    for one in made:
        for pair in one.sentences:
            here = [
                n for n in one.notices if n.span is not None and pair.source.start <= n.span.start < pair.source.end
            ]
            places["review"] += any(notice.review for notice in here)
            places["facts"] += any(notice.review and notice.code in _CODES for notice in here)
            places["changed"] += any(notice.code == Code.HYPOTHESIS_CHANGED for notice in here)
    sentences = sum(len(one.sentences) for one in made)
    return {
        **bleu.scores(outputs, references),
        "sentences": sentences,
        **{name: round(100 * count / sentences, 1) for name, count in places.items()},
        "loops": sum(
            loop(output) is not None and loop(line) is None for line, output in zip(lines, outputs, strict=True)
        ),
    }


async def measure(data: Path, limit: int | None) -> dict[str, Any]:
    """By search and test set: what was counted."""
    table: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, decoding in SEARCHES.items():
            table[name] = {"decoding": decoding.model_dump()}
            folder = models(Path(scratch), decoding)
            for test_set in SETS:
                lines, references = (lines_of(data / "eval" / f"{test_set}.{side}")[:limit] for side in ("de", "en"))
                made, processor_s = await translated(folder, lines)
                table[name][test_set] = {**counted(lines, made, references), "processor_s": processor_s}
                print(name, test_set, table[name][test_set], flush=True)
    return {"table": table}


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    limit: Annotated[int | None, typer.Option(help="Lines of each set at most, for a quick look.")] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write benchmarks/results/searches.json.")] = False,
) -> None:
    """Measure, print, and record on demand."""
    result = asyncio.run(measure(data, limit))
    if save:
        print(record.write("searches", result))


if __name__ == "__main__":
    typer.run(main)
