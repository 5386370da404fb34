"""Tells the dialects apart and brings what they make of a file into the official shapes."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from app.errors import UnfitCheckpoint
from app.runtime.checkpoint.embedding_heads import is_embedding_head
from app.runtime.checkpoint.foreign_files import refuse_foreign
from app.runtime.checkpoint.recipes import Recipe, Recipes, Reshape, Shape
from app.runtime.checkpoint.stored import Container, Stored, shown

from . import fla, ggml, official, packed, rwkv_rs, transformers, web_rwkv


class Family(NamedTuple):
    """One dialect: its name, how to know it, and its recipes for all tensors of a file."""

    name: str
    fits: Callable[[Container], bool]
    recipes: Callable[[Container], Recipes]


class Dialect(NamedTuple):
    """The dialect of one file, and for every official name the recipe that makes it."""

    name: str
    recipes: Recipes


# The first that fits is it; the official names come last and take what is left.
DIALECTS = (
    Family("packed", packed.fits, packed.recipes),
    Family("llama.cpp", ggml.fits, ggml.recipes),
    Family("fla-v6", fla.fits_6, fla.recipes_6),
    Family("fla-v7", fla.fits_7, fla.recipes_7),
    Family("rwkv-rs-b", rwkv_rs.fits_b, rwkv_rs.recipes_b),
    Family("rwkv-rs-a", rwkv_rs.fits_a, rwkv_rs.recipes_a),
    Family("hf-v6", transformers.fits_6, transformers.recipes),
    Family("hf-v5", transformers.fits_5, transformers.recipes),
    Family("hf-v4", transformers.fits_4, transformers.recipes),
    Family("web-rwkv", web_rwkv.fits, web_rwkv.recipes),
    Family("official", official.fits, official.recipes),
)

_MIXES = {f"att.time_mix_{x}" for x in "kvrg"} | {f"ffn.time_mix_{x}" for x in "kr"}
_MIXES |= {f"att.time_maa_{x}" for x in "xwkvrg"} | {f"ffn.time_maa_{x}" for x in "kr"}
_MIXES |= {f"att.x_{x}" for x in "rwkvag"} | {"ffn.x_k"}
_VECTORS = _MIXES | {f"att.{x}" for x in ("w0", "a0", "v0", "k_k", "k_a")}
_PER_HEAD = ("att.time_decay", "att.time_first", "att.time_faaaa")
_USUAL_HEAD_SIZE = 64


def translate(container: Container) -> Dialect:
    """The dialect of a file.

    Raises ForeignCheckpoint, UnsupportedFormat or UnsupportedVariant where it holds no model
    that could be run, UnfitCheckpoint where two of its tensors stand for the same one.
    """
    refuse_foreign(container)
    family = next(family for family in DIALECTS if family.fits(container))
    found = family.recipes(container)
    _tie_head(family, found)
    _refuse_doubles(container, found)
    official_shape = _shapes_of(found)
    for name, recipe in found.items():
        found[name] = _in_shape(name, recipe, container.tensors[recipe.stored], official_shape)
    return Dialect(family.name, found)


def _tie_head(family: Family, found: Recipes) -> None:
    """A model whose embedding is its head as well is often kept without the head."""
    if family.name != "packed" and "emb.weight" in found:
        found.setdefault("head.weight", found["emb.weight"])


def _refuse_doubles(container: Container, found: Recipes) -> None:
    """A tensor that no recipe uses gave way to another one of the same official name."""
    used = {recipe.stored for recipe in found.values()}
    others = (name for name in container.tensors if not is_embedding_head(name))
    double = next((name for name in others if name not in used), None)
    if double is not None:
        raise UnfitCheckpoint(why="two-for-one", name=shown(double))


def _in_shape(
    name: str, recipe: Recipe, stored: Stored, official_shape: Callable[[str, Shape], Shape]
) -> Recipe:
    """The recipe, with a last step to the official shape where it does not lead there."""
    try:
        shape = recipe.shape(stored.shape)
    except ValueError:
        return recipe
    tail = name.split(".", 2)[2] if name.startswith("blocks.") and name.count(".") > 1 else name
    wanted = official_shape(tail, shape)
    if wanted == shape:
        return recipe
    return recipe._replace(steps=(*recipe.steps, Reshape(wanted)))


def _shapes_of(found: Recipes) -> Callable[[str, Shape], Shape]:
    """How tensors of this model's generation are shaped: by the end of the name, and a shape.

    Converters drop or add axes of one; matrices and what is odd stay as they are.
    """
    tails = {name.split(".", 2)[-1] for name in found if name.startswith("blocks.")}
    vectors, lines = set(_VECTORS), {"ln_out.weight", "ln_out.bias"}
    lines |= {tail for tail in tails if tail.startswith(("ln", "att.ln_x."))}
    if "att.time_maa_x" in tails:
        vectors.add("att.time_decay")
    elif "att.ln_x.weight" not in tails:
        lines |= set(_PER_HEAD)

    def official_shape(tail: str, shape: Shape) -> Shape:
        size = prod(shape)
        if max(shape, default=0) == size:
            if tail in vectors:
                return (1, 1, size)
            if tail in lines:
                return (size,)
            if tail == "att.r_k" and len(shape) == 1 and size % _USUAL_HEAD_SIZE == 0:
                return (size // _USUAL_HEAD_SIZE, _USUAL_HEAD_SIZE)
        return _cut(shape) if tail in _PER_HEAD else shape

    return official_shape


def _cut(shape: Shape) -> Shape:
    """Without trailing axes of one."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape
