"""Every operation on a card beside its plain twin: shapes of every kind, all types of weights.

An error is the largest difference, as a share of the twin's largest number.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from app.kernels import Affine, Loras, packing
from app.kernels.cuda.base import DeviceBuffer
from app.kernels.cuda.ops import CudaOps
from app.kernels.layout import FLOAT_PANEL, KINDS
from app.kernels.ops import Array, Delta
from app.kernels.portable import PortableOps

_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_NEAR = {"fp32": 3e-5, "fp16": 2e-3, "bf16": 2e-2}
_PACKED_NEAR = 2e-3
_ACTS = ("", "relu2", "tanh", "sigmoid")
_FIRST = 64  # floats of a text's block before the part that is looked at


class Sizes(NamedTuple):
    """What the operations are tried with."""

    texts: tuple[tuple[int, int], ...]  # batch, steps
    widths: tuple[int, ...]
    heads: tuple[tuple[int, int], ...]  # heads, size
    rows: tuple[int, ...]
    matrices: tuple[tuple[int, int], ...]  # outputs, inputs


LARGE = Sizes(
    texts=((1, 1), (3, 1), (8, 1), (17, 1), (1, 33), (2, 200)),
    widths=(70, 768, 4096),
    heads=((2, 20), (12, 64), (64, 64)),
    rows=(1, 2, 3, 8, 9, 17, 64, 200),
    matrices=((5, 70), (768, 3072), (4096, 1024)),
)
SMALL = Sizes(
    texts=((1, 1), (2, 5)), widths=(70,), heads=((2, 20),), rows=(1, 17), matrices=((130, 70),)
)


class Found(NamedTuple):
    """One comparison."""

    operation: str
    form: str
    error: float
    limit: float

    @property
    def passed(self) -> bool:
        """Never for what is not a number."""
        return self.error <= self.limit


class Pair:
    """The operations on a card, their plain twin, and numbers for both."""

    def __init__(self, gpu: CudaOps) -> None:
        self.gpu, self.plain = gpu, PortableOps()
        self._random = torch.Generator().manual_seed(7)

    def draw(self, *shape: int) -> Tensor:
        """Normally distributed numbers."""
        return torch.randn(shape, generator=self._random)

    def give(self, *tensors: Tensor) -> list[Array]:
        """The same on the card, each in its own type."""
        return [self.gpu.put(one) for one in tensors]

    def affine(self, width: int) -> tuple[Affine, Affine]:
        """A norm's, for the card and for the twin."""
        pair = 1 + 0.1 * self.draw(width), 0.1 * self.draw(width)
        return Affine(*self.give(*pair)), Affine(*pair)

    def compare(
        self, operation: str, found: Array, wanted: Tensor, form: str = "fp32", limit: float = 0.0
    ) -> Found:
        """``found`` on the card with what the twin gave."""
        right = wanted.double()
        far = (self.gpu.host(found).double().reshape(right.shape) - right).abs().max()
        error = float(far / right.abs().max().clamp_min(1e-30))
        return Found(operation, form, error, limit or _NEAR[form])


class _Blocks:
    """What B texts remember, each in a block of its own, reached through a table."""

    def __init__(self, pair: Pair, part: Tensor) -> None:
        self._pair, self._shape = pair, part.shape
        rows = part.reshape(len(part), -1)
        padded = torch.cat((torch.zeros(len(part), _FIRST), rows), 1)
        self._blocks = pair.give(*padded)
        device = pair.gpu.device
        addresses = torch.tensor([device.address(block) for block in self._blocks])
        self.memory = DeviceBuffer(pair.gpu.put(addresses), _FIRST, rows.shape[1])

    def compare(self, operation: str, wanted: Tensor) -> Found:
        host = [self._pair.gpu.host(block)[_FIRST:].clone() for block in self._blocks]
        right = wanted.double()
        far = (torch.stack(host).double().view(right.shape) - right).abs().max()
        error = float(far / right.abs().max().clamp_min(1e-30))
        return Found(operation, "fp32", error, _NEAR["fp32"])


