"""Products of many rows against float64, on every instruction set.

The library and its instruction sets are those of test_native_sequence.
"""

import torch

from app.kernels.pointer_table import PointerTable
from app.kernels.portable import PortableOps
from app.kernels.weight_formats import UnitMajor
from tests.support.combinations import each

from .test_native_sequence import TYPES, _close, draw, library, ops, two_threads

__all__ = ["draw", "library", "ops", "two_threads"]

SIZES = [(1, 33, 41, 37), (3, 40, 96, 64), (2, 257, 70, 100), (1, 300, 130, 2500)]

# what rounding x, and a 16-bit result, costs
LOSS = {torch.float32: 4e-6, torch.bfloat16: 5e-3, torch.float16: 6e-4}


def _drawn(draw, kind, stack, rows, outputs, width):
    x, weight = draw(stack, 1, rows, width), draw(stack, outputs, width) / width**0.5
    weight = weight.to(TYPES[kind])
    exact = torch.bmm(x.double().view(stack, rows, width), weight.double().mT)
    return x, weight, exact.view(stack, 1, rows, outputs)


@each(kind=TYPES, size=SIZES)
def test_a_stack(ops, draw, kind, size):
    x, weight, exact = _drawn(draw, kind, *size)
    for form in {torch.float32, TYPES[kind]}:
        found = ops.matmul_stack(x.to(form), weight)
        assert found.dtype == torch.float32
        _close(found, exact, LOSS[TYPES[kind]])
    assert set(ops.kernels) == {"tiles"}


@each(kind=TYPES, size=SIZES)
def test_a_stack_that_lies_apart(ops, draw, kind, size):
    x, weight, _ = _drawn(draw, kind, *size)
    memory = draw(4, *weight.shape[1:]).to(weight.dtype)
    places = [2, 0, 3][: len(weight)]
    memory[places] = weight
    apart = PointerTable.of([memory[place] for place in places])
    wanted = ops.matmul_stack(x, weight)
    assert torch.equal(ops.matmul_stack(x, apart), wanted)
    _close(PortableOps().matmul_stack(x, apart), wanted.double(), LOSS[TYPES[kind]])
    assert ops.kernels == ["tiles", "tiles"]


@each(kind=TYPES, act=["", "relu2", "tanh", "sigmoid"])
def test_an_act(ops, draw, kind, act):
    x, weight, exact = _drawn(draw, kind, 1, 50, 41, 37)
    acts = {"": exact, "relu2": exact.relu().square(), "tanh": exact.tanh()}
    wanted = acts.get(act, exact.sigmoid())
    _close(ops.matmul(x[0], weight[0], act).float(), wanted[0], 2 * LOSS[TYPES[kind]])
    assert ops.kernels == ["tiles"]


@each(kind=TYPES, gated=(False, True), by_unit=(False, True), rows=[50, 203])
def test_onto_a_residual(ops, draw, kind, gated, by_unit, rows):
    x, weight, exact = _drawn(draw, kind, 1, rows, 141, 67)
    out = draw(1, rows, 141)
    gate = draw(1, rows, 141).sigmoid() if gated else None
    wanted = out + exact[0] * (1 if gate is None else gate)
    if by_unit:
        packed = UnitMajor.pack(ops, weight[0], kind)
        ops.kernels.clear()
        packed.onto(out, x[0], gate)
    else:
        ops.matmul_onto(out, x[0], weight[0], gate)
    _close(out, wanted, LOSS[TYPES[kind]])
    assert ops.kernels == ["tiles"]


@each(threads=[1, 2, 3, 16], rows=[33, 257, 291])
def test_any_number_of_threads(ops, draw, threads, rows):
    x, weight, exact = _drawn(draw, "bf16", 2, rows, 70, 100)
    torch.set_num_threads(threads)
    _close(ops.matmul_stack(x, weight), exact, LOSS[torch.bfloat16])


def test_where_the_processor_multiplies_matrices_torch_is_left_to_it(ops, draw):
    ops.by_hardware = True
    for kind, kernels in (("bf16", []), ("fp32", ["tiles"])):
        x, weight, exact = _drawn(draw, kind, 2, 50, 41, 37)
        ops.kernels.clear()
        _close(ops.matmul_stack(x, weight), exact, 2 * LOSS[TYPES[kind]])
        assert ops.kernels == kernels
