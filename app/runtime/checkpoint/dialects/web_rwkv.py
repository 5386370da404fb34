"""The names of web-rwkv and Ai00: other words in generations 5 and 6, turned matrices in 6 and 7.

Older converters do not turn every matrix, so a shape that shows its orientation decides.
Source: convert_safetensors.py of github.com/cryscan/web-rwkv.
"""

import re
from collections.abc import Mapping

from app.runtime.checkpoint.recipes import TRANSPOSE, Permute, Pick, Recipe, Recipes, Step
from app.runtime.checkpoint.stored import Container, Stored

Tensors = Mapping[str, Stored]

_BLOCK = re.compile(r"(blocks\.\d{1,4}\.)(.+)", re.ASCII)
_LOW_RANK = re.compile(r"att\.(time_decay_w|time_maa_w|[wavg])([12])")
_SWAPPED = Permute((0, 2, 1))


def fits(container: Container) -> bool:
    """Words or orientations that the official names never have."""
    return any(_telltale(stored, container.tensors) for stored in container.tensors.values())


def recipes(container: Container) -> Recipes:
    """Official names, and matrices turned back where they are turned."""
    tensors = container.tensors
    has_gate = any(name.endswith(".att.gate.weight") for name in tensors)
    mixed = any(name.endswith(".att.time_mix_x") for name in tensors)
    made: Recipes = {}
    for name, stored in tensors.items():
        match = _BLOCK.fullmatch(name)
        if match is None:
            made[name] = Recipe(name)
            continue
        tail = _official(match[2], mixed=mixed)
        steps = _steps(tail, stored, _width(tensors), one_a_head=not has_gate)
        made[match[1] + tail] = Recipe(name, steps)
    return made


def _telltale(stored: Stored, tensors: Tensors) -> bool:
    match = _BLOCK.fullmatch(stored.name)
    if match is None:
        return False
    shape = stored.shape
    if match[2] == "att.time_first":
        return len(shape) == 2 and shape[1] > 1
    if match[2] == "att.w1":
        width = _width(tensors)
        return len(shape) == 2 and shape[1] == width != shape[0]
    return match[2] == "att.time_mix_x"


def _width(tensors: Tensors) -> int:
    emb = tensors.get("emb.weight")
    return emb.shape[-1] if emb and emb.shape else 0


def _official(tail: str, *, mixed: bool) -> str:
    if mixed:
        tail = tail.replace("time_mix_", "time_maa_")
    return tail.replace("att.time_first", "att.time_faaaa")


def _steps(tail: str, stored: Stored, width: int, *, one_a_head: bool) -> tuple[Step, ...]:
    shape = stored.shape
    if tail == "att.time_state":
        return (_SWAPPED,)
    if tail in ("att.time_decay", "att.time_faaaa"):
        wide = len(shape) == 2 and shape[1] > 1
        return (TRANSPOSE, Pick(0)) if one_a_head and wide else ()
    match = _LOW_RANK.fullmatch(tail)
    if match is None:
        return ()
    transposed = _is_turned(shape, width, first=match[2] == "1")
    if len(shape) == 3:
        return (_SWAPPED,) if transposed else ()
    return (TRANSPOSE,) if transposed else ()


def _is_turned(shape: tuple[int, ...], width: int, *, first: bool) -> bool:
    """Officially the first of a pair is [width, rank] and the second [rank, width]."""
    if len(shape) < 2:
        return False
    rows, columns = shape[-2:]
    official = (rows if first else columns) == width
    other = (columns if first else rows) == width
    return other or not official