def comparisons(gpu: CudaOps, sizes: Sizes, enough: Callable[[], bool]) -> Iterator[Found]:
    """All of them, until ``enough`` says so between two shapes."""
    for part in _parts(Pair(gpu), sizes):
        if enough():
            return
        yield from part


def _parts(p: Pair, sizes: Sizes) -> Iterator[Iterator[Found]]:
    """One for each operation and shape; nothing is computed before it is asked for."""
    for batch, steps in sizes.texts:
        for width in sizes.widths:
            yield _along_channels(p, batch, steps, width)
        for heads, size in sizes.heads:
            yield _recurrences(p, batch, steps, heads, size)
    for shape in sizes.matrices:
        for rows in sizes.rows:
            for form in _TYPES:
                yield _products(p, rows, shape, form)
            for kind in KINDS:
                yield _packed(p, rows, shape, kind)


def _along_channels(p: Pair, batch: int, steps: int, width: int) -> Iterator[Found]:
    norm, plain_norm = p.affine(width)
    x = 3 * p.draw(batch, steps, width) + 5
    (given,) = p.give(x)
    yield p.compare("norm", p.gpu.norm(given, norm), p.plain.norm(x, plain_norm))
    yield p.compare("joined", p.gpu.joined([given, given]), p.plain.joined([x, x]))
    tokens = torch.arange(batch * steps).view(batch, steps) % 40
    for form, kind in _TYPES.items():
        table = p.draw(40, width).to(kind)
        found = p.gpu.embed(p.gpu.table(table), tokens, norm)
        yield p.compare("embed", found, p.plain.embed(table, tokens, plain_norm), form)
        mixes, last = torch.rand(6, 1, 1, width).to(kind), p.draw(batch, width)
        blocks = _Blocks(p, last)
        found = p.gpu.mix(given, norm, blocks.memory, p.gpu.put(mixes))
        yield p.compare("mix", found, p.plain.mix(x, plain_norm, last, mixes).float(), form)
        yield blocks.compare("mix, memory", last)
        up, low = 0.1 * p.draw(5, width, 8).to(kind), p.draw(batch, steps, 40).to(kind)
        last = p.draw(batch, width)
        blocks = _Blocks(p, last)
        blend, shifted = p.gpu.shift6(given, norm, blocks.memory, p.gpu.put(mixes[:1]))
        right, plain_shifted = p.plain.shift6(x, plain_norm, last, mixes[:1])
        yield p.compare("shift6", blend, right.float(), form)
        given_low, given_up, given_mixes = p.give(low.float(), up, mixes[1:])
        found = p.gpu.mix6(shifted, given_low, given_up, given_mixes)
        right = p.plain.mix6(plain_shifted, low, up, mixes[1:])
        yield p.compare("mix6", found, right.float(), form)


def _recurrences(p: Pair, batch: int, steps: int, heads: int, size: int) -> Iterator[Found]:
    width, shape = heads * size, (batch, steps, heads * size)
    rkv = p.draw(3, *shape)
    (given,) = p.give(rkv)
    decay, bonus = -p.draw(width).exp(), p.draw(width)
    state = torch.stack((p.draw(batch, width), p.draw(batch, width).exp(), p.draw(batch, width)), 1)
    blocks = _Blocks(p, state)
    given_decay, given_bonus = p.give(decay, bonus)
    found = p.gpu.wkv4(given, given_decay, given_bonus, blocks.memory)
    yield p.compare("wkv4", found, p.plain.wkv4(rkv.clone(), decay, bonus, state))
    yield blocks.compare("wkv4, state", state)

    bonus = p.draw(heads, size)
    for decay in (-p.draw(heads, size).exp(), -p.draw(*shape).exp()):
        state = p.draw(batch, heads, size, size)
        blocks = _Blocks(p, state)
        given_decay, given_bonus = p.give(decay, bonus)
        found = p.gpu.wkv6(given, given_decay, given_bonus, blocks.memory)
        yield p.compare("wkv6", found, p.plain.wkv6(rkv.clone(), decay, bonus, state))
        yield blocks.compare("wkv6, state", state)
    y, gate, (norm, plain_norm) = p.draw(*shape), p.draw(*shape), p.affine(width)
    given_y, given_gate = p.give(y, gate)
    found = p.gpu.gate6(given_y, given_gate, norm, heads)
    yield p.compare("gate6", found, p.plain.gate6(y, gate, plain_norm, heads))
    yield p.compare("decay6", p.gpu.decay6(given_y), p.plain.decay6(y))
    yield from _goose(p, rkv, (batch, heads, size), norm, plain_norm)


