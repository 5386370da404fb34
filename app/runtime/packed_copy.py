"""Writes a packed copy of a model: a file that is loaded without being packed once more."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from app.errors import OutOfMemory, RequestRefused
from app.kernels import Ops
from app.kernels.layout import Shape, kind_for

from .checkpoint import Checkpoint
from .checkpoint.dialects.packed import FORMAT, STRATEGY, name_of
from .checkpoint.reading import checksum
from .checkpoint.stored import BYTES_PER_NUMBER
from .footprint import QUANTISED, head_format
from .probe import available_bytes
from .strategy import Strategy
from .whole_files import writing

_PROJECTION = re.compile(
    r"head\.weight|blocks\.\d+\.(att\.(receptance|key|value|gate|output)"
    r"|ffn\.(key|value|receptance))\.weight",
    re.ASCII,
)
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
    if form not in QUANTISED:
        raise RequestRefused(why="only int8 and int4 are packed", value=strategy.text)
    if checkpoint.dialect == "packed":
        raise RequestRefused(why="the model is a packed copy already")
    largest = max(info.nbytes for info in checkpoint.tensors.values())
    if 4 * largest > available_bytes():
        raise OutOfMemory(needed_bytes=4 * largest, free_bytes=available_bytes())
    plan = {name: _shape(checkpoint, name, form, ops) for name in checkpoint.tensors}
    sums = {name: 0 for name, shape in plan.items() if shape is not None}
    with writing(path) as file:
        file.write(_header(checkpoint, plan, sums, form))
        for done, (name, shape) in enumerate(plan.items()):
            if progress:
                progress(done, len(plan))
            if shape is None:
                _put(file, _plain(checkpoint, name))
                continue
            packed = ops.pack(checkpoint.read(name), shape.kind, by_unit=shape.by_unit)
            sums[name] = checksum(packed.codes, packed.scales)
            _put(file, packed.codes)
            _put(file, packed.scales)
        # the sums are known now, and take no more room than before
        file.seek(0)
        file.write(_header(checkpoint, plan, sums, form))


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


def _header(
    checkpoint: Checkpoint, plan: dict[str, Shape | None], sums: dict[str, int], form: str
) -> bytes:
    kept = {key: value for key, value in checkpoint.metadata.items() if key != "format"}
    entries: dict[str, object] = {"__metadata__": {**kept, "format": FORMAT, STRATEGY: form}}
    begin = 0
    for name, shape in plan.items():
        if shape is None:
            kind = _plain_type(checkpoint, name)
            sizes = list(checkpoint.tensors[name].shape)
            size = _bytes(sizes, kind)
            entry = {"dtype": _NAMES[kind], "shape": sizes}
            entries[name] = {**entry, "data_offsets": [begin, begin + size]}
        else:
            size = shape.nbytes
            place = [begin, begin + size]
            entries[name_of(name, shape, sums[name])] = {
                "dtype": "U8",
                "shape": [size],
                "data_offsets": place,
            }
        begin += size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 64)
    return len(text).to_bytes(8, "little") + text


def _bytes(sizes: list[int], kind: str) -> int:
    """Bytes of a tensor of these sizes."""
    count = BYTES_PER_NUMBER[kind]
    for size in sizes:
        count *= size
    return count


def _put(file: BinaryIO, tensor: Tensor) -> None:
    file.write(memoryview(tensor.contiguous().view(-1).view(torch.uint8).numpy()))  # type: ignore[arg-type]
