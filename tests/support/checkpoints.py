"""Random checkpoints of every generation in the official names; dialects have their own file."""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file

GENERATIONS = ("4", "5.0", "5.1", "5.2", "6.0", "7.0")


def random_tensors(
    generation="7.0",
    *,
    layers=3,
    width=64,
    head_size=16,
    ffn_width=None,
    vocabulary=97,
    attention_width=None,
    seed=0,
    dtype=torch.float32,
):
    """Official names -> tensors, in the official shapes, with values like those of a trained model.

    Decays span slow to fast channels, mixes lie in (0, 1), matrices keep the scale of what
    they are given, so that logits spread over several units and states neither die nor blow up.
    ``attention_width`` is the width unless told otherwise; ``head_size`` means nothing in 4.
    """
    draw = _Draw(seed, width, attention_width or width, head_size)
    draw.ffn_width = ffn_width or int(width * (4 if generation in ("4", "5.0", "7.0") else 3.5))
    draw.tensor("emb.weight", 0.6 * draw.normal(vocabulary, width))
    draw.norm("blocks.0.ln0", width)
    for layer in range(layers):
        block = f"blocks.{layer}."
        draw.depth = layer / max(1, layers - 1)
        draw.norm(block + "ln1", width)
        draw.norm(block + "ln2", width)
        _ATTENTION[generation](draw, block + "att.", generation)
        _feed(draw, block + "ffn.", generation)
    draw.norm("ln_out", width)
    draw.tensor("head.weight", draw.normal(vocabulary, width) * 2 / math.sqrt(width))
    return {name: tensor.to(dtype) for name, tensor in draw.tensors.items()}


class _Draw:
    """The tensors drawn so far, and the few kinds of values a checkpoint is made of."""

    def __init__(self, seed, width, attention_width, head_size):
        self.random = torch.Generator().manual_seed(seed)
        self.width, self.attention_width = width, attention_width
        self.head_size, self.heads = head_size, attention_width // head_size
        self.depth, self.tensors = 0.0, {}

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random)

    def tensor(self, name, value):
        self.tensors[name] = value.contiguous()

    def norm(self, name, size, gain=1.0):
        self.tensor(name + ".weight", gain * (1 + 0.15 * self.normal(size)))
        self.tensor(name + ".bias", 0.1 * self.normal(size))

    def matrix(self, name, rows, columns, gain=1.0):
        self.tensor(name + ".weight", self.normal(rows, columns) * gain / math.sqrt(columns))

    def mix(self, name, power=1.0):
        ramp = torch.linspace(0.02, 0.98, self.width) ** power
        noisy = (ramp + 0.1 * self.normal(self.width)).clamp(0.01, 0.99)
        self.tensor(name, noisy.reshape(1, 1, -1))

    def ramp(self, first, last, power=1.0):
        """From slow to fast over the channels, bent differently in every layer, and noisy."""
        line = torch.linspace(0, 1, self.attention_width) ** (power + 1.3 * self.depth)
        return first + (last - first) * line + 0.2 * self.normal(self.attention_width)

    def low_rank(self, name, rank, gain=1.0):
        """``name``1 [width, rank] and ``name``2 [rank, attention width], both as x @ matrix."""
        self.tensor(name + "1", self.normal(self.width, rank) / math.sqrt(self.width))
        out = self.normal(rank, self.attention_width)
        self.tensor(name + "2", out * gain / math.sqrt(rank))

    def projections(self, prefix, names):
        for name in names:
            self.matrix(prefix + name, self.attention_width, self.width)
        self.matrix(prefix + "output", self.width, self.attention_width, gain=0.8)


def _attention4(draw, att, generation):
    draw.tensor(att + "time_decay", draw.ramp(-5, 3, 0.7))
    draw.tensor(att + "time_first", draw.ramp(-1.7, -0.7) + 0.3 * draw.normal(draw.attention_width))
    for name in "kvr":
        draw.mix(f"{att}time_mix_{name}", 0.5 if name == "r" else 1.0)
    draw.projections(att, ("receptance", "key", "value"))


