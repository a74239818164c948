"""The training recipe, read from a TOML file: task marks, data sources with their terms of use, and stages."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class MarkWords:
    """The unused piece of the vocabulary that serves as a task mark, and the words that initialise its embedding.

    Each word is a single piece. The initial embedding of the mark is the mean of the embeddings of the words.
    """

    piece: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A source of examples. ``kind`` names the function in `sources` that makes the examples from the other fields.

    ``terms`` are the terms of use. ``source`` and ``target`` name the fields of a JSON object that contain the source
    and the target text. ``split`` names the part of the data set to use. Held-back items are scored but never used for
    training. They are the first ``held_back`` items, the items from lines with a number below ``held_lines`` in each
    set, or the items of the split ``held_split``. ``in_a_row`` is the maximum number of sentences in an item, and
    ``least_chars`` is the minimum length of a text. ``quotes`` is the share of pairs whose German side gets different
    quotation marks. ``reverse`` makes examples of translation from English to German. ``detokenise`` removes spaces
    before punctuation marks. ``weight`` multiplies the loss of each target token. ``pairs`` are files of parallel text
    that supply the English side.
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
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stage of a training run, in which ``items`` items are drawn from the sources in proportion to ``shares``.

    The shares need not sum to one. ``rate`` is the maximum learning rate. The rate falls to its minimum during the
    final part of the stage, which is the share ``cooldown`` of the items. ``dropout`` is the share of the output of
    each attention and feed-forward block that is set to zero (Srivastava et al. 2014). ``target_noise`` is the share of
    the target tokens that the network does not see as input (Sennrich et al. 2016, "Edinburgh Neural Machine
    Translation Systems"), so that it has to read the source.
    """

    name: str
    items: int
    rate: float
    cooldown: float
    shares: dict[str, float]
    dropout: float = 0.0
    target_noise: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """The whole training recipe, as read from a TOML file such as ``recipe.toml``.

    Comments in that file explain the rates, sizes and counts.
    """

    rank: int
    warmup_steps: int
    batch_tokens: int
    batches_a_step: int
    average_decay: float
    longest_tokens: int
    padded_share: float
    marks: dict[str, MarkWords]
    sources: dict[str, Source]
    stages: tuple[Stage, ...]
    held_back: dict[str, int] = field(default_factory=dict)


def load(path: Path = HERE / "recipe.toml") -> Recipe:
    """Read a recipe from a TOML file.

    Raises:
        ValueError: a stage or the table ``held_back`` names an unknown source.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    table["marks"] = {name: MarkWords(mark["piece"], tuple(mark["words"])) for name, mark in table["marks"].items()}
    table["sources"] = {
        name: Source(name=name, **{**source, "files": tuple(source["files"]), "pairs": tuple(source.get("pairs", ()))})
        for name, source in table["sources"].items()
    }
    table["stages"] = tuple(Stage(**stage) for stage in table["stages"])
    recipe = Recipe(**table)
    named = {stage.name: set(stage.shares) for stage in recipe.stages} | {"held_back": set(recipe.held_back)}
    for where, names in named.items():
        if unknown := names - recipe.sources.keys():
            raise ValueError(f"{path.name}: {where} names {min(unknown)}, which is not among the sources")
    return recipe
