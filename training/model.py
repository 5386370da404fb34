"""A trainable RWKV-7 (x070) with the official key names and shapes. Knows nothing of text.

Shapes: (B, T, C) is batch, time, channels; N the head size; H = C / N heads. Formulas: the RWKV-7
paper ("Goose") and the official x070 implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.wkv7 import wkv7

Recurrence = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
DECAY_SCALE = -0.606531  # -exp(-1/2): decays stay above 0.545
GROUP_EPS = 64e-5
MIXES = ("r", "w", "k", "v", "a", "g")


@dataclass(frozen=True)
class Shape:
    """The sizes of one model; the ranks are those of the low-rank paths."""

    layers: int = 4
    width: int = 256
    head_size: int = 64
    vocabulary: int = 256
    decay_rank: int = 32
    rate_rank: int = 32
    value_rank: int = 16
    gate_rank: int = 64

    @property
    def heads(self) -> int:
        """H, the number of heads of every layer."""
        return self.width // self.head_size


def _vector(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.float().reshape(1, 1, -1).clone())


def _small(rows: int, columns: int) -> nn.Parameter:
    weight = torch.empty(rows, columns)
    nn.init.orthogonal_(weight, gain=0.1 * max(1.0, columns / rows) ** 0.5)
    return nn.Parameter(weight)


def _linear(wide: int, narrow: int, reach: float) -> nn.Linear:
    """A bias-free matrix (wide outputs, narrow inputs), uniform in ±reach; a reach of 0 is zero."""
    layer = nn.Linear(narrow, wide, bias=False)
    nn.init.uniform_(layer.weight, -reach, reach) if reach else nn.init.zeros_(layer.weight)
    return layer


class TimeMix(nn.Module):
    """Token shift, decay, learning rate, value residual, gate and the state of one layer.

    Unlike the official start, a0 lets little be overwritten and the output matrices are not zero:
    the answers then depend on the question after far fewer steps.
    """

    def __init__(self, shape: Shape, index: int) -> None:
        super().__init__()
        width = shape.width
        depth = index / max(1, shape.layers - 1)
        fade = 1 - index / shape.layers
        place = torch.arange(width) / width
        line = torch.arange(width) / (width - 1) - 0.5
        inside = torch.arange(width) % shape.head_size / (shape.head_size - 1) * 2 - 1
        zigzag = inside * inside.abs()
        for name, power in zip(MIXES, (0.2, 0.9, 0.7, 0.7, 0.9, 0.2), strict=True):
            setattr(self, f"x_{name}", _vector(1 - place ** (power * fade)))
        spread = -6 + 6 * (line + 0.5) ** (1 + depth**0.3)
        self.w0 = _vector(spread + 0.5 + 2.5 * zigzag)
        self.a0 = _vector(-3.19 + 0.3 * zigzag + 0.4 * line)
        self.v0 = _vector(0.73 - 0.4 * line)
        ranks = {"w": shape.decay_rank, "a": shape.rate_rank, "v": shape.value_rank}
        for name, rank in {**ranks, "g": shape.gate_rank}.items():
            setattr(self, f"{name}1", nn.Parameter(torch.zeros(width, rank)))
            setattr(self, f"{name}2", _small(rank, width))
        nn.init.uniform_(self.g1, -0.3 / width**0.5, 0.3 / width**0.5)
        self.k_k = _vector(0.71 - 0.1 * line)
        self.k_a = _vector(torch.full((width,), 1.02))
        self.r_k = nn.Parameter(torch.full((shape.heads, shape.head_size), -0.04))
        reach = 0.5 / width**0.5
        self.receptance = _linear(width, width, reach)
        self.key = _linear(width, width, reach * 0.1)
        self.value = _linear(width, width, reach)
        self.output = _linear(width, width, reach)
        self.ln_x = nn.GroupNorm(shape.heads, width, eps=GROUP_EPS)
        nn.init.constant_(self.ln_x.weight, ((1 + index) / shape.layers) ** 0.7)
        self.shape, self.index = shape, index

    x_r: Tensor
    x_w: Tensor
    x_k: Tensor
    x_v: Tensor
    x_a: Tensor
    x_g: Tensor
    w1: Tensor
    w2: Tensor
    a1: Tensor
    a2: Tensor
    v1: Tensor
    v2: Tensor
    g1: Tensor
    g2: Tensor

    def forward(
        self, h: Tensor, value_first: Tensor | None, recurrence: Recurrence
    ) -> tuple[Tensor, Tensor]:
        """The mixed (B, T, C) output, and layer 0's values (given as None in layer 0)."""
        dx = functional.pad(h, (0, 0, 1, -1)) - h
        mixed = [h + dx * getattr(self, f"x_{name}") for name in MIXES]
        r, k, v = self.receptance(mixed[0]), self.key(mixed[2]), self.value(mixed[3])
        z = self.w0 + torch.tanh(mixed[1] @ self.w1) @ self.w2
        decay = torch.exp(DECAY_SCALE * torch.sigmoid(z.float()))
        rate = torch.sigmoid(self.a0 + (mixed[4] @ self.a1) @ self.a2)
        gate = torch.sigmoid(mixed[5] @ self.g1) @ self.g2
        if value_first is None:
            value_first = v
        else:
            v = v + (value_first - v) * torch.sigmoid(self.v0 + (mixed[3] @ self.v1) @ self.v2)
        kk = functional.normalize(self._heads(k * self.k_k), dim=-1, eps=1e-12)
        k = k * (1 + (rate - 1) * self.k_a)
        rh, kh, vh, ah = (self._heads(x) for x in (r, k, v, rate))
        y = recurrence(rh, self._heads(decay), kh, vh, -kk, kk * ah).flatten(2)
        y = self._group_norm(y)
        y = y + ((rh * kh * self.r_k).sum(-1, keepdim=True) * vh).flatten(2)
        return self.output(y * gate), value_first

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.shape.heads, self.shape.head_size)

    def _group_norm(self, y: Tensor) -> Tensor:
        grouped = functional.layer_norm(self._heads(y), (self.shape.head_size,), eps=GROUP_EPS)
        return grouped.flatten(2) * self.ln_x.weight + self.ln_x.bias


