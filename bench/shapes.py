"""Random checkpoints in the official names and the sizes of official releases; knows no engine.

Speed does not depend on the numbers, only on shapes and types; the scales keep logits finite.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

GENERATIONS = ("4", "5.0", "5.1", "5.2", "6.0", "7.0")


@dataclass(frozen=True)
class Size:
    """Layers, width, and the ranks of RWKV-7's chains (w, a, v, g); heads are 64 wide."""

    layers: int
    width: int
    ranks: tuple[int, int, int, int]
    vocabulary: int = 65536


SIZES = {
    "0.1B": Size(12, 768, (64, 64, 32, 128)),
    "0.4B": Size(24, 1024, (64, 64, 32, 128)),
    "1.5B": Size(24, 2048, (96, 96, 64, 256)),
    "2.9B": Size(32, 2560, (96, 96, 64, 320)),
    "7.2B": Size(32, 4096, (128, 128, 96, 480)),
}


Change = Callable[[str, torch.Tensor], torch.Tensor]


def write_checkpoint(
    path: Path, generation: str, size: Size, *, seed: int = 0, change: Change | None = None
) -> None:
    """Write a .pth in bfloat16, as the official ones are.

    ``change`` gets every name and its float32 numbers and gives back what shall be written.
    """
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape, low, high in entries(generation, size):
        drawn = low + (high - low) * torch.rand(shape, generator=random)
        tensors[name] = (change(name, drawn) if change else drawn).to(torch.bfloat16)
    # the package finds RWKV-5 only if it meets ln_x before time_decay
    ordered = dict(sorted(tensors.items(), key=lambda item: "ln_x" not in item[0]))
    torch.save(ordered, path)


def with_zeros(name: str, drawn: torch.Tensor) -> torch.Tensor:
    """Shifts what the feed-forward multiplies with, so that the ReLU leaves 15 % of its channels.

    The norm before it gets a bias, and the keys a share of its opposite: the sums then have a mean
    of 1.04 deviations below zero.  Trained models come to such sums by themselves.
    """
    if name.endswith("ln2.bias"):
        return drawn + _BIAS
    if name.endswith("ffn.key.weight"):
        width = drawn.shape[1]
        # of a row times a blend of two tokens' norms, which halves or keeps their variance
        deviation = math.sqrt(2 / 3 * (1 + 0.05 / 3) + _BIAS**2)
        return drawn - _QUANTILE * deviation / (width * _BIAS)
    return drawn


def as_normal(name: str, drawn: torch.Tensor) -> torch.Tensor:
    """Matrices normally distributed with the same deviation, as those of trained models nearly are.

    What rounding costs depends on it; a uniform distribution flatters evenly spaced steps.
    """
    if drawn.dim() != 2 or not name.endswith(".weight") or name.startswith("emb"):
        return drawn
    reach = drawn.abs().amax()
    return torch.erfinv(drawn / reach * _INSIDE) * math.sqrt(2 / 3) * reach


def with_tails(name: str, drawn: torch.Tensor) -> torch.Tensor:
    """Matrices of Student's t distribution with 5 degrees of freedom, of the same deviation."""
    normal = as_normal(name, drawn)
    if normal is drawn:
        return drawn
    random = torch.Generator().manual_seed(drawn.numel())
    squares = torch.zeros(drawn.shape)
    for _ in range(_FREEDOM):
        squares += torch.randn(drawn.shape, generator=random).square()
    return normal * torch.sqrt((_FREEDOM - 2) / squares)


_INSIDE = 1 - 1e-6
_FREEDOM = 5
_BIAS = 0.5
_QUANTILE = 1.0364  # the normal distribution's at 85 %

Entry = tuple[str, tuple[int, ...], float, float]  # name, shape, least, most


def entries(generation: str, size: Size) -> Iterator[Entry]:
    """Every tensor of a model, with the ends between which its numbers are drawn."""
    width = size.width
    yield "emb.weight", (size.vocabulary, width), -0.5, 0.5
    yield from _norm("blocks.0.ln0", width)
    for layer in range(size.layers):
        block = f"blocks.{layer}."
        yield from _norm(block + "ln1", width)
        yield from _norm(block + "ln2", width)
        yield from _PARTS[generation](block, size)
    yield from _norm("ln_out", width)
    yield _matrix("head", size.vocabulary, width)


def _norm(name: str, width: int) -> Iterator[Entry]:
    yield name + ".weight", (width,), 0.8, 1.2
    yield name + ".bias", (width,), -0.1, 0.1


