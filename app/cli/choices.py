"""Turns options of the command line into the program's own objects."""

from argparse import Namespace
from pathlib import Path

import msgspec

from app.runtime.protocol.prompts import Sampling

_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence",
    "frequency",
    "decay",
    "seed",
)


def model_of(options: Namespace) -> Path:
    """The path of the model that was asked for, else of the embedded one."""
    if options.model is not None:
        return Path(options.model)
    from app.runtime.checkpoint.describe import embedded_model

    return embedded_model()


def sampling_of(options: Namespace, usual: Sampling) -> Sampling:
    """``usual`` with the values that were given on the command line."""
    asked = {name: getattr(options, name) for name in _SAMPLING}
    given = {name: value for name, value in asked.items() if value is not None}
    return msgspec.structs.replace(usual, **given)