def _attention5(draw, att, generation):
    per_channel = generation == "5.2"
    shape = (draw.heads, draw.head_size)
    decay = draw.ramp(-6, 0.5, 0.7).reshape(shape)
    bonus = 0.5 * draw.normal(*shape)
    for name in "kvr" if generation == "5.0" else "kvrg":
        draw.mix(f"{att}time_mix_{name}", 0.5 if name in "rg" else 1.0)
    draw.tensor(att + "time_decay", decay if per_channel else decay.mean(1))
    draw.tensor(
        att + ("time_faaaa" if per_channel else "time_first"),
        bonus if per_channel else bonus[:, 0] - 0.8,
    )
    gates = () if generation == "5.0" else ("gate",)
    draw.projections(att, ("receptance", "key", "value", *gates))
    draw.norm(att + "ln_x", draw.attention_width)


def _attention6(draw, att, generation):
    rank = max(4, draw.width // 8)
    for name in "xwkvrg":
        draw.mix(f"{att}time_maa_{name}", 0.5 if name in "rg" else 1.0)
    draw.tensor(att + "time_maa_w1", draw.normal(draw.width, 5 * rank) / math.sqrt(draw.width))
    draw.tensor(att + "time_maa_w2", draw.normal(5, rank, draw.width) * 0.3 / math.sqrt(rank))
    draw.tensor(att + "time_decay", draw.ramp(-6, 0.5, 0.7).reshape(1, 1, -1))
    draw.low_rank(att + "time_decay_w", rank + 3, gain=0.7)
    draw.tensor(att + "time_faaaa", 0.5 * draw.normal(draw.heads, draw.head_size))
    draw.projections(att, ("receptance", "key", "value", "gate"))
    draw.norm(att + "ln_x", draw.attention_width)


def _attention7(draw, att, generation):
    flat = draw.attention_width
    for name in "rwkvag":
        draw.mix(f"{att}x_{name}", 0.6 if name in "rg" else 1.0)
    draw.tensor(att + "w0", draw.ramp(-6, 1, 0.9).reshape(1, 1, -1))
    draw.tensor(att + "a0", (0.4 * draw.normal(flat) - 0.2).reshape(1, 1, -1))
    draw.tensor(att + "v0", (0.4 * draw.normal(flat) + 0.7).reshape(1, 1, -1))
    base = max(4, draw.width // 8)
    for name, rank in (("w", base), ("a", base + 1), ("v", base - 1), ("g", 2 * base)):
        draw.low_rank(att + name, rank, gain=2.0 if name == "g" else 0.8)
    draw.tensor(att + "k_k", (0.85 + 0.1 * draw.normal(flat)).reshape(1, 1, -1))
    draw.tensor(att + "k_a", (1 + 0.1 * draw.normal(flat)).reshape(1, 1, -1))
    draw.tensor(att + "r_k", 0.2 * draw.normal(draw.heads, draw.head_size))
    draw.projections(att, ("receptance", "key", "value"))
    draw.norm(att + "ln_x", flat)


def _feed(draw, ffn, generation):
    mixes = {"6.0": ("time_maa_k", "time_maa_r"), "7.0": ("x_k",)}
    for name in mixes.get(generation, ("time_mix_k", "time_mix_r")):
        draw.mix(ffn + name)
    draw.matrix(ffn + "key", draw.ffn_width, draw.width)
    if generation != "7.0":
        draw.matrix(ffn + "receptance", draw.width, draw.width)
    draw.matrix(ffn + "value", draw.width, draw.ffn_width, gain=0.6)


_ATTENTION = {
    "4": _attention4,
    "5.0": _attention5,
    "5.1": _attention5,
    "5.2": _attention5,
    "6.0": _attention6,
    "7.0": _attention7,
}


def write_pth(path, tensors):
    """As the official checkpoints are written: one plain dict of tensors in torch's zip format."""
    torch.save(dict(tensors), path)
    return Path(path)


def write_safetensors(path, tensors, metadata=None):
    """One file, in whatever dialect the names are."""
    save_file(tensors, path, metadata={"format": "pt"} | (metadata or {}))
    return Path(path)
