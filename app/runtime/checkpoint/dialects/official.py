"""The names of the official training code."""

from app.runtime.checkpoint.embedding_heads import is_embedding_head
from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container


def fits(container: Container) -> bool:
    """What no other dialect claims is read as official."""
    return True


def recipes(container: Container) -> Recipes:
    """Every tensor under its own name, but for the heads of an embedding model."""
    return {name: Recipe(name) for name in container.tensors if not is_embedding_head(name)}
