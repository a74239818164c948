"""Training in slices: warm-up, constant rate, cool-down, an average of the weights, and checkpoints to resume from."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.train.batches import Batch, Example, endless
from models.train.network import Shape, Transformer
from models.train.peers import Peers
from models.train.schedule import Progress, Schedule

Judge = Callable[[Transformer], float]
"""Scores weights on what was held back from training; higher is better."""


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
        self._warmed = 0
        self.slice_steps = 0

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
        _write(path, state)

    def save_average(self, path: Path, score: float) -> None:
        """Write the averaged weights, which are what `export` takes, and their score."""
        shape, progress = asdict(self.network.shape), asdict(self.progress)
        _write(path, {"shape": shape, "average": self.average.state_dict(), "progress": progress, "score": score})

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
        self._warmed = self.schedule.warmup_steps

    def _rate(self, done: float) -> float:
        plan = self.schedule
        warm = min(1.0, (self._warmed + self.slice_steps + 1) / plan.warmup_steps)
        left = 1 - done
        cool = min(1.0, left / plan.cooldown) if plan.cooldown else 1.0
        return plan.peak_rate * warm * max(cool, 0.01)

    def step(self, batch: Batch, done: float) -> float:
        """One update, with that share of the slice behind it; returns the loss a token."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(done)
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
        self.slice_steps += 1
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


def _write(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def run(
    trainer: Trainer,
    examples: list[Example],
    dev: list[Batch],
    folder: Path,
    say: Callable[[str], None] = print,
    peers: Peers | None = None,
    judge: Judge | None = None,
) -> None:
    """Train for the schedule's minutes or steps, write ``checkpoint.pt`` and a log of losses to ``folder``.

    With a ``judge`` the averaged weights of the checkpoint that it scored highest stand in ``best.pt``. Of several
    ``peers`` only the one of rank 0 writes; the others lend it their steps.
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
        done = plan.done(now - start, trainer.slice_steps)
        if done >= 1:
            break
        recent.append(trainer.step(batch, done))
        trainer.progress.seconds += time.monotonic() - now
        if peers and trainer.progress.steps % plan.exchange_steps == 0:
            peers.exchange(trainer.network)
        if leads and trainer.progress.steps % plan.report_steps == 0:
            _report(trainer, recent, dev, folder, say)
            recent = []
        if leads and now - saved > plan.save_minutes * 60:
            saved = now
            _save(trainer, folder, judge, say)
    if leads:
        _save(trainer, folder, judge, say)
        _report(trainer, recent or [0.0], dev, folder, say)


def _save(trainer: Trainer, folder: Path, judge: Judge | None, say: Callable[[str], None]) -> None:
    """Write the checkpoint, and beside it the averaged weights where none before scored as well."""
    trainer.save(folder / "checkpoint.pt")
    if judge is None:
        return
    score, best = round(judge(trainer.average), 2), folder / "best.pt"
    before = torch.load(best, map_location="cpu", weights_only=True)["score"] if best.exists() else -1.0
    if score >= before:
        trainer.save_average(best, score)
    _log(folder, {"steps": trainer.progress.steps, "dev_chrf": score, "best_chrf": max(score, before)}, say)


def _report(trainer: Trainer, recent: list[float], dev: list[Batch], folder: Path, say: Callable[[str], None]) -> None:
    progress = trainer.progress
    line: dict[str, float] = {
        "steps": progress.steps,
        "tokens": progress.tokens,
        "tokens_per_s": round(progress.tokens / max(progress.seconds, 1e-9)),
        "loss": round(sum(recent) / len(recent), 4),
        "dev_loss": round(trainer.loss(dev), 4),
        "hours": round(progress.seconds / 3600, 3),
    }
    _log(folder, line, say)


def _log(folder: Path, line: dict[str, float], say: Callable[[str], None]) -> None:
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    say(json.dumps(line))
