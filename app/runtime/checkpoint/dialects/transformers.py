"""The names of transformers' RWKV-4 and of the RWKV-5 and -6 models that bring their own code."""

import re

from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container

_OUTER = {
    "rwkv.embeddings.weight": "emb.weight",
    "rwkv.ln_out.weight": "ln_out.weight",
    "rwkv.ln_out.bias": "ln_out.bias",
}
_BLOCK = re.compile(r"rwkv\.blocks\.(\d{1,4})\.(.+)", re.ASCII)
_WORDS = (
    (re.compile(r"^attention\."), "att."),
    (re.compile(r"^feed_forward\."), "ffn."),
    (re.compile(r"^pre_ln\."), "ln0."),
    (re.compile(r"\btime_mix_key$"), "time_mix_k"),
    (re.compile(r"\btime_mix_value$"), "time_mix_v"),
    (re.compile(r"\btime_mix_receptance$"), "time_mix_r"),
    (re.compile(r"\btime_mix_gate$"), "time_mix_g"),
)


def fits_4(container: Container) -> bool:
    """RWKV-4 of transformers: no norm after the attention."""
    return _fits(container) and not fits_5(container) and not fits_6(container)


def fits_5(container: Container) -> bool:
    """RWKV-5 with its own code."""
    return _has(container, "attention.ln_x.weight") and not fits_6(container)


def fits_6(container: Container) -> bool:
    """RWKV-6 with its own code."""
    return _has(container, "attention.time_maa_x")


def recipes(container: Container) -> Recipes:
    """Official names for all tensors; shapes are the official ones already."""
    return {_official(name): Recipe(name) for name in container.tensors}


def _fits(container: Container) -> bool:
    return any(name.startswith("rwkv.blocks.") for name in container.tensors)


def _has(container: Container, tail: str) -> bool:
    return _fits(container) and any(name.endswith(tail) for name in container.tensors)


def _official(name: str) -> str:
    match = _BLOCK.fullmatch(name)
    if not match:
        return _OUTER.get(name, name)
    tail = match[2]
    for pattern, word in _WORDS:
        tail = pattern.sub(word, tail)
    return f"blocks.{int(match[1])}.{tail}"
