"""How an official tensor is made of a stored one, as small steps; each knows shapes and arrays.

A step says what it does to a shape (for headers, without torch) and to a tensor (when read).
"""

from math import prod
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


class Step(Protocol):
    """One change of layout or scale.  ``shape`` raises ValueError where it cannot be done."""

    def shape(self, shape: Shape) -> Shape:
        """What the change makes of a shape."""

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The changed tensor; may be a view."""


class Reshape(NamedTuple):
    """The same numbers in the same order, cut otherwise."""

    to: Shape

    def shape(self, shape: Shape) -> Shape:
        """``to``, if the counts agree."""
        if prod(shape) != prod(self.to):
            raise ValueError
        return self.to

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The tensor as ``to``."""
        return tensor.reshape(self.to)


class Permute(NamedTuple):
    """Axes in another order."""

    axes: Shape

    def shape(self, shape: Shape) -> Shape:
        """The sizes in the new order."""
        if len(shape) != len(self.axes):
            raise ValueError
        return tuple(shape[axis] for axis in self.axes)

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The tensor with its axes in the new order."""
        return tensor.permute(self.axes)


class Pick(NamedTuple):
    """One row along the first axis."""

    row: int

    def shape(self, shape: Shape) -> Shape:
        """The shape without its first axis."""
        if not shape or shape[0] <= self.row:
            raise ValueError
        return shape[1:]

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The row."""
        return tensor[self.row]


class Reorder(NamedTuple):
    """The rows along the first axis in another order."""

    rows: Shape

    def shape(self, shape: Shape) -> Shape:
        """The same shape."""
        if not shape or shape[0] != len(self.rows):
            raise ValueError
        return shape

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The tensor with its rows in the new order."""
        return tensor[list(self.rows)]


class Scale(NamedTuple):
    """All numbers times a power of two, which is exact in every float type."""

    factor: float

    def shape(self, shape: Shape) -> Shape:
        """The same shape."""
        return shape

    def apply(self, tensor: "Tensor") -> "Tensor":
        """The tensor, changed in place."""
        return tensor.mul_(self.factor)


TRANSPOSE = Permute((1, 0))


class Recipe(NamedTuple):
    """The stored name that an official tensor comes from, and the steps that make it."""

    stored: str
    steps: tuple[Step, ...] = ()

    def shape(self, shape: Shape) -> Shape:
        """The official shape.  Raises ValueError where the stored one does not allow the steps."""
        for step in self.steps:
            shape = step.shape(shape)
        return shape


Recipes = dict[str, Recipe]
