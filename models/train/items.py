"""Tokenised examples (items): the file that contains them, the order in which they are drawn, and their batches."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.train.recipe import Recipe, Source, Stage
from models.train.tokens import Example, Tokens
from service.generation.engines.base import PROMPT_STEP_TOKENS, padded_length

WINDOW_ITEMS = 6_000
HELD = " held"
"""The suffix of the names under which held-back items are stored."""


@dataclass(frozen=True)
class Items:
    """The tokenised examples from one source.

    ``ids`` contains the tokens of all items, ``ends`` the offset in ``ids`` at which each item ends, and ``prompts``
    the number of tokens in each prompt. ``weight`` multiplies the loss of each target token.
    """

    ids: NDArray[np.uint16]
    ends: NDArray[np.int64]
    prompts: NDArray[np.uint16]
    weight: float

    def __len__(self) -> int:
        return len(self.ends)

    def item(self, number: int) -> "Item":
        """Return the item with the index ``number``."""
        start = int(self.ends[number - 1]) if number else 0
        return Item(self.ids[start : int(self.ends[number])], int(self.prompts[number]), self.weight)


@dataclass(frozen=True)
class Item:
    """A tokenised example.

    ``ids`` contains its prompt, followed by its target. ``prompt`` is the number of tokens in the prompt, and
    ``weight`` multiplies the loss of each target token.
    """

    ids: NDArray[np.uint16]
    prompt: int
    weight: float


def tokenised(examples: Sequence[Example], tokens: Tokens, source: Source, longest: int) -> Items:
    """Tokenise the examples from ``source``. Examples with more than ``longest`` tokens are left out."""
    rows = [(prompt, target) for prompt, target in tokens.examples(examples) if len(prompt) + len(target) <= longest]
    lengths = [len(prompt) + len(target) for prompt, target in rows]
    return Items(
        np.fromiter((i for row in rows for side in row for i in side), np.uint16, sum(lengths)),
        np.cumsum(np.array(lengths, np.int64)),
        np.array([len(prompt) for prompt, _ in rows], np.uint16),
        source.weight,
    )


def write(path: Path, items: Mapping[str, Items]) -> None:
    """Write the items from several sources to one file, atomically."""
    arrays = {
        f"{name}/{part}": getattr(made, part) for name, made in items.items() for part in ("ids", "ends", "prompts")
    }
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.savez(file, **arrays)
    new.replace(path)


def read(path: Path, recipe: Recipe) -> dict[str, Items]:
    """Return the items of each source from a file that `write` wrote.

    The weights of target tokens come from ``recipe``.
    """
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
    """The position of a training run in the data.

    Each stage of the recipe draws its items in windows of `WINDOW_ITEMS` items, and each window is divided into steps.
    ``stage`` and ``window`` are the indices of the current stage and window, and ``step`` is the index of the next
    step. ``taken`` maps each source to the number of its items that were drawn before this window.
    """

    stage: int
    window: int
    step: int
    taken: dict[str, int]


def window(
    items: Mapping[str, Items], stage: Stage, position: Position, seed: int
) -> tuple[list[Item], dict[str, int]]:
    """Return the items of the window at ``position``, and the number of items drawn from each source so far.

    The numbers include this window. They are the value of ``taken`` for the next window. ``items`` contains the items
    of each source.
    """
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
    """Yield ``count`` item indices from an endless sequence of permutations, starting at position ``first``.

    Each permutation contains the indices of all ``size`` items of the source ``name``.
    """
    shuffled: dict[int, NDArray[np.int64]] = {}
    letters = list(name.encode())
    for place in range(first, first + count):
        turn, rest = divmod(place, size)
        if turn not in shuffled:
            shuffled[turn] = np.random.default_rng([seed, turn, *letters]).permutation(size)
        yield int(shuffled[turn][rest])


@dataclass(frozen=True)
class Batch:
    """A batch of items: the token ids [batch, length], padded at the end, and the labels with their weights and places.

    The labels are the target tokens. The place of a label is the position, in the flattened ids, of the token before
    it. The output at that position predicts the label.
    """

    ids: Tensor
    places: Tensor
    labels: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return a copy of the batch on ``device``."""
        return Batch(*(x.to(device) for x in (self.ids, self.places, self.labels, self.weights)))


def collate(items: Sequence[Item], pad: int) -> Batch:
    """Combine items into one batch, padded with the id ``pad``.

    Only the target tokens, including the end token, are labels and count towards the loss.
    """
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


def noised(batch: Batch, share: float, pad: int, generator: torch.Generator) -> Batch:
    """Return the batch with the share ``share`` of its target tokens replaced by the id ``pad`` in the input.

    ``generator`` chooses the tokens. The labels stay the same.
    """
    chosen = batch.places[torch.rand(len(batch.places), generator=generator) < share] + 1
    ids = batch.ids.flatten().index_fill(0, chosen, pad).view_as(batch.ids)
    return replace(batch, ids=ids)


def grouped(items: Sequence[Item], batch_tokens: int) -> list[list[Item]]:
    """Group items of similar length, starting with the shortest.

    Each group contains at most ``batch_tokens`` tokens, including padding. A longer item forms its own group.
    """
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: len(item.ids)):
        if not groups or len(item.ids) * (len(groups[-1]) + 1) > batch_tokens:
            groups.append([])
        groups[-1].append(item)
    return groups


def padded(item: Item, pad: int) -> Item:
    """Return the item with padding tokens before its prompt. ``pad`` is the id of the padding token.

    The padding extends the prompt to the length to which the service pads prompts.
    """
    more = padded_length(item.prompt, PROMPT_STEP_TOKENS) - item.prompt
    return Item(np.concatenate((np.full(more, pad, np.uint16), item.ids)), item.prompt + more, item.weight)


def steps(items: Sequence[Item], recipe: Recipe, position: Position, seed: int, pad: int) -> list[list[list[Item]]]:
    """Divide the items of a window into training steps. A step is a list of ``recipe.batches_a_step`` batches of items.

    Each prompt is padded with the id ``pad`` with the probability ``recipe.padded_share``. ``position`` and ``seed``
    determine which prompts are padded, and the order of the batches. An incomplete last step is left out.
    """
    rng = random.Random(f"{seed} {position.stage} {position.window}")
    chosen = [padded(item, pad) if rng.random() < recipe.padded_share else item for item in items]
    groups = grouped(chosen, recipe.batch_tokens)
    rng.shuffle(groups)
    size = recipe.batches_a_step
    return [groups[i : i + size] for i in range(0, len(groups) - size + 1, size)]
