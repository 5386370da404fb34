"""Packs matrices by unit or quantised, and unpacks them, in plain torch; knows no model.

int8: w = scale * q with q a whole number from -127 to 127, rounded to the nearest.  int4: w =
scale * TABLE[code]; the table is denser where weights are, and the scale, which may be negative, is
the best of several that were each fitted to the group by least squares.

The native twin makes the same bytes: every operation here is one rounding in float32, and sums
are folded by halves in a fixed order.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from .arena import allocate
from .layout import FLOAT_PANEL, KINDS, LINE, PANEL, QUAD, Shape

# Found by Lloyd's iteration on groups of 32 normal and heavier-tailed numbers, so that their mean
# square error is least: 15 % under that of 16 even steps at the same 4.5 bits a weight.
TABLE = (-127, -100, -79, -61, -46, -33, -21, -9, 2, 13, 24, 35, 48, 64, 82, 109)
ENDS = (135.0, -135.0, 119.0, -119.0, 104.0, -104.0)  # where a group's largest number may lie
ZERO = 128  # what is added to a whole number so that it becomes an unsigned byte
_BLOCK = 1 << 22  # numbers at once
_TRANSPOSED_ALONE = 1 << 20  # bytes that are not worth a second thread
_MOST_HALF = 65504.0
_NOTHING = 1e-30


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix or a stack of n: codes uint8 and scales float16, each (n, ...) of ``shape``."""

    shape: Shape
    codes: Tensor
    scales: Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers and scales."""
        return int(self.codes.nbytes + self.scales.nbytes)

    @property
    def count(self) -> int:
        """How many matrices."""
        return len(self.codes)


def empty(shape: Shape, count: int) -> Packed:
    """An uninitialised stack."""
    codes = allocate((count, *shape.codes), torch.uint8)
    return Packed(shape, codes, allocate((count, *shape.scales), torch.float16))


def pack(host: Tensor, kind: str, *, by_unit: bool = False) -> Packed:
    """A host tensor (out, in) or (n, out, in) of any float type."""
    stack = host if host.dim() == 3 else host[None]
    packed = empty(Shape(kind, stack.shape[1], stack.shape[2], by_unit), len(stack))
    for matrix, codes, scales in zip(stack, packed.codes, packed.scales, strict=True):
        _pack_one(matrix, packed.shape, codes, scales)
    return packed


def unpack(packed: Packed, dtype: torch.dtype = torch.float32) -> Tensor:
    """The matrices (n, out, in) that are multiplied, each number rounded once to ``dtype``."""
    shape = packed.shape
    whole = torch.empty((packed.count, shape.outputs, shape.inputs), dtype=dtype)
    for matrix, codes, scales in zip(whole, packed.codes, packed.scales, strict=True):
        _unpack_one(codes, scales, shape, matrix)
    return whole


def transposed(host: Tensor) -> Tensor:
    """A host tensor (out, in) of floats by unit: (panels, in, 128), filled up with zeros."""
    outputs, inputs = host.shape
    whole = allocate((-(-outputs // FLOAT_PANEL), inputs, FLOAT_PANEL), host.dtype)
    transpose_into(whole, host)
    return whole


def transpose_into(whole: Tensor, host: Tensor) -> None:
    """Fill (panels, in, 128) with a matrix (out, in) of the same type, and with zeros."""
    if len(host) % FLOAT_PANEL:
        whole[-1].zero_()
    pairs = zip(whole, torch.split(host, FLOAT_PANEL), strict=True)
    if host.stride(0) == 1 or host.nbytes < _TRANSPOSED_ALONE:  # then it is hardly more than a copy
        for panel, rows in pairs:
            _transpose(panel, rows)
        return
    # torch itself turns a matrix on one thread
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(lambda pair: _transpose(*pair), pairs))


@torch.inference_mode()  # of each thread
def _transpose(panel: Tensor, rows: Tensor) -> None:
    panel[:, : len(rows)] = rows.T


def quantise(groups: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Float32 numbers (m, group) as uint8 codes (m, group) and float16 scales (m,)."""
    return _QUANTISE[kind](groups)


def values(codes: Tensor, kind: str) -> Tensor:
    """The float32 values of codes, before they are multiplied by the scale."""
    if kind == "int4":
        return _table()[codes.int()]
    return codes.float().sub_(ZERO)