def _goose(
    p: Pair, rkv: Tensor, sizes: tuple[int, int, int], norm: Affine, plain_norm: Affine
) -> Iterator[Found]:
    batch, heads, size = sizes
    shape = rkv.shape[1:]
    r, k, v = rkv
    low, keys = p.draw(3, *shape), torch.rand(3, 1, 1, shape[-1])
    first, gate, bonus = p.draw(*shape), p.draw(*shape), p.draw(heads, size)
    given_r, given_k, given_v = p.gpu.put(rkv)
    given_keys, given_first, given_gate, given_bonus = p.give(keys, first, gate, bonus)

    delta = p.plain.prepare7(k, v, low.clone(), first, keys, heads)
    on_gpu: Any = p.gpu.prepare7(given_k, given_v, p.gpu.put(low), given_first, given_keys, heads)
    for name, found, right in zip(Delta._fields, on_gpu, delta, strict=True):
        yield p.compare(f"prepare7, {name}", found, right)
    state = 0.1 * p.draw(batch, heads, size, size)
    blocks, again = _Blocks(p, state), _Blocks(p, state)
    y = p.plain.wkv7(r, delta, state)
    on_gpu_y = p.gpu.wkv7(given_r, on_gpu, blocks.memory)
    yield p.compare("wkv7", on_gpu_y, y)
    yield blocks.compare("wkv7, state", state)
    right = p.plain.gate7(y, r, delta, gate, bonus, plain_norm)
    found = p.gpu.gate7(on_gpu_y, given_r, on_gpu, given_gate, given_bonus, norm)
    yield p.compare("gate7", found, right)
    found = p.gpu.attend7(
        (given_r, given_k, given_v),
        p.gpu.put(low),
        given_first,
        given_keys,
        given_gate,
        given_bonus,
        norm,
        again.memory,
    )
    yield p.compare("attend7", found, right)
    yield again.compare("attend7, state", state)

    width = shape[-1]
    down, up = p.draw(4, 8, width) / width**0.5, p.draw(4, width, 8)
    chains = Loras(down, up, p.draw(4, 1, 1, width), ("", "tanh", "", "sigmoid"))
    blends, later = p.draw(4, *shape), _Blocks(p, state)
    right = p.plain.chains7((r, k, v), blends, chains, first, keys, bonus, plain_norm, state)
    found = p.gpu.chains7(
        (given_r, given_k, given_v),
        p.gpu.put(blends),
        p.gpu.place_loras(chains, "fp32"),
        given_first,
        given_keys,
        given_bonus,
        norm,
        later.memory,
    )
    yield p.compare("chains7", found, right)
    yield later.compare("chains7, state", state)


