"""The names of the official training code, also below the prefixes that trainers put before."""

from app.runtime.checkpoint.recipes import Recipe, Recipes
from app.runtime.checkpoint.stored import Container

_PREFIXES = ("_forward_module.", "_orig_mod.", "module.", "model.")


def fits(container: Container) -> bool:
    """What no other dialect claims is read as official."""
    return True


def recipes(container: Container) -> Recipes:
    """Every tensor under its own name, without a prefix."""
    return {_bare(name): Recipe(name) for name in container.tensors}


def _bare(name: str) -> str:
    while True:
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
        if not prefix:
            return name
        name = name[len(prefix) :]
