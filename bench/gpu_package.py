"""The ``rwkv`` package on the same card, where there is a torch with CUDA; a process of its own.

Its weights are as random as ours, and handed to it in place of a file.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .gpu_weights import RandomWeights
from .runners.package import Package
from .shapes import SIZES, entries

_PROMPT = 1024
_TOKENS = 64


def why_not() -> str:
    """What is missing for it; "" where nothing is."""
    if importlib.util.find_spec("rwkv") is None:
        return "the rwkv package is not installed"
    return "" if torch.cuda.is_available() else "this torch has no CUDA"


def speeds(
    shapes: list[str], strategy: str, enough: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Rows of the table "package": tokens per second of one text."""
    for shape in shapes:
        if enough():
            return
        weights = RandomWeights("7.0", SIZES[shape], "fp16")
        # in the official order, which the package relies on
        tensors = {name: weights.read(name) for name, *_ in entries("7.0", SIZES[shape])}
        real = torch.load
        try:
            torch.load = lambda *_, _given=tensors, **__: _given
            engine = Package()
            engine.load("random.pth", strategy)
        finally:
            torch.load = real
        del tensors
        prompt = [at * 7 % 65536 for at in range(_PROMPT)]
        row = {"table": "package", "model": shape, "strategy": strategy}
        yield row | {"decode_per_s": _decode(engine), "prefill_per_s": _prefill(engine, prompt)}
        del engine
        torch.cuda.empty_cache()


def _decode(engine: Package) -> float:
    engine.blank(1)
    best = engine.feed([[1]])
    for _ in range(3):
        best = engine.feed([best])
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(_TOKENS):
        best = engine.feed([best])
    torch.cuda.synchronize()
    return _TOKENS / (time.perf_counter() - begun)


def _prefill(engine: Package, prompt: list[int]) -> float:
    engine.blank(1)
    engine.feed([prompt[:64]])
    engine.blank(1)
    torch.cuda.synchronize()
    begun = time.perf_counter()
    engine.feed([prompt])
    torch.cuda.synchronize()
    return len(prompt) / (time.perf_counter() - begun)