def _pack_one(matrix: Tensor, shape: Shape, codes: Tensor, scales: Tensor) -> None:
    """Some panels at a time."""
    group, panel = KINDS[shape.kind].group, shape.panel
    arrange = _by_unit if shape.by_unit else _by_output
    panels = max(1, _BLOCK // (panel * shape.inputs))
    for first in range(0, len(codes), panels):
        last = min(first + panels, len(codes))
        block = torch.zeros(((last - first) * panel, shape.groups * group))
        some = matrix[first * panel : last * panel]
        block[: len(some), : shape.inputs] = some
        found, factors = quantise(block.view(-1, group), shape.kind)
        codes[first:last] = arrange(found.view(len(block), shape.groups, -1), shape.kind)
        scales[first:last] = factors.view(-1, panel, shape.groups).mT


def _unpack_one(codes: Tensor, scales: Tensor, shape: Shape, out: Tensor) -> None:
    panel = shape.panel
    arranged = _from_units if shape.by_unit else _from_outputs
    panels = max(1, _BLOCK // (panel * shape.inputs))
    for first in range(0, len(codes), panels):
        last = min(first + panels, len(codes))
        found = arranged(codes[first:last], shape.kind)
        factors = scales[first:last].mT.reshape(len(found), -1)
        block = values(found, shape.kind).mul_(factors.float()[:, :, None])
        kept = out[first * panel : last * panel]
        kept.copy_(block.view(len(found), -1)[: len(kept), : shape.inputs])


def _by_output(codes: Tensor, kind: str) -> Tensor:
    """(rows, groups, group) to (panels, groups, bytes)."""
    rows, groups, group = codes.shape
    quads = codes.view(rows // PANEL, PANEL, groups, group // QUAD, QUAD).permute(0, 2, 3, 1, 4)
    if kind == "int4":
        quads = quads[:, :, 0::2] | quads[:, :, 1::2] << 4
    return quads.reshape(rows // PANEL, groups, -1)


def _from_outputs(codes: Tensor, kind: str) -> Tensor:
    """The reverse of ``_by_output``."""
    panels, groups, _ = codes.shape
    quads = codes.view(panels, groups, -1, PANEL, QUAD)
    if kind == "int4":
        quads = torch.stack((quads & 15, quads >> 4), 3).flatten(2, 3)
    return quads.permute(0, 3, 1, 2, 4).reshape(panels * PANEL, groups, -1)


def _by_unit(codes: Tensor, kind: str) -> Tensor:
    """(rows, groups, group) to (panels, groups, bytes)."""
    rows, groups, group = codes.shape
    panel = KINDS[kind].row
    lines = codes.view(rows // panel, panel, groups, group).permute(0, 2, 3, 1)
    lines = lines.reshape(rows // panel, groups, group, panel // LINE, 4, 4, 4).transpose(-3, -2)
    if kind == "int4":
        lines = lines[:, :, :, 0::2] | lines[:, :, :, 1::2] << 4
    return lines.reshape(rows // panel, groups, -1)


def _from_units(codes: Tensor, kind: str) -> Tensor:
    """The reverse of ``_by_unit``."""
    panels, groups, _ = codes.shape
    group, panel = KINDS[kind].group, KINDS[kind].row
    lines = codes.view(panels, groups, group, -1, 4, 4, 4)
    if kind == "int4":
        lines = torch.stack((lines & 15, lines >> 4), 4).flatten(3, 4)
    lines = lines.transpose(-3, -2).reshape(panels, groups, group, panel)
    return lines.permute(0, 3, 1, 2).reshape(panels * panel, groups, group)


def _quantise8(groups: Tensor) -> tuple[Tensor, Tensor]:
    scales = (groups.abs().amax(1) / 127).clamp_max_(_MOST_HALF).half()
    # a group with a NaN has a scale that is NaN, and zeros
    codes = (groups * _inverse(scales.float())[:, None]).round_().nan_to_num_(0.0, 127.0, -127.0)
    return codes.clamp_(-127, 127).add_(ZERO).to(torch.uint8), scales


def _quantise4(groups: Tensor) -> tuple[Tensor, Tensor]:
    most, least = groups.amax(1), groups.amin(1)
    largest = torch.where(most >= -least, most, least)
    trials = [_trial(groups, largest / end) for end in ENDS]
    best = trials[0]
    for trial in trials[1:]:
        better = trial.error < best.error
        best = _Trial(
            *(
                torch.where(_beside(better, new), new, old)
                for new, old in zip(trial, best, strict=True)
            )
        )
    return best.codes, best.scale.half()


class _Trial(NamedTuple):
    """Codes (m, group) with the scale (m,) they are meant for; by how much it beats all zeros."""

    error: Tensor
    scale: Tensor
    codes: Tensor


def _trial(groups: Tensor, scale: Tensor) -> _Trial:
    """One fit by least squares, starting from a scale."""
    cross, square, _ = _moments(groups, scale)
    fitted = (cross / square).clamp_(-_MOST_HALF, _MOST_HALF).half().float()
    cross, square, codes = _moments(groups, fitted)
    return _Trial(fitted * (fitted * square - 2 * cross), fitted, codes)


def _moments(groups: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of w t and of t t, where t are the table's numbers nearest to w / scale; their codes."""
    places = (groups * _inverse(scale)[:, None]).round_().nan_to_num_(0.0)
    places = places.clamp_(-ZERO, ZERO - 1).int()
    codes = _nearest()[places + ZERO]
    found = values(codes, "int4")
    return _folded(groups * found), _folded(found * found), codes


def _folded(terms: Tensor) -> Tensor:
    """The sum of each row, halves added to each other until one number is left."""
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        terms = terms[:, :half] + terms[:, half:]
    return terms[:, 0]


def _inverse(scales: Tensor) -> Tensor:
    """1 / scale, and 0 where there is nothing to scale."""
    return torch.where(scales.abs() > _NOTHING, scales.reciprocal(), 0.0)


def _beside(rows: Tensor, like: Tensor) -> Tensor:
    return rows if like.dim() == 1 else rows[:, None]


@cache
def _table() -> Tensor:
    return torch.tensor(TABLE, dtype=torch.float32)


@cache
def bytes_of_table() -> Tensor:
    """``TABLE`` as 16 unsigned bytes."""
    return torch.tensor([number + ZERO for number in TABLE], dtype=torch.uint8)


@cache
def _nearest() -> Tensor:
    """The code whose number lies nearest, the lower of two, for each from -128 to 127."""
    places = torch.arange(-ZERO, ZERO)[:, None]
    return (places - torch.tensor(TABLE)).abs().argmin(1).to(torch.uint8)


_QUANTISE = {"int8": _quantise8, "int8g16": _quantise8, "int4": _quantise4}