def _products(p: Pair, rows: int, shape: tuple[int, int], form: str) -> Iterator[Found]:
    outputs, inputs = shape
    kind = _TYPES[form]
    weight = (p.draw(outputs, inputs) / inputs**0.5).to(kind)
    x = p.draw(1, rows, inputs).to(kind)
    given_x, given = p.gpu.put(x.float()), p.gpu.upload(weight, form)
    for act in _ACTS:
        right = p.plain.matmul(x, weight, act)
        yield p.compare(f"matmul {act}", p.gpu.matmul(given_x, given, act), right, form)
    right = p.plain.head(x.float(), weight)
    yield p.compare("head", p.gpu.head(given_x, given), right, form)
    stacked, xs = weight.expand(3, -1, -1).clone(), p.draw(3, 1, rows, inputs).to(kind)
    right = p.plain.matmul_stack(xs, stacked)
    found = p.gpu.matmul_stack(p.gpu.put(xs.float()), p.gpu.upload(stacked, form))
    yield p.compare("matmul_stack", found, right, form)
    out, gate = p.draw(1, rows, outputs), torch.rand(1, rows, outputs)
    onto, given_gate = p.give(out, gate)
    p.plain.matmul_onto(out, x, weight, gate.to(kind))
    p.gpu.matmul_onto(onto, given_x, given, given_gate)
    yield p.compare("matmul_onto", onto, out, form)
    x = x.clamp_min(0)
    panels = torch.zeros(-(-outputs // FLOAT_PANEL) * FLOAT_PANEL, inputs, dtype=kind)
    panels[:outputs] = weight
    units = p.gpu.transposed(weight, form)
    yield p.compare("transposed", units, panels.view(-1, FLOAT_PANEL, inputs).mT, form)
    p.plain.matmul_onto(out, x, weight, None)
    p.gpu.matmul_units_onto(onto, p.gpu.put(x.float()), units, None)
    yield p.compare("matmul_units_onto", onto, out, form)
    yield from _chains(p, rows, shape, form)


def _chains(p: Pair, rows: int, shape: tuple[int, int], form: str) -> Iterator[Found]:
    outputs, inputs = shape
    ranks, x = (8, 24, 16), p.draw(3, 1, rows, inputs).to(_TYPES[form])
    down, up = p.draw(3, 24, inputs) / inputs**0.5, p.draw(3, outputs, 24) / 5
    for one, two, rank in zip(down, up, ranks, strict=True):
        one[rank:] = 0
        two[:, rank:] = 0
    bias, acts = p.draw(3, 1, 1, outputs), ("tanh", "", "sigmoid")
    chains = Loras(down, up, bias, acts, ranks)
    right = p.plain.loras(x, p.plain.place_loras(chains, form))
    given = p.gpu.place_loras(chains, form)
    yield p.compare("loras", p.gpu.loras(p.gpu.put(x.float()), given), right, form)


def _packed(p: Pair, rows: int, shape: tuple[int, int], kind: str) -> Iterator[Found]:
    outputs, inputs = shape
    host, x = p.draw(outputs, inputs) / inputs**0.5, p.draw(1, rows, inputs)
    (given_x,) = p.give(x)
    packed = packing.pack(host, kind)
    weight = p.gpu.place(packed)
    for act in _ACTS:
        right = p.plain.matmul_packed(x, packed, act)
        found = p.gpu.matmul_packed(given_x, weight, act)
        yield p.compare(f"matmul_packed {act}", found, right, "fp32", _PACKED_NEAR)._replace(
            form=kind
        )
    for by_unit in (False, True):
        packed = packing.pack(host, kind, by_unit=by_unit)
        sparse, out = x.clamp_min(0), p.draw(1, rows, outputs)
        onto, given_x = p.give(out, sparse)
        p.plain.matmul_packed_onto(out, sparse, packed, None)
        p.gpu.matmul_packed_onto(onto, given_x, p.gpu.place(packed), None)
        name = "matmul_packed_onto" + ", by unit" * by_unit
        yield p.compare(name, onto, out, "fp32", _PACKED_NEAR)._replace(form=kind)
    stack = packing.pack(torch.stack((host, -host)), kind)
    xs = p.draw(2, 1, rows, inputs)
    found = p.gpu.matmul_packed_stack(p.gpu.put(xs), p.gpu.place(stack))
    right = p.plain.matmul_packed_stack(xs, stack)
    yield p.compare("matmul_packed_stack", found, right, "fp32", _PACKED_NEAR)._replace(form=kind)