class ChannelMix(nn.Module):
    """The feed-forward half of a layer: squared ReLU, no receptance gate."""

    def __init__(self, shape: Shape, index: int) -> None:
        super().__init__()
        width = shape.width
        self.x_k = _vector(1 - (torch.arange(width) / width) ** ((1 - index / shape.layers) ** 4))
        self.key = _linear(4 * width, width, 0.5 / width**0.5)
        self.value = _linear(width, 4 * width, 0.25 / width**0.5)

    def forward(self, h: Tensor) -> Tensor:
        """(B, T, C) normalised input to the (B, T, C) output."""
        dx = functional.pad(h, (0, 0, 1, -1)) - h
        hidden: Tensor = self.value(torch.relu(self.key(h + dx * self.x_k)) ** 2)
        return hidden


class Block(nn.Module):
    """One layer: both halves with their norms; layer 0 also normalises the embedding."""

    def __init__(self, shape: Shape, index: int) -> None:
        super().__init__()
        self.index = index
        if index == 0:
            self.ln0 = nn.LayerNorm(shape.width)
        self.ln1, self.ln2 = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.att, self.ffn = TimeMix(shape, index), ChannelMix(shape, index)

    def forward(
        self, x: Tensor, value_first: Tensor | None, recurrence: Recurrence
    ) -> tuple[Tensor, Tensor]:
        """(B, T, C) stream through the layer; also hands on layer 0's values."""
        if self.index == 0:
            x = self.ln0(x)
        mixed, value_first = self.att(self.ln1(x), value_first, recurrence)
        x = x + mixed
        return x + self.ffn(self.ln2(x)), value_first


class Rwkv7(nn.Module):
    """The whole model; its state_dict has the official names."""

    def __init__(self, shape: Shape, recurrence: Recurrence = wkv7) -> None:
        super().__init__()
        self.shape, self.recurrence = shape, recurrence
        self.emb = nn.Embedding(shape.vocabulary, shape.width)
        nn.init.uniform_(self.emb.weight, -0.01, 0.01)
        self.blocks = nn.ModuleList(Block(shape, index) for index in range(shape.layers))
        self.ln_out = nn.LayerNorm(shape.width)
        self.head = _linear(shape.vocabulary, shape.width, 0.5 / shape.width**0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) ids to (B, T, V) logits after every token."""
        x = self.emb(tokens)
        value_first: Tensor | None = None
        for block in self.blocks:
            x, value_first = block(x, value_first, self.recurrence)
        logits: Tensor = self.head(self.ln_out(x))
        return logits
