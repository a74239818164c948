"""The loss of the tied output layer, computed in chunks of positions to save memory."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

CHUNK = {"cpu": 256, "cuda": 4096}
"""The number of positions whose logits are in memory at the same time, by device."""

Chunk = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def loss_and_gradient(h: Tensor, embedding: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    logits = (h @ embedding.T).float()
    top = logits.logsumexp(-1, keepdim=True)
    loss = (top.squeeze(-1) - logits.gather(-1, labels[:, None]).squeeze(-1)) * weights
    right = torch.arange(logits.shape[-1], device=h.device)[None, :] == labels[:, None]
    slope = ((logits - top).exp() - right.float()) * weights[:, None]
    return loss, slope.to(h.dtype) @ embedding


class HeadLoss(torch.autograd.Function):
    """A differentiable function that returns the cross-entropy of each label, multiplied by the label's weight.

    The result is [positions]. ``h`` [positions, width] contains the hidden states, and ``embedding`` the tied embedding
    that serves as the output layer. The forward pass computes the loss and its gradient in chunks, so the logits of all
    positions are never in memory at the same time.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, embedding: Tensor, labels: Tensor, weights: Tensor, run: Chunk) -> Tensor:
        parts = zip(*(torch.split(x, CHUNK[h.device.type]) for x in (h, labels, weights)), strict=True)
        made = [run(part, embedding, label, weight) for part, label, weight in parts]
        ctx.save_for_backward(torch.cat([slope for _, slope in made]))
        return torch.cat([loss for loss, _ in made])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return slope * grads[0][:, None].to(slope.dtype), None, None, None, None
