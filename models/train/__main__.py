"""Command line of the recipe: ``python -m models.train COMMAND --data DIR --work DIR``."""

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.torch import load_file

from models.train import alignment, corpus, gaps, lexicon, moving, pieces, trim
from models.train.batches import Batch, Example, collate, groups
from models.train.export import Terms, network_weights, write_model
from models.train.heldout import HeldOut
from models.train.loop import Trainer, run
from models.train.network import Shape
from models.train.peers import Peers
from models.train.schedule import Schedule

HERE = Path(__file__).parent
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)

DataDir = Annotated[Path, typer.Option("--data", exists=True, file_okay=False, help="Folder of the data sets.")]
WorkDir = Annotated[Path, typer.Option("--work", file_okay=False, help="Folder for what the recipe makes.")]


@app.command("corpus")
def corpus_command(
    data: DataDir,
    work: WorkDir,
    seed: int = 1,
    sample: float = 1.0,
    without: Annotated[
        list[str] | None, typer.Option(help="Ablation: train on no source of this name; newstest-* for several.")
    ] = None,
    without_terms: Annotated[
        list[str] | None, typer.Option(help="Ablation: train on no source with this in its terms, such as research.")
    ] = None,
) -> None:
    """Filter and mix the parallel text; prints what was kept and why the rest was not."""
    mix = corpus.load_mix(HERE / "mix.toml")
    left_out = corpus.left_out(mix, without or (), without_terms or ())
    train, dev, report = corpus.build(data, mix, seed=seed, sample=sample, without=left_out)
    corpus.write_pairs(work / "translation" / "train.tsv", train)
    corpus.write_pairs(work / "translation" / "dev.tsv", dev)
    for name, counts in report.items():
        typer.echo(f"{name}: " + ", ".join(f"{count} {reason}" for reason, count in counts.most_common()))
    typer.echo(f"training pairs: {len(train)}, held back: {len(dev)}")


@app.command("vocabulary")
def vocabulary_command(work: WorkDir, size: int = 8_000) -> None:
    """Train the joint vocabulary on both sides of the mix."""
    pairs = set(corpus.load_pairs(work / "translation" / "train.tsv"))
    sentences = (side for pair in sorted(pairs) for side in pair)
    pieces.train_vocabulary(sentences, size - 1, work / "pieces.model")
    typer.echo(f"{len(pieces.Pieces(work / 'pieces.model'))} pieces with padding")


@app.command("gaps")
def gaps_command(data: DataDir, work: WorkDir, seed: int = 1, sample: float = 1.0) -> None:
    """Make the summariser's pairs from articles; prints what was kept by kind and why the rest was not."""
    train, dev = gaps.build(data, seed=seed, sample=sample, say=typer.echo)
    corpus.write_pairs(work / "summary" / "train.tsv", train)
    corpus.write_pairs(work / "summary" / "dev.tsv", dev)
    typer.echo(f"training pairs: {len(train)}, held back: {len(dev)}")


def _encoded(path: Path, vocabulary: pieces.Pieces) -> list[tuple[list[int], list[int]]]:
    pairs = corpus.load_pairs(path)
    sources = vocabulary.encode([source for source, _ in pairs])
    targets = vocabulary.encode([target for _, target in pairs])
    return list(zip(sources, targets, strict=True))


def _examples(path: Path, vocabulary: pieces.Pieces, longest: int) -> list[Example]:
    pairs = _encoded(path, vocabulary)
    aligned = [[alignment.UNALIGNED] * len(target) for _, target in pairs]
    if path.with_suffix(".npy").exists():
        aligned = alignment.load(path.with_suffix(".npy"), [target for _, target in pairs])
    examples = (Example(source, target, places) for (source, target), places in zip(pairs, aligned, strict=True))
    return [example for example in examples if max(len(example.source), len(example.target)) <= longest]


@app.command("align")
def align_command(task: str, work: WorkDir) -> None:
    """Align the training pairs of TASK: to guide one attention head, and for embeddings to begin with."""
    vocabulary = pieces.Pieces(work / "pieces.model")
    pairs = _encoded(work / task / "train.tsv", vocabulary)
    table = alignment.translation_table(sorted(pairs), len(vocabulary))
    aligned = alignment.align(pairs, table)
    alignment.save(work / task / "train.npy", aligned)
    np.save(work / task / "lexicon.npy", lexicon.embeddings(pairs, table, Shape(len(vocabulary)).width))
    typer.echo(f"{len(aligned)} target pieces, {(aligned >= 0).mean():.1%} aligned")


def _held_back(examples: list[Example], pad_id: int, seed: int) -> list[Batch]:
    return [collate(group, pad_id) for group in groups(examples, 2_000, random.Random(seed))]


def _weights(path: Path, shape: Shape) -> dict[str, torch.Tensor]:
    """Weights to begin with: the average of a checkpoint file, or an exported model's float16 folder."""
    if path.is_dir():
        return network_weights(shape, load_file(path / "model.safetensors"))
    average: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return average


def _begin(trainer: Trainer, folder: Path, init: Path | None) -> None:
    """Go on from the task's checkpoint; without one from ``init``, or from the embeddings that ``align`` made."""
    if (folder / "checkpoint.pt").exists():
        trainer.resume(folder / "checkpoint.pt")
        return
    (folder / "best.pt").unlink(missing_ok=True)  # another run's: what it was scored on may be in this one's data
    if init:
        trainer.start_from(_weights(init, trainer.network.shape))
    elif (folder / "lexicon.npy").exists():
        rows = lexicon.narrowed(np.load(folder / "lexicon.npy"), trainer.network.shape.width)
        trainer.start_with(torch.from_numpy(rows))


