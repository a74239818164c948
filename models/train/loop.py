"""Training in slices: warm-up, constant rate, cool-down, an average of the weights, and checkpoints to resume from."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from models.train.batches import Batch, Example, endless
from models.train.network import Shape, Transformer
from models.train.peers import Peers


@dataclass(frozen=True)
class Schedule:
    """How one slice is trained. The rate falls to nothing over the last ``cooldown`` share of ``minutes``."""

    minutes: float
    peak_rate: float = 1e-3
    warmup_steps: int = 600
    cooldown: float = 0.0
    batch_tokens: int = 2_000
    label_smoothing: float = 0.1
    guidance: float = 1.0
    average_decay: float = 0.999
    report_steps: int = 200
    save_minutes: float = 10.0
    exchange_steps: int = 50
    seed: int = 1


@dataclass
class Progress:
    """Counts that go on from slice to slice."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0


def probe_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where this machine multiplies it faster than float32, else float32 (a CPU may only emulate it)."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(1024, 512, dtype=dtype, device=device), torch.ones(512, 512, dtype=dtype, device=device)
        for timed in (False, True):
            start = time.perf_counter()
            for _ in range(4):
                (a @ b).sum().item()
            if timed:
                seconds[dtype] = time.perf_counter() - start
    return min(seconds, key=lambda dtype: seconds[dtype])


class Trainer:
    """A network, its optimiser and its averaged copy, saved and resumed as one file."""

    def __init__(self, shape: Shape, schedule: Schedule, device: torch.device) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule = schedule
        self.device = device
        self.dtype = probe_dtype(device)
        self.network = Transformer(shape).to(device)
        self.average = Transformer(shape).to(device)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=schedule.peak_rate, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.01
        )
        self.progress = Progress()
        self._slice_steps = 0

    def start_from(self, weights: dict[str, torch.Tensor]) -> None:
        """Begin with given weights (a landed checkpoint, or another task's); the optimiser starts anew."""
        self.network.load_state_dict(weights)
        self.average.load_state_dict(weights)

    @torch.no_grad()
    def start_with(self, embeddings: torch.Tensor) -> None:
        """Begin with given embeddings [vocabulary, width]; the padding row stays zero."""
        for network in (self.network, self.average):
            network.embedding.weight[:-1] = embeddings[:-1].to(self.device)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "shape": asdict(self.network.shape),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        self._slice_steps = self.schedule.warmup_steps

    def _rate(self, elapsed_s: float) -> float:
        plan = self.schedule
        warm = min(1.0, (self._slice_steps + 1) / plan.warmup_steps)
        left = 1 - elapsed_s / (plan.minutes * 60)
        cool = min(1.0, left / plan.cooldown) if plan.cooldown else 1.0
        return plan.peak_rate * warm * max(cool, 0.01)

    def step(self, batch: Batch, elapsed_s: float) -> float:
        """One update; returns the loss a token."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(elapsed_s)
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits, attention = self.network(batch.source, batch.inputs)
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(), batch.labels.flatten(), label_smoothing=self.schedule.label_smoothing
        )
        if self.schedule.guidance and bool((batch.aligned >= 0).any()):
            guided = functional.cross_entropy(attention.flatten(0, 1).float(), batch.aligned.flatten())
            loss = loss + self.schedule.guidance * guided
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._slice_steps += 1
        self.progress.steps += 1
        self.progress.tokens += batch.tokens
        self._update_average()
        return float(loss.detach())

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.schedule.average_decay, (1 + self.progress.steps) / (10 + self.progress.steps))
        for average, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
            average.lerp_(weight, 1 - decay)

    @torch.no_grad()
    def loss(self, batches: list[Batch]) -> float:
        """Cross-entropy a token of the averaged weights, without smoothing."""
        self.average.eval()
        total = tokens = 0.0
        for held in batches:
            batch = held.to(self.device)
            logits = self.average(batch.source, batch.inputs)[0].flatten(0, 1).float()
            total += float(functional.cross_entropy(logits, batch.labels.flatten(), reduction="sum"))
            tokens += batch.tokens
        return total / tokens


def run(
    trainer: Trainer,
    examples: list[Example],
    dev: list[Batch],
    folder: Path,
    say: Callable[[str], None] = print,
    peers: Peers | None = None,
) -> None:
    """Train for the schedule's minutes, write ``checkpoint.pt`` and a log of losses to ``folder``.

    Of several ``peers`` only the one of rank 0 writes; the others lend it their steps.
    """
    leads = peers is None or peers.rank == 0
    plan = trainer.schedule
    pad_id = trainer.network.shape.vocabulary - 1
    shuffle = random.Random(f"{plan.seed} {trainer.progress.steps}").randrange(2**31)
    start = saved = time.monotonic()
    trainer.network.train()
    recent: list[float] = []
    for batch in endless(examples, plan.batch_tokens, pad_id, shuffle):
        now = time.monotonic()
        if now - start > plan.minutes * 60:
            break
        recent.append(trainer.step(batch, now - start))
        trainer.progress.seconds += time.monotonic() - now
        if peers and trainer.progress.steps % plan.exchange_steps == 0:
            peers.exchange(trainer.network)
        if leads and trainer.progress.steps % plan.report_steps == 0:
            _report(trainer, recent, dev, folder, say)
            recent = []
        if leads and now - saved > plan.save_minutes * 60:
            saved = now
            trainer.save(folder / "checkpoint.pt")
    if leads:
        trainer.save(folder / "checkpoint.pt")
        _report(trainer, recent or [0.0], dev, folder, say)


def _report(trainer: Trainer, recent: list[float], dev: list[Batch], folder: Path, say: Callable[[str], None]) -> None:
    progress = trainer.progress
    line = {
        "steps": progress.steps,
        "tokens": progress.tokens,
        "tokens_per_s": round(progress.tokens / max(progress.seconds, 1e-9)),
        "loss": round(sum(recent) / len(recent), 4),
        "dev_loss": round(trainer.loss(dev), 4),
        "hours": round(progress.seconds / 3600, 3),
    }
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    say(json.dumps(line))
