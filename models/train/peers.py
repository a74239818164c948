"""Peers: processes that train one network together by averaging their weights now and then (local SGD)."""

from pathlib import Path

import torch
from torch import nn


class Peers:
    """Weights exchanged through files of one folder, without waiting for each other.

    Averaging every few dozen steps learns nearly as fast as one batch as large as all of theirs together (Stich 2019,
    "Local SGD Converges Fast and Communicates Little"), and a peer that other work slows down holds nobody up.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder = folder
        self.rank = rank
        self._seen = {path: path.stat().st_mtime_ns for path in folder.glob("peer-*.pt")}

    def _fresh(self) -> list[dict[str, torch.Tensor]]:
        """What the others wrote since the last look; what was seen before counts once only."""
        fresh = []
        for path in sorted(self.folder.glob("peer-*.pt")):
            written = path.stat().st_mtime_ns
            if path.name != f"peer-{self.rank}.pt" and self._seen.get(path) != written:
                self._seen[path] = written
                fresh.append(torch.load(path, map_location="cpu", weights_only=True))
        return fresh

    @torch.no_grad()
    def exchange(self, network: nn.Module) -> int:
        """Publish the weights of ``network``, then set them to the mean with those of the peers heard of since.

        Returns how many peers that were.
        """
        own = self.folder / f"peer-{self.rank}.pt"
        part = own.with_suffix(".part")
        torch.save(network.state_dict(), part)
        part.replace(own)
        others = self._fresh()
        for name, weight in network.named_parameters():
            total = sum((other[name].to(weight.device) for other in others), weight)
            weight.copy_(total / (1 + len(others)))
        return len(others)
