"""Whole models of every generation on a card beside their plain twins, in every format."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.models import Rwkv, build
from app.runtime.planning.strategy import whole_on

from .gpu_weights import RandomWeights
from .shapes import GENERATIONS, SIZES, Size

SMALL = Size(3, 256, (16, 16, 16, 32), vocabulary=1024)
FORMATS = {"fp32": 1e-4, "fp16": 5e-3, "bf16": 4e-2, "int8": 4e-2, "int4": 4e-2}
"""Formats on a card, and the error that rounding explains beside the twin in the same format."""

_TRUE_SIZE, _TRUE_LIMIT = "0.4B", 1e-2
_FLOATS = ("fp32", "fp16", "bf16")
_PROMPT, _TOKENS = 20, 4


class Found(NamedTuple):
    """One comparison: the error is the largest difference as a share of the largest logit."""

    model: str
    form: str
    error: float
    agree: float  # share of rows with the same best token
    limit: float

    @property
    def passed(self) -> bool:
        """Never for what is not a number."""
        return self.error <= self.limit


def comparisons(
    gpu: CudaOps,
    size: Size,
    enough: Callable[[], bool],
    generations: tuple[str, ...] = GENERATIONS,
) -> Iterator[Found]:
    """All formats of all generations, until ``enough`` says so."""
    for generation in generations:
        for form, limit in FORMATS.items():
            if enough():
                return
            # packed matrices are made of the same numbers by both
            weights = RandomWeights(generation, size, form if form in _FLOATS else "bf16")
            found = _logits(build(weights, gpu, whole_on("cuda", form)))
            right = _logits(build(weights, PortableOps(), whole_on("cpu", form)))
            yield _compared(f"RWKV-{generation}", form, found, right, limit)


def true_size(gpu: CudaOps, shape: str = _TRUE_SIZE) -> Found:
    """RWKV-7 of a released size in fp16 on the card, beside float32 on the processor."""
    weights = RandomWeights("7.0", SIZES[shape], "fp16")
    found = _logits(build(weights, gpu, whole_on("cuda", "fp16")))
    right = _logits(build(weights, PortableOps(), whole_on("cpu", "fp32")))
    return _compared(f"RWKV-7.0 {shape}, beside float32", "fp16", found, right, _TRUE_LIMIT)


def _compared(model: str, form: str, found: Tensor, right: Tensor, limit: float) -> Found:
    error = float((found - right).abs().max() / right.abs().max())
    agree = float((found.argmax(-1) == right.argmax(-1)).float().mean())
    return Found(model, form, error, agree, limit)


def _logits(model: Rwkv) -> Tensor:
    """After each of some tokens of two texts: first all at once, then one by one."""
    count = _PROMPT + _TOKENS
    tokens = torch.arange(2 * count).view(2, count) * 37 % model.spec.vocabulary
    state = model.blank(2)
    prompt = model.forward(tokens[:, :_PROMPT], state, every=True).flatten(0, 1).clone()
    single = [model.forward(tokens[:, at : at + 1], state).clone() for at in range(_PROMPT, count)]
    return torch.cat([prompt, *single]).float()
