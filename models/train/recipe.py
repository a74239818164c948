"""The recipe, read from a data file: marks of the tasks, sources with their terms, and stages."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class MarkWords:
    """The unused piece that marks a task, and the pieces whose mean its embedding begins as."""

    piece: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where examples come from. ``kind`` names their maker in `sources`; what it does not use is left as it is.

    ``held_back`` leading items, those of the first ``held_lines`` of each set, or those of ``held_split`` are scored
    and never trained on. ``in_a_row`` is the most sentences of an item, ``quotes`` the share of pairs whose German side
    gets other quotation marks. ``weight`` is how often a target token's loss counts.
    """

    name: str
    kind: str
    files: tuple[str, ...]
    terms: str
    source: str = ""
    target: str = ""
    split: str = ""
    held_split: str = ""
    held_back: int = 0
    held_lines: int = 0
    in_a_row: int = 1
    least_chars: int = 15
    quotes: float = 0.0
    reverse: bool = False
    detokenise: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class Stage:
    """So many ``items``, drawn from the sources by their shares, which need not sum to anything.

    ``rate`` is the highest rate; it falls to nothing over the last ``cooldown`` share of the items.
    """

    name: str
    items: int
    rate: float
    cooldown: float
    shares: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """All of it. Rates, sizes and counts as the file's comments say."""

    rank: int
    warmup_steps: int
    batch_tokens: int
    batches_a_step: int
    average_decay: float
    longest_tokens: int
    marks: dict[str, MarkWords]
    sources: dict[str, Source]
    stages: tuple[Stage, ...]
    held_back: dict[str, int] = field(default_factory=dict)


def load(path: Path = HERE / "recipe.toml") -> Recipe:
    """Read a recipe.

    Raises:
        ValueError: a stage or the held-back table names a source that the file does not have.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    table["marks"] = {name: MarkWords(mark["piece"], tuple(mark["words"])) for name, mark in table["marks"].items()}
    table["sources"] = {
        name: Source(name=name, **{**source, "files": tuple(source["files"])})
        for name, source in table["sources"].items()
    }
    table["stages"] = tuple(Stage(**stage) for stage in table["stages"])
    recipe = Recipe(**table)
    named = {stage.name: set(stage.shares) for stage in recipe.stages} | {"held_back": set(recipe.held_back)}
    for where, names in named.items():
        if unknown := names - recipe.sources.keys():
            raise ValueError(f"{path.name}: {where} names {min(unknown)}, which is not among the sources")
    return recipe
