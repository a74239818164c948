"""Items: tokenised examples in one file, the endless order of each source, and batches of similar lengths."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.train.recipe import Recipe, Source, Stage
from models.train.tokens import Example, Tokens

WINDOW_ITEMS = 6_000
HELD = " held"
"""What the name of a source's held-back items ends in."""


@dataclass(frozen=True)
class Items:
    """Tokenised examples of one source: all ids in one array, the end of each item, and the length of its prompt."""

    ids: NDArray[np.uint16]
    ends: NDArray[np.int64]
    prompts: NDArray[np.uint16]
    weight: float

    def __len__(self) -> int:
        return len(self.ends)

    def item(self, number: int) -> "Item":
        """Return the item of that number."""
        start = int(self.ends[number - 1]) if number else 0
        return Item(self.ids[start : int(self.ends[number])], int(self.prompts[number]), self.weight)


@dataclass(frozen=True)
class Item:
    """One example: ids of prompt and target, the length of the prompt, and the weight of a target token."""

    ids: NDArray[np.uint16]
    prompt: int
    weight: float


def tokenised(examples: Sequence[Example], tokens: Tokens, source: Source, longest: int) -> Items:
    """Tokenise the examples; those of more than ``longest`` tokens are left out."""
    rows = [(prompt, target) for prompt, target in tokens.examples(examples) if len(prompt) + len(target) <= longest]
    lengths = [len(prompt) + len(target) for prompt, target in rows]
    return Items(
        np.fromiter((i for row in rows for side in row for i in side), np.uint16, sum(lengths)),
        np.cumsum(np.array(lengths, np.int64)),
        np.array([len(prompt) for prompt, _ in rows], np.uint16),
        source.weight,
    )


def write(path: Path, items: Mapping[str, Items]) -> None:
    """Write the items of several sources, atomically."""
    arrays = {
        f"{name}/{part}": getattr(made, part) for name, made in items.items() for part in ("ids", "ends", "prompts")
    }
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.savez(file, **arrays)
    new.replace(path)


def read(path: Path, recipe: Recipe) -> dict[str, Items]:
    """Read a file of `write`. Weights come from the recipe."""
    with np.load(path) as arrays:
        names = dict.fromkeys(key.split("/")[0] for key in arrays.files)
        return {
            name: Items(
                arrays[f"{name}/ids"],
                arrays[f"{name}/ends"],
                arrays[f"{name}/prompts"],
                recipe.sources[name.removesuffix(HELD)].weight,
            )
            for name in names
        }


@dataclass
class Position:
    """The position of a training: stage, number of items drawn from each source, and next step of the window."""

    stage: int
    window: int
    step: int
    taken: dict[str, int]


def window(
    items: Mapping[str, Items], stage: Stage, position: Position, seed: int
) -> tuple[list[Item], dict[str, int]]:
    """Return the items of the position's window, and the number of items drawn from each source after it."""
    rng = np.random.default_rng([seed, position.stage, position.window])
    names = [name for name in stage.shares if len(items[name])]
    shares = np.array([stage.shares[name] for name in names])
    counts = rng.multinomial(WINDOW_ITEMS, shares / shares.sum())
    drawn: list[Item] = []
    taken = dict(position.taken)
    for name, count in zip(names, counts, strict=True):
        first = taken.get(name, 0)
        drawn += [items[name].item(number) for number in _order(name, len(items[name]), first, int(count), seed)]
        taken[name] = first + int(count)
    return drawn, taken


def _order(name: str, size: int, first: int, count: int, seed: int) -> Iterator[int]:
    """Return numbers ``first`` to ``first + count`` of an endless sequence of permutations."""
    shuffled: dict[int, NDArray[np.int64]] = {}
    letters = list(name.encode())
    for place in range(first, first + count):
        turn, rest = divmod(place, size)
        if turn not in shuffled:
            shuffled[turn] = np.random.default_rng([seed, turn, *letters]).permutation(size)
        yield int(shuffled[turn][rest])


@dataclass(frozen=True)
class Batch:
    """Rows of ids [batch, length], padded at the end, and the labels with their flat positions."""

    ids: Tensor
    places: Tensor
    labels: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Move the batch to that device."""
        return Batch(*(x.to(device) for x in (self.ids, self.places, self.labels, self.weights)))


def collate(items: Sequence[Item], pad: int) -> Batch:
    """Make one batch. Only targets, with their end mark, count for the loss."""
    width = max(len(item.ids) for item in items)
    ids = torch.full((len(items), width), pad)
    places, labels, weights = [], [], []
    for row, item in enumerate(items):
        whole = torch.from_numpy(item.ids.astype(np.int64))
        ids[row, : len(whole)] = whole
        places.append(torch.arange(item.prompt - 1, len(whole) - 1) + row * width)
        labels.append(whole[item.prompt :])
        weights.append(torch.full((len(whole) - item.prompt,), item.weight))
    return Batch(ids, torch.cat(places), torch.cat(labels), torch.cat(weights))


def grouped(items: Sequence[Item], batch_tokens: int) -> list[list[Item]]:
    """Group items of similar lengths, short ones first.

    Each group has at most ``batch_tokens`` padded tokens; a longer item forms its own group.
    """
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: len(item.ids)):
        if not groups or len(item.ids) * (len(groups[-1]) + 1) > batch_tokens:
            groups.append([])
        groups[-1].append(item)
    return groups


def steps(items: Sequence[Item], recipe: Recipe, position: Position, seed: int) -> list[list[list[Item]]]:
    """Return the window's steps, each of ``batches_a_step`` batches. An incomplete last step is left out."""
    groups = grouped(items, recipe.batch_tokens)
    random.Random(f"{seed} {position.stage} {position.window}").shuffle(groups)
    size = recipe.batches_a_step
    return [groups[i : i + size] for i in range(0, len(groups) - size + 1, size)]
