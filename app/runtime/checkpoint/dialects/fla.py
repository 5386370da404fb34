"""The names of flash-linear-attention's RWKV-6 and RWKV-7.

Sources: fla/models/rwkv6, fla/models/rwkv7 and utils/convert_from_rwkv{6,7}.py of
github.com/fla-org/flash-linear-attention.
"""

import re

from app.runtime.checkpoint.recipes import Permute, Recipe, Recipes, Reorder, Reshape, Step
from app.runtime.checkpoint.stored import Container, Stored

from .renaming import Fused, Renaming, Target, affine, transposed, weights

_BLOCK = re.compile(r"model\.layers\.(\d{1,4})\.(.+)", re.ASCII)
_OUTER = {
    "model.embeddings.weight": "emb.weight",
    "model.norm.weight": "ln_out.weight",
    "model.norm.bias": "ln_out.bias",
    "lm_head.weight": "head.weight",
}
_NORMS = affine(
    {"pre_norm": "ln0", "attn_norm": "ln1", "ffn_norm": "ln2", "attn.g_norm": "att.ln_x"}
)
_OFFICIAL = {"r": "receptance", "k": "key", "v": "value", "g": "gate"}

_INNER7: dict[str, Target] = {
    **_NORMS,
    **weights({f"attn.{x}_proj": f"att.{_OFFICIAL[x]}" for x in "rkv"}),
    **weights({"attn.o_proj": "att.output", "ffn.key": "ffn.key", "ffn.value": "ffn.value"}),
    **{f"attn.{x}": f"att.{x}" for x in ("k_k", "k_a", "r_k")},
    **{f"attn.x_{x}": f"att.x_{x}" for x in "rwkvag"},
    "attn.x_x": Fused(tuple(f"att.x_{x}" for x in "rwkvag")),
    "ffn.x_k": "ffn.x_k",
    **{f"attn.{x}_lora.lora.0.weight": transposed(f"att.{x}1") for x in "wavg"},
    **{f"attn.{x}_lora.lora.2.weight": transposed(f"att.{x}2") for x in "wavg"},
    **{f"attn.{x}_lora.lora.2.bias": f"att.{x}0" for x in "wav"},
}
_INNER6: dict[str, Target] = {
    **_NORMS,
    **weights({f"attn.{x}_proj.linear": f"att.{_OFFICIAL[x]}" for x in "rkvg"}),
    **weights({"attn.o_proj": "att.output", "ffn.value": "ffn.value"}),
    **weights({f"ffn.{x}.linear": f"ffn.{x}" for x in ("key", "receptance")}),
    "ffn.key.mu": "ffn.time_maa_k",
    "ffn.receptance.mu": "ffn.time_maa_r",
    "attn.x_proj.0.mu": "att.time_maa_x",
    "attn.x_bias": Fused(tuple(f"att.time_maa_{x}" for x in "rwkvg")),
    "attn.w_proj.linear.lora.0.weight": transposed("att.time_decay_w1"),
    "attn.w_proj.linear.lora.2.weight": transposed("att.time_decay_w2"),
    "attn.w_proj.linear.lora.2.bias": "att.time_decay",
    "attn.bonus": "att.time_faaaa",
}
_NAMES6 = Renaming(_BLOCK, _OUTER, _INNER6)
_NAMES7 = Renaming(_BLOCK, _OUTER, _INNER7)
_MIXING = re.compile(r"model\.layers\.(\d{1,4})\.attn\.x_proj\.(0\.linear|2)\.weight", re.ASCII)
# fla has the five mixes in the order r, w, k, v, g; officially they are w, k, v, r, g.
_OFFICIAL_ORDER = Reorder((1, 2, 3, 0, 4))


def fits_6(container: Container) -> bool:
    """RWKV-6: the mixes come from one projection."""
    return any(".attn.x_proj." in name for name in container.tensors)


def fits_7(container: Container) -> bool:
    """RWKV-7: low-rank pairs under its names."""
    return any(".attn.w_lora.lora." in name for name in container.tensors)


def recipes_7(container: Container) -> Recipes:
    """Official tensors of an RWKV-7."""
    return _NAMES7.recipes(container)


def recipes_6(container: Container) -> Recipes:
    """Official tensors of an RWKV-6."""
    made = _NAMES6.recipes(container)
    for name in [name for name in made if _MIXING.fullmatch(name)]:
        del made[name]
        made.update(_mixing(container.tensors[name]))
    return made


def _mixing(stored: Stored) -> Recipes:
    """The pair of matrices that the five mixes come from, at the width and rank of this file."""
    match = _MIXING.fullmatch(stored.name)
    if match is None or len(stored.shape) != 2:
        return {stored.name: Recipe(stored.name)}
    block = f"blocks.{int(match[1])}.att."
    rows, columns = stored.shape
    steps: tuple[Step, ...]
    if match[2] == "2":
        steps = (Reshape((rows, 5, columns // 5)), Permute((1, 2, 0)), _OFFICIAL_ORDER)
        return {block + "time_maa_w2": Recipe(stored.name, steps)}
    apart = Reshape((5, rows // 5, columns))
    steps = (apart, _OFFICIAL_ORDER, Permute((2, 0, 1)), Reshape((columns, rows)))
    return {block + "time_maa_w1": Recipe(stored.name, steps)}
