"""The training loop, with a running average of the factors, portable checkpoints, and a log of held-back losses."""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from models.train import items as data
from models.train.factors import untrained
from models.train.gemma import Gemma
from models.train.items import Batch, Item, Items, Position
from models.train.recipe import Recipe, Stage
from models.train.sources import NO, YES
from models.train.tokens import Tokens

Part = TypeVar("Part")
Result = TypeVar("Result")
ALONE_RUNS = 2


@dataclass(frozen=True)
class Plan:
    """The length of one call of `run`, which ends after ``minutes`` or ``steps``, whichever comes first.

    The learning rate falls during the final part of the call, which is the share ``cooldown`` of its length. A
    checkpoint is written every ``save_minutes`` minutes.
    """

    minutes: float = math.inf
    steps: float = math.inf
    cooldown: float = 0.0
    save_minutes: float = 10.0
    seed: int = 1

    def done(self, seconds: float, steps: int) -> float:
        """Return the completed share of a call of `run`. The call must end when this share reaches 1.

        ``seconds`` and ``steps`` count from the start of the call.
        """
        return max(seconds / 60 / self.minutes, steps / self.steps)


class Trainer:
    """The state of a training run: float32 factors, optimiser, running average, and the position in the data."""

    def __init__(
        self,
        network: Gemma,
        recipe: Recipe,
        items: Mapping[str, Items],
        tokens: Tokens,
        seed: int,
        workers: int = 1,
    ) -> None:
        """Prepare to train with ``workers`` threads, each of which processes whole batches on one core.

        If two cores worked on the same batch, they would have to wait for each other. Another program on one of them
        would then slow both cores down.
        """
        self.network, self.recipe, self.items, self.tokens, self.seed = network, recipe, items, tokens, seed
        self.leaves = network.leaves()
        self.workers = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        self.device = network.flat.device
        self.factors = nn.Parameter(torch.zeros(network.flat.numel(), device=self.device))
        self.grad = torch.zeros_like(self.factors.data)
        self.factors.grad = self.grad
        self.average = torch.zeros_like(self.factors.data)
        self.optimiser = torch.optim.AdamW(
            [self.factors], lr=recipe.stages[0].rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )
        self.position = Position(0, 0, 0, {})
        self.progress = {"steps": 0, "items": 0, "tokens": 0, "seconds": 0.0}
        self.warmed = self.steps_here = 0
        self.runs: Counter[float] = Counter()

    def start(self, factors: Mapping[str, Tensor] | None) -> None:
        """Start training from the low-rank factors ``factors``, or with new ones if it is None.

        Raises:
            ValueError: the names or shapes of the factors do not match this network and rank.
        """
        places = self.network.named(self.factors.data)
        if factors is None:
            factors = untrained({name: (place.shape[0], place.shape[1]) for name, place in places.items()})
        shapes, given = ({n: tuple(f.shape) for n, f in found.items()} for found in (places, factors))
        if wrong := dict(shapes.items() ^ given.items()):
            raise ValueError(f"the start factors do not fit this network and rank: {min(wrong)}")
        for name, place in places.items():
            place.copy_(factors[name])
        self.average.copy_(self.factors.data)
        self.network.load(self.factors.data)

    def save(self, path: Path) -> None:
        """Write a checkpoint to ``path`` atomically."""
        state = {
            "factors": self.factors.data,
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "position": asdict(self.position),
            "progress": self.progress,
            "warmed": self.warmed,
            "seed": self.seed,
            "rank": self.network.rank,
        }
        new = path.with_suffix(".new")
        torch.save(state, new)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)

    def resume(self, path: Path) -> None:
        """Resume from the checkpoint at ``path``.

        The checkpoint also determines the seed and therefore the order of the data.
        """
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.factors.data.copy_(state["factors"])
        self.average.copy_(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.position = Position(**state["position"])
        self.progress, self.warmed, self.seed = state["progress"], state["warmed"], state["seed"]
        self.network.load(self.factors.data)

    def step(self, batches: list[list[Item]], rate: float, dropout: float = 0.0, target_noise: float = 0.0) -> float:
        """Update the factors once, with the gradients of several batches. Return the loss per unit of token weight.

        ``rate`` is the learning rate. The gradients are averaged over all target tokens of the step, so the size of a
        batch does not affect the influence of a token. ``dropout`` and ``target_noise`` are those of a `Stage`. The
        number of the step determines the noise.
        """
        generator = torch.Generator().manual_seed(self.seed * 10**9 + int(self.progress["steps"]))
        collated = [data.collate(batch, self.tokens.pad) for batch in batches]
        made = [data.noised(batch, target_noise, self.tokens.pad, generator).to(self.device) for batch in collated]
        self.network.dropout = dropout
        whole = sum(float(batch.weights.sum()) for batch in made)
        total = 0.0
        for loss, gradients in self._each(self._gradients, made):
            total += loss / whole
            for leaf, gradient in zip(self.leaves, gradients, strict=True):
                start = leaf.storage_offset()
                self.grad[start : start + leaf.numel()].add_(gradient.flatten(), alpha=1 / whole)
        self.warmed += 1
        self.steps_here += 1
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, self.warmed / self.recipe.warmup_steps)
        nn.utils.clip_grad_norm_([self.factors], 1.0)
        self.optimiser.step()
        self.grad.zero_()
        self.network.dropout = 0.0
        self.network.load(self.factors.data, self.workers.map)
        self.progress["steps"] += 1
        self.progress["items"] += sum(map(len, batches))
        self.progress["tokens"] += sum(batch.ids.numel() for batch in made)
        steps = self.progress["steps"]
        self.average.lerp_(self.factors.data, 1 - min(self.recipe.average_decay, steps / (steps + 10)))
        return total

    def _gradients(self, batch: Batch) -> tuple[float, tuple[Tensor, ...]]:
        loss = self.network.losses(batch.ids, batch.places, batch.labels, batch.weights).sum()
        return float(loss.detach()), torch.autograd.grad(loss, self.leaves)

    def _each(self, work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
        """Apply ``work`` to each part and return the results in order.

        The parts of the first runs with each dropout are processed one at a time, because the network is compiled in
        these runs.
        """
        self.runs[self.network.dropout] += 1
        if self.runs[self.network.dropout] <= ALONE_RUNS:
            return iter([self.workers.submit(work, part).result() for part in parts])
        return self.workers.map(work, parts)

    def scores(self) -> dict[str, float]:
        """Score each held-back set with the running average of the factors, and return the scores by name of the set.

        The score is the loss per target token. For entailment examples, it is the share of correct verdicts. Gradients
        stay enabled, because otherwise the layer would be compiled again.
        """
        self.network.load(self.average)
        made: dict[str, float] = {}
        for name, count in self.recipe.held_back.items():
            held = self.items[name + data.HELD]
            chosen = [held.item(i) for i in range(0, len(held), max(1, len(held) // count))][:count]
            is_verdict = self.recipe.sources[name].kind in {"entail", "neighbours"}
            if chosen:
                made[name] = round(self._right(chosen) if is_verdict else self._loss(chosen), 4)
        self.network.load(self.factors.data)
        return made

    def _batches(self, held: Iterable[Item]) -> list[Batch]:
        groups = data.grouped([replace(item, weight=1.0) for item in held], self.recipe.batch_tokens)
        return [data.collate(group, self.tokens.pad).to(self.device) for group in groups]

    def _loss(self, held: list[Item]) -> float:
        def loss(batch: Batch) -> tuple[float, int]:
            losses = self.network.losses(batch.ids, batch.places, batch.labels, batch.weights)
            return float(losses.detach().sum()), len(batch.labels)

        total, tokens = map(sum, zip(*self._each(loss, self._batches(held)), strict=True))
        return float(total / tokens)

    def _right(self, held: list[Item]) -> float:
        """Return the share of the entailment examples ``held`` in which the correct verdict is the more likely one."""
        verdicts = [[*ids, self.tokens.eos] for ids in self.tokens.encode((YES, NO))]

        def right(item: Item) -> int:
            prompt = item.ids[: item.prompt].tolist()
            both = [Item(np.array(prompt + ids, np.uint16), item.prompt, 1.0) for ids in verdicts]
            batch = data.collate(both, self.tokens.pad).to(self.device)
            losses = self.network.losses(batch.ids, batch.places, batch.labels, batch.weights).detach()
            yes, no = (float(part.sum()) for part in torch.split(losses, [len(ids) for ids in verdicts]))
            return int((no < yes) == (item.ids[item.prompt :].tolist() == verdicts[1]))

        return sum(self._each(right, held)) / len(held)


def _rate(stage: Stage, plan: Plan, of_stage: float, of_call: float) -> float:
    """Return the learning rate for a step.

    ``of_stage`` and ``of_call`` are the completed shares, from 0 to 1, of the stage and of the call of `run`. The rate
    is at least a hundredth of the stage's maximum rate.
    """
    falls = ((of_stage, stage.cooldown), (of_call, plan.cooldown))
    left = [min(1.0, (1 - done) / cooldown) for done, cooldown in falls if cooldown]
    return stage.rate * max(math.prod(left), 0.01)


def run(trainer: Trainer, plan: Plan, folder: Path, say: Callable[[str], None] = print) -> None:
    """Train until the plan or the recipe is complete.

    Every ``plan.save_minutes`` minutes and at the end, write the checkpoint ``state.pt`` and append a line to
    ``log.jsonl``, both in ``folder``, and pass the line to ``say``.
    """
    start = saved = last = time.monotonic()
    recent: list[float] = []
    for stage, batches, of_stage in _steps(trainer):
        of_call = plan.done(time.monotonic() - start, trainer.steps_here)
        if of_call >= 1:
            break
        rate = _rate(stage, plan, of_stage, of_call)
        recent.append(trainer.step(batches, rate, stage.dropout, stage.target_noise))
        trainer.position.step += 1
        now = time.monotonic()
        trainer.progress["seconds"] += now - last
        last = now
        if now - saved > plan.save_minutes * 60:
            _report(trainer, stage.name, recent, folder, say)
            recent, saved, last = [], time.monotonic(), time.monotonic()
    _report(trainer, "end", recent, folder, say)


def _steps(trainer: Trainer) -> Iterator[tuple[Stage, list[list[Item]], float]]:
    """Yield the remaining steps as (stage, batches, completed share of the stage)."""
    while trainer.position.stage < len(trainer.recipe.stages):
        stage, position = trainer.recipe.stages[trainer.position.stage], trainer.position
        drawn, taken = data.window(trainer.items, stage, position, trainer.seed)
        listed = data.steps(drawn, trainer.recipe, position, trainer.seed, trainer.tokens.pad)
        for number in range(position.step, len(listed)):
            over = (position.window + number / len(listed)) * data.WINDOW_ITEMS / stage.items
            yield stage, listed[number], min(over, 1.0)
        is_over = (position.window + 1) * data.WINDOW_ITEMS >= stage.items
        following = (position.stage + 1, 0) if is_over else (position.stage, position.window + 1)
        trainer.position = Position(*following, 0, taken)


def _report(trainer: Trainer, stage: str, recent: list[float], folder: Path, say: Callable[[str], None]) -> None:
    trainer.save(folder / "state.pt")
    progress = trainer.progress
    line = {
        "stage": stage,
        **{name: round(value) for name, value in progress.items()},
        "tokens_per_s": round(progress["tokens"] / max(progress["seconds"], 1e-9)),
        "rate": trainer.optimiser.param_groups[0]["lr"],
        "loss": round(sum(recent) / len(recent), 4) if recent else None,
        "held": trainer.scores(),
    }
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    say(json.dumps(line))
