"""Which adapters a person has chosen for a model, as the settings keep it; opens none of them."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.runtime.protocol.adapters import MergedAdapter


class ChosenAdapter(msgspec.Struct, frozen=True):
    """The file or folder of an adapter; ``alpha`` where it does not tell it itself."""

    path: str
    alpha: float | None = None


Chosen = Mapping[str, tuple[ChosenAdapter, ...]]
"""What is chosen, by the paths of models."""


def merged_adapters(chosen: Chosen, model: Path) -> tuple[MergedAdapter, ...]:
    """What is merged into a model when it is opened."""
    own = chosen.get(str(model), ())
    return tuple(MergedAdapter(os.fsencode(Path(one.path)), one.alpha) for one in own)
