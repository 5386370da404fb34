"""The two namings of rwkv-rs' Hugging Face models of RWKV-7 (2026); orientation is official."""

import re

from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container

from .renaming import Renaming, Target, affine, weights

_LOW_RANK = [f"{x}{n}" for x in "wav" for n in "012"] + ["g1", "g2"]
_INNER: dict[str, Target] = {
    **affine({"input_layernorm": "ln1", "post_attention_layernorm": "ln2"}),
    **affine({"linear_attn.g_norm": "att.ln_x"}),
    **weights({"linear_attn.r_proj": "att.receptance", "linear_attn.k_proj": "att.key"}),
    **weights({"linear_attn.v_proj": "att.value", "linear_attn.o_proj": "att.output"}),
    **weights({"mlp.key": "ffn.key", "mlp.value": "ffn.value"}),
    **{f"linear_attn.x_{x}": f"att.x_{x}" for x in "rwkvag"},
    **{f"linear_attn.{x}": f"att.{x}" for x in (*_LOW_RANK, "k_k", "k_a", "r_k")},
    "mlp.x_k": "ffn.x_k",
}
_NAMES = Renaming(
    re.compile(r"model\.layers\.(\d{1,4})\.(.+)", re.ASCII),
    {
        "model.embed_tokens.weight": "emb.weight",
        "model.embedding_norm.weight": "blocks.0.ln0.weight",
        "model.embedding_norm.bias": "blocks.0.ln0.bias",
        "model.norm.weight": "ln_out.weight",
        "model.norm.bias": "ln_out.bias",
        "lm_head.weight": "head.weight",
    },
    _INNER,
)
_PREFIX = "model."


def fits_a(container: Container) -> bool:
    """The official names below ``model.``, but for the head."""
    return "model.emb.weight" in container.tensors and "head.weight" in container.tensors


def fits_b(container: Container) -> bool:
    """The names that transformers' own models have."""
    return any(".linear_attn.x_r" in name for name in container.tensors)


def recipes_a(container: Container) -> Recipes:
    """The names without their prefix."""
    return {name.removeprefix(_PREFIX): Recipe(name) for name in container.tensors}


def recipes_b(container: Container) -> Recipes:
    """The official names by table."""
    return _NAMES.recipes(container)
