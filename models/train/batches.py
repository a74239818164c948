"""Batches of like length: pairs of ids, padded, in a random order that a seed fixes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """Ids of a pair, and for each target piece the source position behind it (negative: none)."""

    source: list[int]
    target: list[int]
    aligned: list[int]


@dataclass(frozen=True)
class Batch:
    """``source`` [n, s]; ``inputs``, ``labels`` and ``aligned`` [n, t].

    ``inputs`` is the target shifted right, ``labels`` the target, ``aligned`` source positions; -100 is not scored.
    """

    source: Tensor
    inputs: Tensor
    labels: Tensor
    aligned: Tensor
    tokens: int

    def to(self, device: torch.device) -> "Batch":
        """The same batch on ``device``."""
        return Batch(
            self.source.to(device), self.inputs.to(device), self.labels.to(device), self.aligned.to(device), self.tokens
        )


def groups(examples: list[Example], max_tokens: int, rng: random.Random) -> list[list[Example]]:
    """Group examples of like length so that none exceeds ``max_tokens`` padded tokens on either side."""
    order = sorted(examples, key=lambda example: (len(example.target) + rng.random() * 3, len(example.source)))
    result: list[list[Example]] = []
    group: list[Example] = []
    longest = 0
    for example in order:
        longest = max(longest, len(example.source), len(example.target))
        if group and longest * (len(group) + 1) > max_tokens:
            result.append(group)
            group, longest = [], max(len(example.source), len(example.target))
        group.append(example)
    if group:
        result.append(group)
    rng.shuffle(result)
    return result


def _padded(rows: list[list[int]], fill: int) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])


def collate(group: list[Example], pad_id: int) -> Batch:
    """Pad a group; the target starts with ``pad_id``, as Marian's does."""
    inputs = [[pad_id, *example.target[:-1]] for example in group]
    aligned = [[place if place >= 0 else IGNORED for place in example.aligned] for example in group]
    return Batch(
        source=_padded([example.source for example in group], pad_id),
        inputs=_padded(inputs, pad_id),
        labels=_padded([example.target for example in group], IGNORED),
        aligned=_padded(aligned, IGNORED),
        tokens=sum(len(example.target) for example in group),
    )


def endless(examples: list[Example], max_tokens: int, pad_id: int, seed: int) -> Iterator[Batch]:
    """Pass over the examples again and again, each pass in another order."""
    rng = random.Random(seed)
    while True:
        for group in groups(examples, max_tokens, rng):
            yield collate(group, pad_id)