@app.command("train")
def train_command(
    task: str,
    work: WorkDir,
    minutes: Annotated[float | None, typer.Option(help="Length of this slice in time.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length of this slice in updates; with both, the shorter.")] = None,
    init: Annotated[Path | None, typer.Option(help="Another run's checkpoint or float16 folder to begin with.")] = None,
    rate: float = 1e-3,
    warmup: int = 600,
    cooldown: float = 0.0,
    batch_tokens: int = 2_000,
    longest: int = 128,
    width: Annotated[int, typer.Option(help="Width of the network, for short comparisons; see Shape.")] = 256,
    encoder_layers: int = 6,
    decoder_layers: int = 2,
    dropout: float = 0.0,
    guidance: float = 1.0,
    report_steps: int = 200,
    threads: int = 2,
    seed: int = 1,
    rank: Annotated[int | None, typer.Option(help="Train with peers of other ranks; 0 writes the checkpoint.")] = None,
) -> None:
    """Train TASK (translation, summary) for a while, going on from its checkpoint where there is one."""
    torch.set_num_threads(threads)
    vocabulary = pieces.Pieces(work / "pieces.model")
    layers = {"encoder_layers": encoder_layers, "decoder_layers": decoder_layers}
    shape = Shape(len(vocabulary), width, feed_forward=4 * width, dropout=dropout, **layers)
    seed += rank or 0  # each peer sees the pairs in an order of its own
    schedule = Schedule(
        minutes, steps, rate, warmup, cooldown, batch_tokens, guidance=guidance, report_steps=report_steps, seed=seed
    )
    trainer = Trainer(shape, schedule, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    _begin(trainer, work / task, init)
    _train(trainer, work / task, vocabulary, longest, rank)


def _train(trainer: Trainer, folder: Path, vocabulary: pieces.Pieces, longest: int, rank: int | None) -> None:
    """Train on the folder's pairs of at most ``longest`` pieces."""
    shape, schedule = asdict(trainer.network.shape), trainer.schedule
    typer.echo(json.dumps({"shape": shape, "schedule": asdict(schedule), "dtype": str(trainer.dtype)}))
    examples, held = (_examples(folder / f"{name}.tsv", vocabulary, longest) for name in ("train", "dev"))
    peers = None if rank is None else Peers(folder, rank)
    dev, judge = _held_back(held, vocabulary.pad_id, schedule.seed), HeldOut(held, vocabulary)
    run(trainer, examples, dev, folder, lambda line: print(line, flush=True), peers, judge)


TERMS = {
    "translation": Terms(
        name="starter-de-en",
        task="translation",
        source_lang="de",
        target_lang="en",
        licence="Apache-2.0",
        commercial_use="unclear",
        max_source_tokens=128,
        max_output_tokens=256,
        decoding={"beam_size": 4, "hypotheses": 4, "length_penalty": 1.3, "no_repeat_ngram": 3},
    ),
    "summary": Terms(
        name="starter-sum-de",
        task="summary",
        source_lang="de",
        target_lang="de",
        licence="Apache-2.0",
        commercial_use="unclear",
        max_source_tokens=128,
        max_output_tokens=96,
        decoding={"beam_size": 4, "hypotheses": 4, "length_penalty": 1.0, "no_repeat_ngram": 3},
        output_ratio=1.0,
        acceptance={"least_score": -0.6, "most_loose_joints": 0},
    ),
}


def _target_pieces(pairs: Path, vocabulary: pieces.Pieces) -> list[int] | None:
    """The pieces that translations are written with; None, for all, where the training pairs are not there."""
    if not pairs.exists():
        return None
    return trim.target_pieces(vocabulary, (target for _, target in corpus.load_pairs(pairs)))


def _best(folder: Path) -> Path:
    """The checkpoint that scored highest on the held-back slice; the last one where none was scored."""
    return best if (best := folder / "best.pt").exists() else folder / "checkpoint.pt"


@app.command("export")
def export_command(
    task: str,
    work: WorkDir,
    models: Annotated[Path, typer.Option(help="Folder to write to.")] = HERE.parent,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="File to take; by default best.pt of the task, the best by chrF, or else checkpoint.pt."),
    ] = None,
    *,
    trimmed: Annotated[
        bool,
        typer.Option(
            "--trim/--no-trim", help="Write translations with the pieces of WORK/TASK/train.tsv's English alone."
        ),
    ] = True,
) -> None:
    """Write the averaged weights of TASK for both engines, with a manifest."""
    state = torch.load(checkpoint or _best(work / task), map_location="cpu", weights_only=True)
    vocabulary = pieces.Pieces(work / "pieces.model")
    terms = TERMS[task]
    kept = _target_pieces(work / task / "train.tsv", vocabulary) if trimmed and task == "translation" else None
    write_model(models, Shape(**state["shape"]), state["average"], vocabulary, terms, kept=kept)
    written = len(vocabulary) - 1 if kept is None else len(kept)
    typer.echo(f"{terms.name}: {json.dumps(state['progress'])}; writes {written} of {len(vocabulary) - 1} pieces")


app.command("pack")(moving.pack_folder)
app.command("unpack")(moving.unpack_folder)


if __name__ == "__main__":
    app()
