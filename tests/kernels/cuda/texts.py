"""An emulated card's operations along time, and texts' memories on it, for the tests."""

import torch

from app.kernels import Affine, Delta
from app.kernels.cuda.base import DeviceBuffer
from app.kernels.cuda.ops_sequence import PROGRAMS, SequenceOps
from app.kernels.portable import PortableOps
from tests.support.emulation.device import EmulatedDevice

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ORDERS = ("forward", "backward", "shuffled")
ROWS = [(1, 1), (3, 1), (1, 7), (2, 37)]  # batch, steps
FIRST, MARGIN = 64, 192  # floats of a block before a part, and in all beside it


class Listed(EmulatedDevice):
    """Has only kernels of the list."""

    def kernel(self, program, name, **constants):
        assert (program, constants) in PROGRAMS
        return super().kernel(program, name, **constants)


class Ops(SequenceOps):
    """Tensors in, tensors out: all goes over the card."""

    plain = PortableOps()

    def give(self, *tensors):
        return [None if one is None else self.put(one) for one in tensors]

    def affine(self, norm):
        return Affine(*self.give(*norm))

    def take(self, array, kind=None):
        self.device.check()
        found = torch.from_numpy(self.device.read(array))
        return found.view(torch.bfloat16).float() if found.dtype == torch.uint16 else found.float()


class Blocks:
    """What B texts remember: a part (B, ...) of it within blocks of numbers that stay."""

    def __init__(self, ops, part):
        self.ops, self.shape = ops, part.shape
        self.blocks, self.around = [], []
        for text, one in enumerate(part):
            block = torch.arange(1.0, one.numel() + MARGIN + 1) + text
            block[FIRST : FIRST + one.numel()] = one.reshape(-1)
            self.blocks.append(ops.put(block))
            self.around.append(self._beside(block))
        self.table = ops.put(self.addresses(range(len(part))))
        self.memory = DeviceBuffer(self.table, FIRST, part[0].numel())

    def addresses(self, texts):
        return torch.tensor([self.ops.device.address(self.blocks[text]) for text in texts])

    @property
    def part(self):
        whole = [self.ops.take(block) for block in self.blocks]
        for one, around in zip(whole, self.around, strict=True):
            assert torch.equal(self._beside(one), around)
        last = FIRST + self.memory.count
        return torch.stack([one[FIRST:last] for one in whole]).view(self.shape)

    @staticmethod
    def _beside(block):
        return torch.cat((block[:FIRST], block[FIRST - MARGIN :]))


def close(found, wanted, tolerance=1e-5):
    assert found.shape == wanted.shape
    far = (found.double() - wanted.double()).abs().max()
    assert far <= tolerance * wanted.double().abs().max().clamp_min(1e-30)


def affine_of(draw, width):
    return Affine(1 + 0.1 * draw(width), 0.1 * draw(width))


def close_as(kind):
    """How near a result in this type can be to a float32 one."""
    return {"fp32": 1e-5, "bf16": 5e-3, "fp16": 6e-4}[kind]


class Layer:
    """What one layer of generation 7 has for its attention."""

    def __init__(self, draw, shape, *, is_first):
        batch, steps, self.heads, size = shape
        width = self.heads * size
        self.r, self.k, self.v, self.gate, first = draw(5, batch, steps, width)
        self.k[0, 0] = 0.0  # a key of no length
        self.low = 4 * draw(2 if is_first else 3, batch, steps, width)
        self.first = None if is_first else first
        self.keys, self.bonus = draw(3, 1, 1, width), draw(self.heads, size)
        self.norm = affine_of(draw, width)

    def given(self, ops):
        r, k, v = ops.give(self.r, self.k, self.v)
        parts = ops.give(self.low, self.first, self.keys, self.gate, self.bonus)
        return (r, k, v), *parts, ops.affine(self.norm)

    def on(self, ops, memory):
        return ops.attend7(*self.given(ops), memory)


def delta_of(draw, shape):
    batch, steps, heads, size = shape
    r, k, v, kk, rate, raw = draw(6, batch, steps, heads * size)
    kk = torch.nn.functional.normalize(kk.unflatten(-1, (heads, size)), dim=-1).flatten(-2)
    return r, Delta(-0.606531 * raw.sigmoid(), k, v, kk, rate.sigmoid())


def put_delta(ops, delta):
    return Delta(*ops.give(*(one.contiguous() for one in delta)))
