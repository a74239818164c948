"""The held-back slice as a judge of weights: chrF of what they write for it, greedily."""

from collections.abc import Sequence

import sacrebleu
import torch
from torch import Tensor

from models.train.batches import Example, collate
from models.train.network import Transformer
from models.train.pieces import Pieces

MOST_PIECES = 50
PAIRS_A_BATCH = 25
OUTPUT_RATIO, OUTPUT_EXTRA = 1.5, 10


@torch.no_grad()
def greedy(network: Transformer, source: Tensor, eos_id: int, most: int) -> list[list[int]]:
    """The likeliest next piece again and again, for ids [n, s]; each ends before end-of-sentence or after ``most``."""
    pad_id = network.shape.vocabulary - 1
    memory, mask = network.encode(source)
    target = torch.full((len(source), 1), pad_id, device=source.device)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(most):
        following = network.scores(network.hidden(target, memory, mask)[0][:, -1]).argmax(-1)
        following[ended] = eos_id
        target = torch.cat([target, following.unsqueeze(1)], dim=1)
        ended |= following == eos_id
        if bool(ended.all()):
            break
    rows: list[list[int]] = target[:, 1:].tolist()
    return [row[: row.index(eos_id)] if eos_id in row else row for row in rows]


class HeldOut:
    """The first ``pairs`` of the held-back examples; called with a network, it gives corpus chrF from 0 to 100.

    Sources over `MOST_PIECES` are passed over: every step reads the whole output anew, and a young network writes on
    to the limit.
    """

    def __init__(self, examples: Sequence[Example], vocabulary: Pieces, pairs: int = 100) -> None:
        short = [example for example in examples if len(example.source) <= MOST_PIECES]
        self._examples = sorted(short[:pairs], key=lambda example: len(example.source))
        self._vocabulary = vocabulary

    def __call__(self, network: Transformer) -> float:
        """Score the network; it is left in evaluation mode."""
        network.eval()
        device = next(network.parameters()).device
        written: list[str] = []
        for start in range(0, len(self._examples), PAIRS_A_BATCH):
            source = collate(self._examples[start : start + PAIRS_A_BATCH], self._vocabulary.pad_id).source.to(device)
            most = int(OUTPUT_RATIO * source.size(1)) + OUTPUT_EXTRA
            rows = greedy(network, source, self._vocabulary.eos_id, most)
            written += [self._vocabulary.decode(row) for row in rows]
        references = [self._vocabulary.decode(example.target) for example in self._examples]
        return float(sacrebleu.CHRF().corpus_score(written, [references]).score)
