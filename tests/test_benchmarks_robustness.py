"""The comparison of weights on text in other marks, in capitals and in pairs takes the right rows and weights."""

import warnings
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torch.optim.swa_utils import AveragedModel

from benchmarks import robustness
from benchmarks.robustness import Form, Row
from models.marian.export import write_float16
from models.marian.network import Shape, Transformer
from models.marian.pieces import Pieces, train_vocabulary

GERMAN = ['Er rief: "Halt!"', "Zug nach Köln fährt", "Die Straße ist gesperrt.", "Sie kam um 12.", "Ende."]
ENGLISH = ['He cried: "Stop!"', "Train to Cologne runs", "The road is closed.", "She came at 12.", "The end."]


def rows(form: Form) -> list[tuple[str, ...]]:
    return [(*row.sources, row.reference) for row in form.rows]


def test_each_form_holds_the_lines_that_it_is_about() -> None:
    made = robustness.forms(GERMAN, ENGLISH)
    assert rows(made["as it is"]) == list(zip(GERMAN, ENGLISH, strict=True))
    assert rows(made["quotations in »«"]) == [("Er rief: »Halt!«", ENGLISH[0])]
    assert made["headlines in capitals"] == Form((Row(("ZUG NACH KÖLN FÄHRT",), ENGLISH[1]),), caseless=True)
    joined = [(f"{GERMAN[n]} {GERMAN[n + 1]}", f"{ENGLISH[n]} {ENGLISH[n + 1]}") for n in (0, 2)]
    assert rows(made["two sentences as one"]) == joined
    assert rows(made["two sentences, each alone"]) == [
        (GERMAN[n], GERMAN[n + 1], reference) for n, (_, reference) in zip((0, 2), joined, strict=True)
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What training on the pairs left: its folder, its averaged weights as a landed model, and its last weights so."""
    work, landed, last = (tmp_path_factory.mktemp(name) for name in ("work", "landed", "last"))
    for folder in (work, landed, last):
        train_vocabulary([*GERMAN, *ENGLISH] * 9, 345, folder / "pieces.model")
    pieces = Pieces(work / "pieces.model")
    shape, last_weights, average = trained(pieces)
    (work / "translation").mkdir()
    torch.save({"shape": asdict(shape), "average": average}, work / "translation" / "checkpoint.pt")
    write_float16(landed / "float16", shape, average, pieces)
    write_float16(last / "float16", shape, last_weights, pieces)
    return {"training": work, "landed": landed, "last": last}


def trained(pieces: Pieces) -> tuple[Shape, dict[str, Tensor], dict[str, Tensor]]:
    """A small network's last and averaged weights after it has seen the pairs, again and again."""
    torch.manual_seed(1)
    shape = Shape(len(pieces), width=32, feed_forward=64, encoder_layers=1, decoder_layers=1)
    network = Transformer(shape)
    average = AveragedModel(network, avg_fn=lambda mean, new, _: mean.lerp(new, 0.1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    source, target = (_padded(pieces.encode(lines), pieces) for lines in (GERMAN, ENGLISH))
    inputs = torch.cat((torch.full_like(target[:, :1], pieces.pad_id), target[:, :-1]), dim=1)
    for _ in range(150):
        scores, _attention = network(source, inputs)
        loss = functional.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=pieces.pad_id)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        optimiser.zero_grad()
        average.update_parameters(network)
    return shape, network.state_dict(), average.module.state_dict()


def _padded(rows: list[list[int]], pieces: Pieces) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pieces.pad_id)


def test_a_training_is_measured_by_its_averaged_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    for side, lines in (("de", GERMAN), ("en", ENGLISH)):
        (tmp_path / "eval" / f"{robustness.TEST_SET}.{side}").write_text("\n".join(lines) + "\n", "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers recommends sacremoses to whoever loads a Marian tokenizer
        found = robustness.measure(folders, tmp_path, limit=4)
    sha256 = found["weights_sha256"]
    assert sha256["training"] == sha256["landed"] != sha256["last"]
    plain = found["table"]["as it is"]
    assert plain["rows"] == 4
    assert plain["training"] == plain["landed"]
    assert plain["training"]["chrf"] > 75  # phrases of three pieces are blocked, and pieces are short here
    assert plain["training"]["gain"]["chrf"] == 0
