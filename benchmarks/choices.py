"""Compare ways of choosing between a model's outputs for a sentence: ``python -m benchmarks.choices --data DIR``.

The translation model can first generate one output for each sentence with greedy search (first search), and then search
again with beam search (thorough search). The service chooses between the outputs of both searches. The settings of the
thorough search come from the table ``[thorough]`` of the manifest or, without it, from ``[decoding]``. The benchmark
translates the test sets in ``DIR/eval`` in five ways:

- greedy: only the first search
- beam: only the thorough search, whose best output is used
- chosen, all: both searches for every sentence. The output with the fewest findings that need
  review is chosen, and in a tie the output with the best score.
- chosen, doubtful: the thorough search only for doubtful sentences, whose first output has a finding that
  needs review, or a score less than ``below_score`` in the manifest (-0.5 without the table ``[thorough]``)
- chosen, backward: as before, but the score includes the log-probability of the source, given the output

The table contains BLEU, chrF, and the gain in BLEU over greedy. It also contains the number of thorough searches in per
cent of the first searches, the percentages of lines that differ from greedy and that need review, and the seconds.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import bleu, record
from benchmarks.quality import SETS, share
from benchmarks.texts import TEXTS_A_REQUEST, lines_of, one_line
from service.app import plan_of
from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.events import ignore
from service.generation.aligners import ForcedAligner
from service.generation.base import Source, TextFuture
from service.generation.call import Call
from service.generation.local import LocalGenerator
from service.newsroom.models import ModelPool, ModelSet
from service.registry.manifest import Decoding, Manifest, Thorough
from service.results import Translation, needs_review
from service.settings import Settings
from service.translation.translator import Translator

ALWAYS = 1.0  # no log-probability is this high
BELOW_SCORE = -0.5  # for a manifest without a table [thorough]
COLUMNS = ("bleu", "chrf", "bleu_gain", "searched_again", "changed", "needs_review", "seconds")


def ways(manifest: Manifest) -> dict[str, Manifest]:
    """Return a copy of ``manifest`` for each way of translating, by the name of the way.

    If ``manifest`` sets no backward weight, the copy for ``chosen, backward`` has a weight of 1.
    """
    search = manifest.decoding.model_dump() | {"hypotheses": manifest.decoding.beam_size, "below_score": BELOW_SCORE}
    own = manifest.thorough or Thorough.model_validate(search)
    beam = Decoding.model_validate(own.model_dump(include=set(Decoding.model_fields)) | {"hypotheses": 1})

    first = Decoding.model_validate(manifest.decoding.model_dump() | {"beam_size": 1, "hypotheses": 1})

    def way(**changes: Any) -> Manifest:
        return manifest.model_copy(update={"decoding": first, **changes})

    def chosen(below_score: float, backward_weight: float) -> Manifest:
        changes = {"below_score": below_score, "backward_weight": backward_weight}
        return way(thorough=Thorough.model_validate(own.model_dump() | changes))

    return {
        "greedy": way(thorough=None),
        "beam": way(thorough=None, decoding=beam),
        "chosen, all": chosen(ALWAYS, 0.0),
        "chosen, doubtful": chosen(own.below_score, 0.0),
        "chosen, backward": chosen(own.below_score, own.backward_weight or 1.0),
    }


@dataclass(frozen=True)
class Counting(LocalGenerator):
    """A generator that counts the sentences that it generates.

    The counter has the key True for sentences in a thorough search, and False for sentences in a first search.
    """

    searches: Counter[bool] = field(default_factory=Counter)

    def generate(self, sources: Sequence[Source], **options: Any) -> list[TextFuture]:
        """Count the sources, and generate outputs for them as `TextGenerator.generate` does."""
        self.searches.update(source.options.thorough for source in sources)
        return super().generate(sources, **options)


@dataclass(frozen=True, slots=True)
class Made:
    """The translations that one way of translating produced.

    ``searched_again`` is the number of thorough searches in per cent of the first searches. ``seconds`` is the total
    time.
    """

    translations: Sequence[Translation]
    searched_again: float
    seconds: float

    @property
    def texts(self) -> list[str]:
        """The text of each translation as a single line."""
        return [one_line(one.text) for one in self.translations]


async def made(models: ModelSet, manifest: Manifest, lines: Sequence[str]) -> Made:
    """Translate ``lines`` with the weights of ``models`` and the settings of ``manifest``, without a cache.

    Raises:
        TypeError: the translation model of ``models`` does not run in this process.
    """
    own, alignment = (models.models.get(task) for task in ("translation", "alignment"))
    if not isinstance(own, LocalGenerator):
        raise TypeError("the translation model is missing or remote; set DEPESCHE_TRANSLATION_MODEL to a local model")
    generator = Counting(own.name, manifest, own.engine, own.tokenizer, own.batcher, own.compute_type)
    translator = Translator(
        generator,
        Cache(Memory(max_bytes=0, ttl_s=1.0)),
        None,
        aligner=ForcedAligner(alignment) if isinstance(alignment, LocalGenerator) else None,
        scorer=generator if manifest.causal else None,
    )
    found: list[Translation] = []
    started_s = time.perf_counter()
    for start in range(0, len(lines), TEXTS_A_REQUEST):
        found += await translator.translate(lines[start : start + TEXTS_A_REQUEST], Call())
    seconds = time.perf_counter() - started_s
    searches = generator.searches
    return Made(found, round(100 * searches[True] / max(1, searches[False]), 1), round(seconds, 1))


def row(found: Made, greedy: Made, references: Sequence[str]) -> dict[str, Any]:
    """Return the table row for ``found``, the translations that one way of translating produced.

    The row contains the scores, the gains over the translations ``greedy``, and percentages. ``references`` contains
    the reference translation of each line.
    """
    gain = bleu.gain(found.texts, greedy.texts, references)
    return {
        **bleu.scores(found.texts, references),
        "bleu_gain": gain["bleu"],
        "bleu_gain_pm": gain["bleu_pm"],
        "chrf_gain": gain["chrf"],
        "chrf_gain_pm": gain["chrf_pm"],
        "searched_again": found.searched_again,
        "changed": share([one != other for one, other in zip(found.texts, greedy.texts, strict=True)]),
        "needs_review": share([needs_review(one.notices) for one in found.translations]),
        "seconds": found.seconds,
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Format the rows as a Markdown table. ``rows`` maps each way to its row. Confidence intervals are included."""
    lines = ["| way | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for name, one in rows.items():
        cells = (f"{one[key]} ± {one[f'{key}_pm']}" if f"{key}_pm" in one else str(one[key]) for key in COLUMNS)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


async def measure(settings: Settings, data: Path, sets: Sequence[str], limit: int | None) -> dict[str, Any]:
    """Translate the test sets in each way, and return the table rows by test set and by way.

    ``data`` is the folder of the data sets, and ``sets`` contains the names of the test sets. If ``limit`` is not None,
    only the first ``limit`` lines of each set are translated. ``settings`` selects the models.
    """
    pool = ModelPool(plan_of(settings), Cache(Memory(max_bytes=0, ttl_s=1.0)), ignore, lambda: None)
    models = await pool.load()
    try:
        result: dict[str, Any] = {}
        for name in sets:
            lines, references = (lines_of(data / "eval" / f"{name}.{side}")[:limit] for side in ("de", "en"))
            by_way = {
                way: await made(models, manifest, lines)
                for way, manifest in ways(models.models["translation"].manifest).items()
            }
            result[name] = {way: row(one, by_way["greedy"], references) for way, one in by_way.items()}
        return result
    finally:
        await models.close(0.0)


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    sets: Annotated[str, typer.Option(help="Names of the test sets, separated by commas.")] = ",".join(SETS),
    limit: Annotated[int | None, typer.Option(help="Maximum number of lines of each set, for a quick look.")] = None,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/choices.json.")] = False,
) -> None:
    """Measure and print the tables. The environment variables of the service select the models."""
    result = asyncio.run(measure(Settings(), data, sets.split(","), limit))
    for name, rows in result.items():
        print(name, table(rows), sep="\n")
    if save:
        print(record.write("choices", {"limit": limit, "table": result}))


if __name__ == "__main__":
    typer.run(main)
