"""A dialect that is mostly other names: tables of names, and how a table becomes recipes."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from app.runtime.checkpoint.recipes import TRANSPOSE, Pick, Recipe, Recipes, Step
from app.runtime.checkpoint.stored import Container


class Fused(NamedTuple):
    """A stored tensor whose rows are several official ones, in this order."""

    parts: tuple[str, ...]


class Steps(NamedTuple):
    """An official name and the steps that lead to it."""

    tail: str
    steps: tuple[Step, ...]


Target = str | Fused | Steps


class Renaming(NamedTuple):
    """The names of one dialect.

    ``outer`` maps whole names; ``block`` finds the layer (group 1) and the rest (group 2) of the
    others, which ``inner`` maps.  What no table knows keeps its name, to be refused by it.
    """

    block: re.Pattern[str]
    outer: Mapping[str, str]
    inner: Mapping[str, Target]

    def recipes(self, container: Container) -> Recipes:
        """The recipes for all tensors of a file that follows these names."""
        made: Recipes = {}
        for name in container.tensors:
            match = self.block.fullmatch(name)
            if match and match[2] in self.inner:
                made.update(_block(f"blocks.{int(match[1])}.", self.inner[match[2]], name))
            else:
                made[self.outer.get(name, name)] = Recipe(name)
        return made


def _block(prefix: str, target: Target, stored: str) -> Recipes:
    if isinstance(target, Fused):
        rows = enumerate(target.parts)
        return {prefix + part: Recipe(stored, (Pick(row),)) for row, part in rows}
    if isinstance(target, Steps):
        return {prefix + target.tail: Recipe(stored, target.steps)}
    return {prefix + target: Recipe(stored)}


def transposed(tail: str) -> Steps:
    """The official matrix ``tail`` where the file holds it the other way round."""
    return Steps(tail, (TRANSPOSE,))


def affine(names: Mapping[str, str]) -> dict[str, Target]:
    """Norms, which have a weight and a bias."""
    return {f"{k}.{part}": f"{v}.{part}" for k, v in names.items() for part in ("weight", "bias")}


def weights(names: Mapping[str, str]) -> dict[str, Target]:
    """Matrices, whose names end in ``.weight`` on both sides."""
    return {f"{theirs}.weight": f"{official}.weight" for theirs, official in names.items()}
