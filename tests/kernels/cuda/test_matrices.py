"""Products with float matrices on an emulated card, beside PortableOps and float64."""

import itertools

import numpy as np
import pytest
import torch

from app.kernels.cuda.device import DTYPES, Product
from app.kernels.cuda.ops_matrix import MOST_ROWS, PROGRAMS, MatrixOps
from app.kernels.ops import Loras
from app.kernels.portable import PortableOps
from app.kernels.weight_formats import UnitMajor
from tests.kernels.drawn import Draw
from tests.support.combinations import each
from tests.support.emulation.device import COMPILER, EmulatedDevice

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
FORMS = list(TYPES)
ORDERS = ["forward", "backward", "shuffled"]
ACTS = {
    "": lambda y: y,
    "relu2": lambda y: y.relu().square(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
SHAPES = [(1, 1), (3, 5), (5, 64), (70, 33), (37, 70), (20, 300), (9, 1032)]  # outputs, width
ROWS = [1, 2, 3, 8, 9, MOST_ROWS]
MANY = MOST_ROWS + 1

FEW_LOSS = 3e-6  # sums in float32, of whatever types
LOSS = {"fp32": 4e-6, "bf16": 5e-3, "fp16": 6e-4}  # what rounding x costs


class _Known(EmulatedDevice):
    """Gives out no program that is not announced."""

    def kernel(self, program, name, **constants):
        assert (program, constants) in PROGRAMS
        return super().kernel(program, name, **constants)


@pytest.fixture(params=ORDERS)
def device(request):
    one = _Known(request.param)
    yield one
    one.check()


@pytest.fixture
def ops(device):
    return MatrixOps(device)


@pytest.fixture
def one():
    """In one order, where others show nothing more."""
    ops = MatrixOps(_Known("shuffled"))
    yield ops
    ops.device.check()


@pytest.fixture
def draw():
    return Draw(5)


def _read(ops, array):
    host = ops.device.read(array)
    if host.dtype == DTYPES["bf16"]:
        return torch.from_numpy(host).view(torch.bfloat16).float()
    return torch.from_numpy(host).float()


def _close(ops, found, wanted, loss=FEW_LOSS):
    host = _read(ops, found)
    assert host.shape == wanted.shape
    assert (host - wanted).abs().max() <= loss * (1 + wanted.abs().max())


def _product(x, weight):
    return x.double() @ weight.double().mT


@each(form=FORMS, shape=SHAPES)
def test_a_product_of_few_rows_is_exact_in_float32(ops, draw, form, shape):
    weight = draw(*shape).to(TYPES[form])
    placed = ops.upload(weight, form)
    for rows, act in zip(ROWS, itertools.cycle(ACTS), strict=False):
        x = draw(rows, 1, shape[1]) / shape[1] ** 0.5
        found = ops.matmul(ops.put(x), placed, act)
        assert found.dtype == np.float32
        _close(ops, found, ACTS[act](_product(x, weight)))
        _close(ops, ops.head(ops.put(x), placed), _product(x, weight))


@each(form=["fp16", "bf16"], rows=[*ROWS, MANY])
def test_x_may_have_the_type_of_the_weight(one, draw, form, rows):
    x, weight = draw(rows, 1, 64).to(TYPES[form]), draw(70, 64).to(TYPES[form])
    placed, here = one.upload(weight, form), one.put(x)
    _close(one, one.matmul(here, placed, ""), _product(x, weight), 4e-6)
    _close(one, one.head(here, placed), _product(x, weight), 4e-6)


@each(form=FORMS, rows=[1, 3, 9, MANY], gated=(False, True), units=(False, True))
def test_a_product_is_gated_and_added_in_place(one, draw, form, rows, gated, units):
    for outputs, width in ((64, 96), (133, 70), (256, 33)):
        x, weight = draw(rows, 1, width).relu(), draw(outputs, width) / width**0.5
        weight, before = weight.to(TYPES[form]), draw(rows, 1, outputs)
        gate = draw(rows, 1, outputs) if gated else None
        wanted = before + _product(x, weight) * (1 if gate is None else gate)
        out, there = one.put(before), None if gate is None else one.put(gate)
        if units:
            UnitMajor.pack(one, weight, form).onto(out, one.put(x), there)
        else:
            one.matmul_onto(out, one.put(x), one.upload(weight, form), there)
        _close(one, out, wanted, LOSS[form] if rows == MANY else FEW_LOSS)


@each(form=FORMS, rows=[1, 3, 9])
def test_zeros_need_not_be_read(ops, draw, form, rows):
    """What belongs to them is NaN, which would be seen."""
    width, outputs = 300, 150
    x, weight = draw(rows, 1, width), draw(outputs, width) / 26
    x[..., torch.rand(width, generator=torch.Generator().manual_seed(1)) < 0.9] = 0
    weight = weight.to(TYPES[form])
    before = draw(rows, 1, outputs)
    wanted = before + _product(x, weight)
    spoiled = weight.clone()
    spoiled[:, (x == 0).all(0)[0]] = torch.nan
    found = []
    for skipping, numbers in ((True, spoiled), (True, weight), (False, weight)):
        ops.skipping = skipping
        out = ops.put(before)
        UnitMajor.pack(ops, numbers, form).onto(out, ops.put(x))
        _close(ops, out, wanted)
        found.append(_read(ops, out))
    assert torch.equal(found[0], found[1])
    torch.testing.assert_close(found[1], found[2], rtol=1e-6, atol=2e-6)
    ops.skipping = False
    out = ops.put(before)
    UnitMajor.pack(ops, spoiled, form).onto(out, ops.put(x))
    assert _read(ops, out).isnan().all()


@each(rows=[1, 8])
def test_a_warp_lists_its_inputs_in_runs(one, draw, rows):
    """Where panels are many, a warp has more of them than it lists at once."""
    width, outputs = 2200 // rows, 1024
    x, weight, before = draw(rows, 1, width), draw(outputs, width).bfloat16(), draw(rows, 1, 1024)
    out = one.put(before)
    UnitMajor.pack(one, weight, "bf16").onto(out, one.put(x))
    _close(one, out, before + _product(x, weight))


def test_a_nan_is_not_a_zero(one, draw):
    x = torch.zeros(1, 1, 70)
    x[..., 66] = torch.nan
    out = one.put(draw(1, 1, 128))
    UnitMajor.pack(one, draw(128, 70), "bf16").onto(out, one.put(x))
    assert _read(one, out).isnan().all()


@each(form=FORMS, rows=[1, 5, MANY])
def test_each_matrix_of_a_stack_has_its_own_input(ops, draw, form, rows):
    for width in (64, 70):
        x, weights = draw(3, rows, 1, width), (draw(3, 45, width) / 8).to(TYPES[form])
        found = ops.matmul_stack(ops.put(x), ops.upload(weights, form))
        wanted = _product(x.flatten(1, 2), weights).unsqueeze(2)
        _close(ops, found, wanted, LOSS[form] if rows == MANY else FEW_LOSS)


@each(form=FORMS, act=ACTS)
def test_many_rows_are_what_portable_makes_of_them(one, draw, form, act):
    x, weight = draw(1, MANY, 70), (draw(41, 70) / 8).to(TYPES[form])
    found = one.matmul(one.put(x), one.upload(weight, form), act)
    _close(one, found, PortableOps().matmul(x, weight, act).float(), 2 * LOSS[form])
    assert (found.dtype == DTYPES["bf16"]) == (form == "bf16" and act == "relu2")


@each(form=FORMS)
def test_the_head_keeps_more_of_many_rows_than_one_rounding(one, draw, form):
    x, weight = draw(1, MANY, 300), (draw(41, 300) / 17).to(TYPES[form])
    _close(one, one.head(one.put(x), one.upload(weight, form)), _product(x, weight), 1e-5)


@each(form=FORMS, rows=[1, 2, 9, MANY], ranks=[(5, 17, 32), (), (8, 70, 64), (3, 5, 2)])
def test_chains_of_low_rank(one, draw, form, rows, ranks):
    rank, width, outputs = max(ranks, default=24), 64, 75
    down, up = draw(3, rank, width) / 8, draw(3, outputs, rank) / 8
    for chain, real in enumerate(ranks):
        down[chain, real:], up[chain, :, real:] = 0, 0
    acts, x, bias = ("tanh", "", "sigmoid"), draw(3, rows, 1, width), draw(3, 1, 1, outputs)
    down, up = down.to(TYPES[form]), up.to(TYPES[form])
    placed = Loras(one.put(down), one.put(up), one.put(bias), acts, ranks)
    before = one.device.launches
    found = one.loras(one.put(x), placed)
    low = [ACTS[act](y) for act, y in zip(acts, _product(x, down[:, None]), strict=True)]
    wanted = _product(torch.stack(low), up[:, None]) + bias
    _close(one, found, wanted, 2 * LOSS[form] if rows == MANY else FEW_LOSS)
    if rows < MANY:
        assert one.device.launches == before + 2


@each(rows=[1, 8, MANY], units=(False, True))
def test_float16_does_not_overflow_where_a_square_relu_does(one, draw, rows, units):
    """Activations of 1e5 and squares of 1e10."""
    x, key = draw(1, rows, 64) * 1e5, draw(96, 64).half() / 8
    value, before = draw(128, 96).half() / 1e8 * 1e3, draw(1, rows, 128)
    inner = one.matmul(one.put(x), one.put(key), "relu2")
    wanted = _product(x, key).relu().square()
    assert wanted.max() > 1e9
    _close(one, inner, wanted, 2e-3)
    out = one.put(before)
    if units:
        UnitMajor.pack(one, value, "fp16").onto(out, inner)
    else:
        one.matmul_onto(out, inner, one.put(value), None)
    _close(one, out, before + _product(wanted, value), 2e-3)


def test_a_row_of_small_numbers_beside_one_of_large_ones_keeps_its_digits(one, draw):
    scales = torch.tensor([1e-30, 1e30, 0.0, 1e-36, 1.0, 1e-3] + [1.0] * (MANY - 6))
    x, weight = draw(1, MANY, 70) * scales[:, None], draw(8, 70).half()
    found = _read(one, one.matmul(one.put(x), one.put(weight), ""))
    wanted = _product(x, weight)
    size = x.double().abs() @ weight.double().abs().mT
    assert ((found - wanted).abs() <= 6e-4 * size).all()


@each(rows=[1, 2, MANY], form=FORMS)
def test_a_captured_run_gives_the_same_bits_again(ops, draw, form, rows):
    """The chain of one layer; its input and its residual are written anew before each run."""
    weights = [draw(*shape).to(TYPES[form]) for shape in ((2, 70, 64), (96, 64), (40, 64))]
    stack, key, head = (ops.put(weight) for weight in weights)
    value = UnitMajor.pack(ops, draw(64, 96), form)
    numbers, residual = draw(2, rows, 1, 64), draw(rows, 1, 64)
    x, out = ops.put(numbers), ops.put(residual)

    def run():
        ops.matmul_stack(x, stack)
        value.onto(out, ops.matmul(x[0], key, "relu2"))
        return ops.head(out, head)

    at_once = _read(ops, run())
    ops.device.copy(out, ops.put(residual))
    captured = ops.capture(run)
    results = [_read(ops, captured.result)]
    for _ in range(2):
        ops.device.copy(out, ops.put(residual))
        ops.device.clear(captured.result)
        assert captured.again()
        results.append(_read(ops, captured.result))
    assert all(torch.equal(at_once, result) for result in results)


def test_a_capture_uses_the_memory_of_its_products_again(one, draw):
    key, value = one.put(draw(96, 64), "fp16"), one.put(draw(64, 96), "fp16")
    out = one.put(draw(MANY, 1, 64))

    def layers(count):
        def run():
            for _ in range(count):
                one.matmul_onto(out, one.matmul(out, key, "sigmoid"), value, None)
            return one.head(out, key)

        before = one.device.asked
        kept.append(one.capture(run))
        return one.device.asked - before

    kept = []
    one.device = _Counting(one.device)
    assert layers(6) == layers(2)


class _Counting:
    """Counts the arrays that are asked for."""

    def __init__(self, device):
        self._device, self.asked = device, 0

    def __getattr__(self, name):
        return getattr(self._device, name)

    def empty(self, shape, dtype):
        self.asked += 1
        return self._device.empty(shape, dtype)


def test_arrays_that_lie_out_of_step_are_read_one_by_one(one, draw):
    """Rows of 64 numbers that begin 4 bytes after a multiple of 16."""
    x, weight = draw(3, 64), draw(20, 64)
    long, tall = one.put(torch.cat((torch.zeros(1), x.flatten()))), one.put(weight)
    _close(one, one.matmul(long[1:].reshape(3, 64), tall, ""), _product(x, weight))


def test_a_product_of_many_rows_is_a_step_of_its_own(one, draw):
    """Where nothing is done before or after, it goes straight to the result."""
    x, weight = draw(1, MANY, 64).bfloat16(), draw(128, 64).bfloat16()
    out, here = one.put(draw(1, MANY, 128)), one.put(x)
    asked, multiply = [], one.device.multiply

    def noted(y, x, w, product):
        asked.append(product)
        multiply(y, x, w, product)

    one.device.multiply = noted
    before = one.device.launches
    one.matmul(here, one.put(weight), "")
    one.matmul_onto(out, here, one.put(weight), None)
    UnitMajor.pack(one, weight, "bf16").onto(out, here)
    assert one.device.launches == before
    plain = Product(MANY, 128, 64, 128, 1, MANY * 64, 128 * 64, MANY * 128)
    assert asked[0] == plain
    assert [product.adds for product in asked] == [False, True, True]
