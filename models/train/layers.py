"""One layer of Gemma 3, implemented with plain matrix products, with low-rank factors merged into its weights."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

GELU_SCALE = 2 * (2 / math.pi) ** 0.5
NORMS = (
    "input_layernorm",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)
GROUPS: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "wide": ("mlp.gate_proj", "mlp.up_proj"),
    "narrow": ("mlp.down_proj",),
}
"""Groups of linear layers, by their names in transformers. A group shares one input, and so one matrix product."""


class Adapted(torch.autograd.Function):
    """A differentiable function that applies linear layers with low-rank factors to the input ``x``.

    ``merged`` contains the weights of the layers, to which the product b a of each layer has been added. Only ``x``,
    ``a`` and ``b`` get gradients. Shapes: x [..., in], merged [out, in], a [layers * rank, in], b [out, rank]. ``outs``
    lists the number of output rows of each layer.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, merged: Tensor, a: Tensor, b: Tensor, outs: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(x, merged, a, b)
        ctx.outs = outs
        return functional.linear(x, merged)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, merged, a, b = ctx.saved_tensors
        outs: tuple[int, ...] = ctx.outs
        rows, dy = x.reshape(-1, x.shape[-1]), grads[0].reshape(-1, merged.shape[0])
        inner = torch.split(rows @ a.T, b.shape[1], dim=1)
        parts, factors = torch.split(dy, list(outs), dim=1), torch.split(b, list(outs))
        db = torch.cat([part.T @ u for part, u in zip(parts, inner, strict=True)])
        back = torch.cat([part @ factor for part, factor in zip(parts, factors, strict=True)], dim=1)
        return (dy @ merged).view(x.shape), None, back.T @ rows, db, None


def _adapted(x: Tensor, merged: Tensor, a: Tensor, b: Tensor, outs: tuple[int, ...]) -> Tensor:
    made: Tensor = Adapted.apply(x, merged, a, b, outs)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return made


def norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Apply the root-mean-square norm in float32 and multiply the result by 1 + ``weight``."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon) * (1.0 + weight)).to(x.dtype)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary position embeddings to ``x`` [..., width].

    ``cos`` and ``sin`` [..., width / 2] are the cosines and sines of the angles.
    """
    one, other = x.float().chunk(2, dim=-1)
    return torch.cat(((one * cos - other * sin).to(x.dtype), (other * cos + one * sin).to(x.dtype)), dim=-1)


def gelu(x: Tensor) -> Tensor:
    """Apply the tanh approximation of GELU. It is computed with a sigmoid, which is equivalent and faster on a CPU."""
    return x * torch.sigmoid(GELU_SCALE * (x + 0.044715 * x * x * x))


def layer(
    x: Tensor,
    turns: Tensor,
    norms: tuple[Tensor, ...],
    weights: tuple[tuple[Tensor, Tensor, Tensor], ...],
    outs: tuple[tuple[int, ...], ...],
    shape: tuple[int, int, float, float],
    dropout: float = 0.0,
) -> Tensor:
    """Apply one layer of Gemma with causal attention to ``x`` [batch, length, width].

    ``turns`` [2, window, head width / 2] contains the cosines and sines of the rotary position embeddings. ``norms``
    contains the weight of each norm in `NORMS`, in that order. For each group in `GROUPS`, in that order, ``weights``
    contains the tensors (merged, a, b) of `Adapted`, and ``outs`` the number of output rows of each linear layer.
    ``shape`` is (number of heads, head width, attention scale, epsilon of the norms). ``dropout`` is the share of the
    output of each of the two blocks that is set to zero.
    """
    heads, width, scale, epsilon = shape
    batch, length, _ = x.shape
    cos, sin = turns[0, :length], turns[1, :length]
    qkv = _adapted(norm(x, norms[0], epsilon), *weights[0], outs[0])
    query, key, value = torch.split(qkv, [heads * width, width, width], dim=-1)
    query = norm(query.reshape(batch, length, heads, width), norms[1], epsilon)
    query = rotated(query, cos[:, None], sin[:, None]).view(batch, length * heads, width)
    key = rotated(norm(key, norms[2], epsilon), cos, sin)
    scores = (query @ key.transpose(1, 2)).view(batch, length, heads, length)
    places = torch.arange(length, device=x.device)
    hidden = places[None, :] > places[:, None]
    scores = (scores.float() * scale).masked_fill(hidden[None, :, None, :], -1e30)
    mixed = scores.softmax(-1).to(x.dtype).view(batch, length * heads, length) @ value
    attended = norm(_adapted(mixed.view(batch, length, heads * width), *weights[1], outs[1]), norms[3], epsilon)
    x = x + functional.dropout(attended, dropout)
    gate, up = _adapted(norm(x, norms[4], epsilon), *weights[2], outs[2]).chunk(2, dim=-1)
    inner = (gelu(gate.float()) * up.float()).to(x.dtype)
    return x + functional.dropout(norm(_adapted(inner, *weights[3], outs[3]), norms[5], epsilon), dropout)
