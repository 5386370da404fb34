"""The names of llama.cpp's GGUF files, for the architectures rwkv6 and rwkv7.

Source: conversion of RWKV in convert_hf_to_gguf.py of github.com/ggml-org/llama.cpp.
"""

import re

from app.runtime.checkpoint.recipes import Permute, Recipe, Recipes, Reshape, Scale
from app.runtime.checkpoint.stored import Container

from .renaming import Fused, Renaming, Steps, Target, affine, transposed, weights

_BLOCK = re.compile(r"blk\.(\d{1,4})\.(.+)", re.ASCII)
_OUTER = {
    "token_embd.weight": "emb.weight",
    "token_embd_norm.weight": "blocks.0.ln0.weight",
    "token_embd_norm.bias": "blocks.0.ln0.bias",
    "output_norm.weight": "ln_out.weight",
    "output_norm.bias": "ln_out.bias",
    "output.weight": "head.weight",
}
_NORMS = affine({"attn_norm": "ln1", "attn_norm_2": "ln2", "time_mix_ln": "att.ln_x"})
_MATRICES = ("key", "value", "receptance", "output", "gate")
_COMMON: dict[str, Target] = {
    **_NORMS,
    **weights({f"time_mix_{x}": f"att.{x}" for x in _MATRICES}),
    **weights({f"channel_mix_{x}": f"ffn.{x}" for x in _MATRICES[:3]}),
}
_INNER6: dict[str, Target] = {
    **_COMMON,
    **{f"time_mix_lerp_{x}.weight": f"att.time_maa_{x}" for x in "xwkvrg"},
    "time_mix_lerp_fused.weight": Fused(tuple(f"att.time_maa_{x}" for x in "wkvrg")),
    "time_mix_w1.weight": transposed("att.time_maa_w1"),
    "time_mix_w2.weight": Steps("att.time_maa_w2", (Permute((0, 2, 1)),)),
    "time_mix_decay.weight": "att.time_decay",
    "time_mix_decay_w1.weight": transposed("att.time_decay_w1"),
    "time_mix_decay_w2.weight": transposed("att.time_decay_w2"),
    "time_mix_first.weight": "att.time_faaaa",
    "channel_mix_lerp_k.weight": "ffn.time_maa_k",
    "channel_mix_lerp_r.weight": "ffn.time_maa_r",
}
_INNER7: dict[str, Target] = {
    **_COMMON,
    "time_mix_lerp_fused.weight": Fused(tuple(f"att.x_{x}" for x in "rwkvag")),
    **{f"time_mix_{x}{n}.weight": transposed(f"att.{x}{n}") for x in "wavg" for n in "12"},
    **{f"time_mix_{x}.weight": f"att.{x}" for x in ("w0", "a0", "v0", "k_k", "k_a", "r_k")},
    "channel_mix_lerp_k.weight": "ffn.x_k",
}
_RESCALED = re.compile(r"blocks\.(\d+)\.(att\.output|ffn\.value)\.weight", re.ASCII)


def fits(container: Container) -> bool:
    """Every GGUF that was not refused before."""
    return container.format == "gguf"


def recipes(container: Container) -> Recipes:
    """Official tensors; what a v6 file divides by powers of two is multiplied back."""
    facts = container.metadata
    if facts["general.architecture"] == "rwkv6":
        made = Renaming(_BLOCK, _OUTER, _INNER6).recipes(container)
        return _rescaled_back(made, _number(facts.get("rwkv6.rescale_every_n_layers", "")))
    made = Renaming(_BLOCK, _OUTER, _INNER7).recipes(container)
    return _with_heads(made, container, _number(facts.get("rwkv7.wkv.head_size", "")))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _rescaled_back(made: Recipes, every: int) -> Recipes:
    """Layer i holds its two output matrices divided by 2^(i // every); 0 stands for never."""
    for name, recipe in made.items():
        match = _RESCALED.fullmatch(name)
        if match and every and int(match[1]) >= every:
            factor = 2.0 ** min(int(match[1]) // every, 64)
            made[name] = recipe._replace(steps=(*recipe.steps, Scale(factor)))
    return made


def _with_heads(made: Recipes, container: Container, head_size: int) -> Recipes:
    """The flattened r_k as [heads, head size]."""
    for name, recipe in made.items():
        if name.endswith(".att.r_k") and head_size:
            count = container.tensors[recipe.stored].numbers
            if count % head_size == 0:
                cut = Reshape((count // head_size, head_size))
                made[name] = Recipe(recipe.stored, (cut,))
    return made
