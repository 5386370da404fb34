"""The card's products with packed matrices, emulated, beside the plain ones."""

import pytest
import torch

from app.kernels import packing
from app.kernels.cuda.device import DTYPES
from app.kernels.cuda.ops_quantised import PROGRAMS, QuantisedOps
from app.kernels.layout import KINDS
from app.kernels.portable import PortableOps
from tests.support.combinations import each
from tests.support.emulation.device import COMPILER, EmulatedDevice

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")

PLAIN = PortableOps()

# (rows, out, in): less than a panel, a group or a chunk; whole ones; a little more; every bucket
SIZES = [(1, 1, 1), (1, 40, 100), (1, 70, 3), (2, 130, 65), (3, 33, 200), (8, 64, 64), (9, 5, 96)]
MORE = [(1, 16, 1100), (2, 5, 4200), (2, 48, 320), (17, 40, 33), (33, 16, 130), (66, 33, 70)]
EVERY_SIZE, EVERY_KIND = SIZES + MORE, sorted(KINDS)


class AskedFor(EmulatedDevice):
    """Lets nothing be compiled that is not listed."""

    def kernel(self, program, name, **constants):
        assert (program, constants) in PROGRAMS
        return super().kernel(program, name, **constants)


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are packed faster by one, above all beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["forward", "backward", "shuffled"])
def cuda(request):
    return QuantisedOps(AskedFor(request.param))


@pytest.fixture
def ops():
    return QuantisedOps(AskedFor("shuffled"))


