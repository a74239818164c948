"""Peers: weights of processes that train together are averaged through files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from models.train.batches import Example, collate
from models.train.loop import Trainer, run
from models.train.network import Shape
from models.train.peers import Peers
from models.train.schedule import Schedule

EXAMPLES = [Example([1, 2, 3, 0], [4, 5, 0], [0, 1, 3]), Example([2, 3, 0], [5, 0], [0, 2])]
SHAPE = Shape(vocabulary=8, width=8, feed_forward=8, heads=2, encoder_layers=1, decoder_layers=1)


def network(value: float) -> nn.Linear:
    """One weight of that value."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def test_two_peers_meet_in_the_mean(tmp_path: Path) -> None:
    first, second = Peers(tmp_path, 0), Peers(tmp_path, 1)
    a, b = network(1.0), network(3.0)
    assert first.exchange(a) == 0
    assert second.exchange(b) == 1
    assert b.weight.item() == 2.0


def test_what_a_peer_wrote_counts_once(tmp_path: Path) -> None:
    first, second = Peers(tmp_path, 0), Peers(tmp_path, 1)
    second.exchange(network(3.0))
    a = network(1.0)
    assert (first.exchange(a), first.exchange(a)) == (1, 0)
    assert a.weight.item() == 2.0


def test_what_an_earlier_run_left_is_not_heard(tmp_path: Path) -> None:
    Peers(tmp_path, 1).exchange(network(3.0))
    a = network(1.0)
    assert Peers(tmp_path, 0).exchange(a) == 0
    assert a.weight.item() == 1.0


@pytest.mark.parametrize(("rank", "written"), [(0, ["checkpoint.pt"]), (1, [])])
def test_only_the_first_peer_writes_the_checkpoint(tmp_path: Path, rank: int, written: list[str]) -> None:
    schedule = Schedule(minutes=0.01, warmup_steps=1, exchange_steps=1, report_steps=1)
    trainer = Trainer(SHAPE, schedule, torch.device("cpu"))
    run(trainer, EXAMPLES, [collate(EXAMPLES, 7)], tmp_path, lambda _: None, Peers(tmp_path, rank))
    assert trainer.progress.steps > 0
    assert [path.name for path in tmp_path.glob("checkpoint.pt")] == written
    assert (tmp_path / f"peer-{rank}.pt").exists()
