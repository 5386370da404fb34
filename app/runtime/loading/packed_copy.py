"""Writes a packed copy of a model: a file that is loaded without being packed once more."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from app.errors import OutOfMemory, RequestRefused
from app.kernels import Ops
from app.kernels.layout import LINE, Shape, kind_for
from app.kernels.packing import Packed
from app.runtime.checkpoint import Checkpoint
from app.runtime.checkpoint.dialects.packed import FORMAT, STRATEGY, name_of
from app.runtime.checkpoint.reading import checksum
from app.runtime.checkpoint.recognising import NAME, telling_name
from app.runtime.checkpoint.stored import BYTES_PER_NUMBER
from app.runtime.planning.footprint import QUANTISED, head_format
from app.runtime.planning.strategy import Strategy
from app.system.atomic_file import writing
from app.system.memory import available_bytes

_PROJECTION = re.compile(
    r"head\.weight|blocks\.\d+\.(att\.(receptance|key|value|gate|output)"
    r"|ffn\.(key|value|receptance))\.weight",
    re.ASCII,
)
_STACKED = ("receptance", "key", "value", "gate")  # of a block's att, as the models stack them
_NAMES = {"fp64": "F64", "fp32": "F32", "fp16": "F16", "bf16": "BF16"}


def write_packed(
    checkpoint: Checkpoint,
    ops: Ops,
    strategy: Strategy,
    path: Path,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the copy; it appears whole or not at all.  ``progress`` is told (tensors, all).

    Raises RequestRefused where the strategy quantises nothing or the model is a packed copy
    itself, OutOfMemory, DiskFull, StoreError, and what reading a checkpoint raises.
    """
    form = strategy.format
    if form not in QUANTISED or not strategy.whole:
        raise RequestRefused(why="pack-format", value=strategy.text)
    if checkpoint.dialect == "packed":
        raise RequestRefused(why="packed-already")
    if checkpoint.has_embedding_heads:
        raise RequestRefused(why="pack-embedding")
    largest = max(info.nbytes for info in checkpoint.tensors.values())
    if 4 * largest > available_bytes():
        raise OutOfMemory(needed_bytes=4 * largest, free_bytes=available_bytes())
    lines = _lines(checkpoint, form, ops)
    with writing(path) as file:
        file.write(_header(checkpoint, lines, form))
        for done, line in enumerate(lines):
            if progress:
                progress(done, len(lines))
            if line.shape is None:
                _put(file, _plain(checkpoint, *line.sums))
                continue
            packed = [_packed(checkpoint, name, line.shape, ops) for name in line.sums]
            for name, one in zip(line.sums, packed, strict=True):
                line.sums[name] = checksum(one.codes, one.scales)
            for part in [*(one.codes for one in packed), *(one.scales for one in packed)]:
                _put(file, part)
        # the sums are known now, and take no more room than before
        file.seek(0)
        file.write(_header(checkpoint, lines, form))


@dataclass
class _Line:
    """What lies together: one tensor as it is (no ``shape``), or packed ones with their sums."""

    sums: dict[str, int]
    shape: Shape | None
    nbytes: int


def _lines(checkpoint: Checkpoint, form: str, ops: Ops) -> list[_Line]:
    """In the order of the model; what would move others off whole vectors comes last."""
    shapes = {name: _shape(checkpoint, name, form, ops) for name in checkpoint.tensors}
    lines, done = [], set()
    for name, shape in shapes.items():
        if name in done:
            continue
        names = _together(name, shapes)
        done |= set(names)
        size = shape.nbytes * len(names) if shape else _plain_bytes(checkpoint, name)
        lines.append(_Line(dict.fromkeys(names, 0), shape, size))
    return sorted(lines, key=lambda line: line.nbytes % LINE > 0)


def _together(name: str, shapes: dict[str, Shape | None]) -> list[str]:
    """The names of the stack that this one belongs to, else itself."""
    block, _, place = name.partition(".att.")
    if place.removesuffix(".weight") not in _STACKED:
        return [name]
    names = [f"{block}.att.{one}.weight" for one in _STACKED]
    stack = [one for one in names if one in shapes]
    return stack if all(shapes[one] == shapes[name] for one in stack) else [name]


def _packed(checkpoint: Checkpoint, name: str, shape: Shape, ops: Ops) -> Packed:
    found: Packed = ops.pack(checkpoint.read(name), shape.kind, by_unit=shape.by_unit)
    return found


def _shape(checkpoint: Checkpoint, name: str, form: str, ops: Ops) -> Shape | None:
    """How a tensor is packed; None for what is not."""
    if not _PROJECTION.fullmatch(name):
        return None
    outputs, inputs = checkpoint.tensors[name].shape
    form = head_format(form) if name == "head.weight" else form
    by_unit = ops.by_unit and name.endswith("ffn.value.weight")
    return Shape(kind_for(form, inputs), outputs, inputs, by_unit)


def _plain_type(checkpoint: Checkpoint, name: str) -> str:
    """What is not packed keeps its type, but for the table, which has 16 bits when it runs."""
    kept = checkpoint.tensors[name].dtype
    if name == "emb.weight":
        return kept if kept in ("bf16", "fp16") else "fp16"
    return kept if kept in _NAMES else "fp32"


def _plain(checkpoint: Checkpoint, name: str) -> Tensor:
    types = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp64": torch.float64}
    return checkpoint.read(name, types.get(_plain_type(checkpoint, name), torch.float32))


def _plain_bytes(checkpoint: Checkpoint, name: str) -> int:
    width = BYTES_PER_NUMBER[_plain_type(checkpoint, name)]
    return width * prod(checkpoint.tensors[name].shape)


def _header(checkpoint: Checkpoint, lines: list[_Line], form: str) -> bytes:
    """The data begins at a whole vector, and so does each line but the last ones."""
    kept = {key: value for key, value in checkpoint.metadata.items() if key != "format"}
    if name := telling_name(checkpoint):  # the copy may be called otherwise
        kept[NAME] = name
    entries: dict[str, object] = {"__metadata__": {**kept, "format": FORMAT, STRATEGY: form}}
    begin = 0
    for line in lines:
        place = [begin, begin + line.nbytes]
        if line.shape is None:
            (name,) = line.sums
            sizes = list(checkpoint.tensors[name].shape)
            entry = {"dtype": _NAMES[_plain_type(checkpoint, name)], "shape": sizes}
        else:
            name = name_of(line.sums, line.shape)
            entry = {"dtype": "U8", "shape": [line.nbytes]}
        entries[name] = {**entry, "data_offsets": place}
        begin += line.nbytes
    text = json.dumps(entries).encode()
    text += b" " * (-(8 + len(text)) % LINE)
    return len(text).to_bytes(8, "little") + text


def _put(file: BinaryIO, tensor: Tensor) -> None:
    file.write(memoryview(tensor.contiguous().view(-1).view(torch.uint8).numpy()))  # type: ignore[arg-type]