def _draw(*shape, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _sparse(*shape, zeros=0.8):
    """Like the square of a ReLU: positive, and mostly zero."""
    chance = torch.rand(shape, generator=torch.Generator().manual_seed(9))
    return torch.where(chance < zeros, 0.0, _draw(*shape, seed=4).square())


def _read(ops, array):
    ops.device.check()
    return torch.from_numpy(ops.device.read(array))


def _assert_close(found, wanted, limit=2e-4):
    """16-bit inputs lose 2^-16 of a group's largest number, float16 2^-12 of each."""
    assert found.shape == wanted.shape
    assert found.dtype == torch.float32
    assert (found - wanted).abs().max() <= limit * wanted.abs().max().clamp_min(1e-6)


def _limit(rows):
    return 1e-3 if rows > 64 else 2e-4


@each(kind=EVERY_KIND, size=EVERY_SIZE)
def test_a_product(cuda, kind, size):
    rows, out, width = size
    x, host = _draw(rows, 1, width), _draw(out, width, seed=5) / width**0.5
    found = _read(cuda, cuda.matmul_packed(cuda.put(x), cuda.pack(host, kind, by_unit=False), ""))
    _assert_close(found, PLAIN.matmul_packed(x, packing.pack(host, kind), ""), _limit(rows))


@each(kind=EVERY_KIND, rows=[1, 2, 8, 65], act=["relu2", "tanh", "sigmoid"])
def test_an_act(ops, kind, rows, act):
    x, host = _draw(rows, 1, 70), _draw(20, 70, seed=5) / 8
    found = _read(ops, ops.matmul_packed(ops.put(x), ops.pack(host, kind, by_unit=False), act))
    _assert_close(found, PLAIN.matmul_packed(x, packing.pack(host, kind), act), 2e-3)


@each(kind=EVERY_KIND, rows=[1, 2, 3, 17, 65])
def test_a_stack_of_products(ops, kind, rows):
    x, host = _draw(3, 1, rows, 100), _draw(3, 40, 100, seed=5)
    found = ops.matmul_packed_stack(ops.put(x), ops.pack(host, kind, by_unit=False))
    wanted = PLAIN.matmul_packed_stack(x, packing.pack(host, kind))
    _assert_close(_read(ops, found), wanted, _limit(rows))


UNITS = [(1, 1, 1), (1, 40, 100), (2, 130, 65), (3, 33, 200), (5, 300, 70), (17, 270, 70)]


@each(
    kind=EVERY_KIND,
    size=[*UNITS, (1, 130, 1100)],
    gated_and_skipping=[(False, True), (True, False)],
)
def test_a_product_by_unit_onto_the_residual(cuda, kind, size, gated, skipping):
    cuda.skipping = skipping
    limit = 1e-5 if size[0] <= 2 else 2e-4
    _assert_adds(cuda, size, kind, gated=gated, by_unit=True, limit=limit)


@each(
    kind=EVERY_KIND,
    size=[(1, 40, 100), (2, 33, 65), (8, 64, 64), (65, 20, 40)],
    gated=(False, True),
)
def test_a_product_by_output_onto_the_residual(ops, kind, size, gated):
    _assert_adds(ops, size, kind, gated=gated, by_unit=False, limit=_limit(size[0]))


def _assert_adds(ops, size, kind, *, gated, by_unit, limit):
    rows, out, width = size
    host = _draw(out, width, seed=5)
    x, gate = _sparse(1, rows, width), _draw(1, rows, out, seed=6) if gated else None
    wanted = _draw(1, rows, out, seed=7)
    ours = ops.put(wanted)
    weight = ops.pack(host, kind, by_unit=by_unit)
    ops.matmul_packed_onto(ours, ops.put(x), weight, None if gate is None else ops.put(gate))
    PLAIN.matmul_packed_onto(wanted, x, packing.pack(host, kind, by_unit=by_unit), gate)
    _assert_close(_read(ops, ours), wanted, limit)


@each(kind=EVERY_KIND, zeros=[0.0, 0.5, 1.0], rows=[1, 2])
def test_skipping_changes_nothing(ops, kind, zeros, rows):
    weight = ops.pack(_draw(130, 200, seed=5), kind, by_unit=True)
    x = ops.put(_sparse(rows, 200, zeros=zeros))
    found = []
    for skipping in (True, False):
        ops.skipping = skipping
        out = ops.put(torch.zeros(rows, 130))
        ops.matmul_packed_onto(out, x, weight, None)
        found.append(_read(ops, out))
    assert torch.equal(*found)


@each(skipping=(False, True))
def test_inputs_of_zero_are_not_read(ops, skipping):
    ops.skipping = skipping
    host = _draw(130, 96, seed=5)
    x = _sparse(1, 96)
    found = []
    for spoiled in (False, True):
        packed = packing.pack(host, "int8", by_unit=True)
        if spoiled:
            units = packed.codes.view(2, 128, 128)  # panels, inputs, bytes
            units[:, :96][:, x[0] == 0] ^= 255
        out = ops.put(torch.zeros(1, 130))
        ops.matmul_packed_onto(out, ops.put(x), ops.place(packed), None)
        found.append(_read(ops, out))
    assert torch.equal(*found)


@each(
    kind=EVERY_KIND,
    rows=[1, 2, 5, 65],
    by_unit=(False, True),
    bad=[float("nan"), float("inf"), -float("inf")],
)
def test_a_number_that_is_none_is_not_hidden(ops, kind, rows, by_unit, bad):
    x = _draw(rows, 100)
    x[-1, 70] = bad
    weight, out = ops.pack(_draw(20, 100), kind, by_unit=by_unit), ops.put(torch.zeros(rows, 20))
    ops.matmul_packed_onto(out, ops.put(x), weight, None)
    found = _read(ops, out)
    assert not found[-1].isfinite().any()
    assert found[:-1].isfinite().all()


@each(kind=EVERY_KIND, rows=[1, 3, 65])
def test_inputs_of_any_size_are_multiplied(ops, kind, rows):
    host = _draw(20, 100)
    weight = ops.pack(host, kind, by_unit=False)
    for factor in (0.0, 1e-20, 1e20):
        x = _draw(rows, 100) * factor
        found = _read(ops, ops.matmul_packed(ops.put(x), weight, "")) / max(factor, 1e-20)
        wanted = PLAIN.matmul_packed(x, packing.pack(host, kind), "") / max(factor, 1e-20)
        _assert_close(found, wanted, _limit(rows))


@each(kind=EVERY_KIND, by_unit=(False, True), factor=[1e-6, 1e5])
def test_weights_of_any_size_are_multiplied_in_float16(ops, kind, by_unit, factor):
    packed = packing.pack(_draw(20, 100) * factor, kind, by_unit=by_unit)
    x, wanted = _draw(65, 100), torch.zeros(65, 20)
    ours = ops.put(wanted)
    ops.matmul_packed_onto(ours, ops.put(x), ops.place(packed), None)
    PLAIN.matmul_packed_onto(wanted, x, packed, None)
    _assert_close(_read(ops, ours) / factor, wanted / factor, 1e-3)


@each(kind=EVERY_KIND, form=["bf16", "fp16"], rows=[1, 3, 65])
def test_16_bit_activations_and_gates_are_taken(ops, kind, form, rows):
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[form]
    x, gate = (_draw(rows, width).to(dtype) for width in (100, 20))
    for by_unit in (False, True):
        packed = packing.pack(_draw(20, 100), kind, by_unit=by_unit)
        wanted = torch.zeros(rows, 20)
        ours = ops.put(wanted)
        assert ops.put(x).dtype == DTYPES[form]
        ops.matmul_packed_onto(ours, ops.put(x), ops.place(packed), ops.put(gate))
        PLAIN.matmul_packed_onto(wanted, x.float(), packed, gate.float())
        _assert_close(_read(ops, ours), wanted, _limit(rows))


@each(kind=EVERY_KIND)
def test_several_tiles_make_one_product(ops, kind, monkeypatch):
    monkeypatch.setattr("app.kernels.cuda.ops_quantised._TILE", 4000)
    for by_unit in (False, True):
        _assert_adds(ops, (65, 600, 70), kind, gated=True, by_unit=by_unit, limit=1e-3)


@each(kind=EVERY_KIND, rows=[1, 2, 3, 65])
def test_a_capture_gives_the_same_bits_again(ops, kind, rows):
    project = ops.pack(_draw(40, 70), kind, by_unit=False)
    value = ops.pack(_draw(70, 40), kind, by_unit=True)
    x, out = ops.put(_draw(rows, 70)), ops.put(torch.zeros(rows, 70))

    def run():
        ops.device.clear(out)
        ops.matmul_packed_onto(out, ops.matmul_packed(x, project, "relu2"), value, None)
        return ops.matmul_packed(out, project, "")

    first = _read(ops, run())
    capture = ops.capture(run)
    assert torch.equal(_read(ops, capture.result), first)
    ops.device.clear(out)
    assert capture.again()
    assert torch.equal(_read(ops, capture.result), first)
    ops.device.clear(out)
    ops.device.write(x, 2 * ops.device.read(x))
    assert capture.again()
    assert not torch.equal(_read(ops, capture.result), first)


@each(kind=EVERY_KIND, by_unit=(False, True))
def test_a_packed_matrix_is_placed_as_it_is(ops, kind, by_unit):
    host = _draw(2, 40, 70)
    packed = packing.pack(host, kind, by_unit=by_unit)
    for placed in (ops.place(packed), ops.pack(host, kind, by_unit=by_unit)):
        assert (placed.shape, placed.count, placed.nbytes) == (packed.shape, 2, packed.nbytes)
        assert torch.equal(_read(ops, placed.codes), packed.codes)
        assert torch.equal(_read(ops, placed.scales), packed.scales)