def _matrix(name: str, rows: int, columns: int) -> Entry:
    reach = math.sqrt(3 / columns)
    return name + ".weight", (rows, columns), -reach, reach


def _projections(block: str, width: int, names: str) -> Iterator[Entry]:
    for name in names.split():
        yield _matrix(f"{block}att.{name}", width, width)


def _gated_feed(block: str, width: int, ffn_width: int, mix: str) -> Iterator[Entry]:
    for name in "kr":
        yield f"{block}ffn.{mix}_{name}", (1, 1, width), 0.0, 1.0
    yield _matrix(block + "ffn.key", ffn_width, width)
    yield _matrix(block + "ffn.value", width, ffn_width)
    yield _matrix(block + "ffn.receptance", width, width)


def _dove(block: str, size: Size) -> Iterator[Entry]:
    width = size.width
    for name in "kvr":
        yield f"{block}att.time_mix_{name}", (1, 1, width), 0.0, 1.0
    yield block + "att.time_decay", (width,), -5.0, 2.0
    yield block + "att.time_first", (width,), -1.0, 0.0
    yield from _projections(block, width, "receptance key value output")
    yield from _gated_feed(block, width, 4 * width, "time_mix")


def _eagle(generation: str, block: str, size: Size) -> Iterator[Entry]:
    width, heads = size.width, size.width // 64
    gated, each = generation != "5.0", generation == "5.2"
    for name in "kvrg" if gated else "kvr":
        yield f"{block}att.time_mix_{name}", (1, 1, width), 0.0, 1.0
    shape = (heads, 64) if each else (heads,)
    yield block + "att.time_decay", shape, -6.0, 0.5
    yield block + ("att.time_faaaa" if each else "att.time_first"), shape, -0.5, 0.5
    yield from _projections(block, width, "receptance key value output" + " gate" * gated)
    yield from _norm(block + "att.ln_x", width)
    yield from _gated_feed(block, width, _narrow(width) if gated else 4 * width, "time_mix")


def _finch(block: str, size: Size) -> Iterator[Entry]:
    width, heads = size.width, size.width // 64
    for name in "xwkvrg":
        yield f"{block}att.time_maa_{name}", (1, 1, width), 0.0, 1.0
    yield block + "att.time_maa_w1", (width, 5 * 32), -0.05, 0.05
    yield block + "att.time_maa_w2", (5, 32, width), -0.05, 0.05
    yield block + "att.time_decay", (1, 1, width), -6.0, 0.5
    yield block + "att.time_decay_w1", (width, 64), -0.05, 0.05
    yield block + "att.time_decay_w2", (64, width), -0.05, 0.05
    yield block + "att.time_faaaa", (heads, 64), -0.5, 0.5
    yield from _projections(block, width, "receptance key value gate output")
    yield from _norm(block + "att.ln_x", width)
    yield from _gated_feed(block, width, _narrow(width), "time_maa")


def _goose(block: str, size: Size) -> Iterator[Entry]:
    width, att = size.width, block + "att."
    for name in "rwkvag":
        yield f"{att}x_{name}", (1, 1, width), 0.0, 1.0
    for name, rank in zip("wavg", size.ranks, strict=True):
        yield f"{att}{name}1", (width, rank), -0.05, 0.05
        yield f"{att}{name}2", (rank, width), -0.05, 0.05
    for name in "wav":
        yield f"{att}{name}0", (1, 1, width), -2.0, 1.0
    yield att + "k_k", (1, 1, width), 0.7, 1.0
    yield att + "k_a", (1, 1, width), 0.8, 1.2
    yield att + "r_k", (width // 64, 64), -0.3, 0.3
    yield from _projections(block, width, "receptance key value output")
    yield from _norm(att + "ln_x", width)
    yield block + "ffn.x_k", (1, 1, width), 0.0, 1.0
    yield _matrix(block + "ffn.key", 4 * width, width)
    yield _matrix(block + "ffn.value", width, 4 * width)


def _narrow(width: int) -> int:
    """The feed-forward width of generations 5.1 to 6.0."""
    return int(3.5 * width) // 32 * 32


_PARTS = {
    "4": _dove,
    "5.0": lambda block, size: _eagle("5.0", block, size),
    "5.1": lambda block, size: _eagle("5.1", block, size),
    "5.2": lambda block, size: _eagle("5.2", block, size),
    "6.0": _finch,
    "7.0": _goose,
}


def shortened(size: Size, layers: int) -> Size:
    """The same width with other layers."""
    return replace(size, layers=layers)
