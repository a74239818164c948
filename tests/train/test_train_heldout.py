"""The held-back slice as a judge: greedy outputs, the score, and which checkpoint is kept and exported."""

import json
from pathlib import Path

import pytest
import torch

from models.train.__main__ import _best
from models.train.batches import Example, collate
from models.train.heldout import HeldOut, greedy
from models.train.loop import Judge, Trainer, run
from models.train.network import Shape, Transformer
from models.train.pieces import Pieces, train_vocabulary
from models.train.schedule import Schedule

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
SMALL = {"width": 16, "feed_forward": 16, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Pieces:
    path = tmp_path_factory.mktemp("pieces") / "pieces.model"
    train_vocabulary(SENTENCES * 3, 460, path)
    return Pieces(path)


@pytest.fixture(scope="module")
def examples(vocabulary: Pieces) -> list[Example]:
    """Sentences to be written as they stand."""
    ids = vocabulary.encode(SENTENCES[:6])
    return [Example(one, one, [-1] * len(one)) for one in ids]


def trainer_of(vocabulary: Pieces, schedule: Schedule) -> Trainer:
    return Trainer(Shape(len(vocabulary), **SMALL), schedule, torch.device("cpu"))


def test_greedy_outputs_are_the_same_alone_and_in_company(vocabulary: Pieces, examples: list[Example]) -> None:
    torch.manual_seed(2)
    network = Transformer(Shape(len(vocabulary), **SMALL)).eval()
    together = greedy(network, collate(examples, vocabulary.pad_id).source, vocabulary.eos_id, 8)
    alone = [greedy(network, collate([one], vocabulary.pad_id).source, vocabulary.eos_id, 8)[0] for one in examples]
    assert together == alone
    assert all(vocabulary.eos_id not in row and len(row) <= 8 for row in together)


def test_greedy_takes_the_likeliest_piece_until_end_of_sentence(vocabulary: Pieces, examples: list[Example]) -> None:
    network = Transformer(Shape(len(vocabulary), **SMALL)).eval()
    source = collate(examples[:1], vocabulary.pad_id).source
    with torch.no_grad():
        network.output_bias[7] = 1e3
        assert greedy(network, source, vocabulary.eos_id, 3) == [[7, 7, 7]]
        network.output_bias[vocabulary.eos_id] = 1e4
        assert greedy(network, source, vocabulary.eos_id, 3) == [[]]


def test_a_network_that_learnt_the_slice_scores_higher(vocabulary: Pieces, examples: list[Example]) -> None:
    schedule = Schedule(None, 400, peak_rate=1e-2, warmup_steps=10, average_decay=0.9, label_smoothing=0.0)
    trainer, judge = trainer_of(vocabulary, schedule), HeldOut(examples, vocabulary)
    before = judge(trainer.average)
    for step in range(400):
        trainer.step(collate(examples, vocabulary.pad_id), step / 400)
    assert 0 <= before < 30
    assert judge(trainer.average) > before + 20


def scores(*values: float) -> Judge:
    left = iter(values)
    return lambda _network: next(left)


def lines_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def test_the_best_of_several_slices_is_kept_and_exported(
    vocabulary: Pieces, examples: list[Example], tmp_path: Path
) -> None:
    trainer = trainer_of(vocabulary, Schedule(None, 2, warmup_steps=1))
    dev = [collate(examples, vocabulary.pad_id)]
    assert _best(tmp_path) == tmp_path / "checkpoint.pt"
    for value in (10.0, 12.5, 11.0):
        trainer.slice_steps = 0
        run(trainer, examples, dev, tmp_path, lambda _: None, judge=scores(value))
    best = torch.load(_best(tmp_path), weights_only=True)
    assert (best["score"], best["progress"]["steps"]) == (12.5, 4)
    assert [line["best_chrf"] for line in lines_of(tmp_path) if "best_chrf" in line] == [10.0, 12.5, 12.5]


def test_a_slice_ends_after_its_steps(vocabulary: Pieces, examples: list[Example], tmp_path: Path) -> None:
    trainer = trainer_of(vocabulary, Schedule(None, 7, warmup_steps=1, batch_tokens=60))
    run(trainer, examples, [collate(examples, vocabulary.pad_id)], tmp_path, lambda _: None)
    assert trainer.progress.steps == 7


def test_a_slice_has_an_end() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        Schedule(None)
