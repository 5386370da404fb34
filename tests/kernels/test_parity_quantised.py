"""The native products with packed matrices and with matrices by unit, beside the plain ones."""

from functools import cache

import pytest
import torch

from app.kernels import packing
from app.kernels.layout import KINDS
from app.kernels.native.library import LibraryError, load
from app.kernels.native.ops import NativeOps
from app.kernels.pointer_table import PointerTable
from app.kernels.portable import DTYPES, PortableOps
from app.kernels.weight_formats import UnitMajor
from tests.support.combinations import each

KIND_OF = {dtype: name for name, dtype in DTYPES.items()}

# (rows, out, in): less than a panel, a group or a line; whole ones; and a little more; all strips
# of few rows, and many rows in more than one block of inputs and of outputs
SIZES = [
    *((1, 1, 1), (1, 40, 100), (1, 257, 512), (2, 130, 65), (7, 40, 200), (8, 300, 96)),
    *((9, 64, 200), (37, 129, 96), (13, 140, 600), (270, 20, 70)),
]
KIND = sorted(KINDS)
BOTH = (False, True)
FLOATS = (torch.float32, torch.bfloat16, torch.float16)
PLAIN = PortableOps()  # its results are made once for all instruction sets


def _sets():
    try:
        return load().sets
    except LibraryError:
        return ()


@pytest.fixture(params=_sets() or ["none"])
def native(request):
    """The native operations in one of this machine's instruction sets."""
    if request.param == "none":
        pytest.skip("the native library is not built here")
    library = load()
    before = library.chosen
    library.choose(request.param)
    yield NativeOps(library)
    library.choose(before)


def _draw(*shape, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _sparse(*shape, zeros=0.8, seed=4):
    """Like the square of a ReLU: positive, and mostly zero."""
    numbers = _draw(*shape, seed=seed)
    return torch.where(_uniform(shape) < zeros, 0.0, numbers.square())


@cache
def _weight(kind, *shape, by_unit=False):
    return packing.pack(_draw(*shape, seed=5) / shape[-1] ** 0.5, kind, by_unit=by_unit)


def _uniform(shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(9))


def _assert_close(found, wanted, limit=2e-4):
    """16-bit inputs lose 2^-16 of a group's largest number."""
    assert found.shape == wanted.shape
    assert found.dtype == torch.float32
    assert (found - wanted).abs().max() <= limit * wanted.abs().max().clamp_min(1e-6)


@cache
def _product(kind, size, act):
    rows, out, width = size
    x, weight = _draw(rows, 1, width), _weight(kind, out, width)
    return x, weight, PLAIN.matmul_packed(x, weight, act)


@each(kind=KIND, size=SIZES, act=("", "relu2", "tanh", "sigmoid"))
def test_a_product(native, kind, size, act):
    x, weight, wanted = _product(kind, size, act)
    _assert_close(native.matmul_packed(x, weight, act), wanted)


@cache
def _stack(kind, size):
    rows, out, width = size
    x, weight = _draw(3, 1, rows, width), _weight(kind, 3, out, width)
    return x, weight, PLAIN.matmul_packed_stack(x, weight)


@each(kind=KIND, size=SIZES)
def test_a_stack_of_products(native, kind, size):
    x, weight, wanted = _stack(kind, size)
    _assert_close(native.matmul_packed_stack(x, weight), wanted)


@cache
def _onto(kind, size, by_unit, gated):
    rows, out, width = size
    weight = _weight(kind, out, width, by_unit=by_unit)
    x, gate = _sparse(1, rows, width), _draw(1, rows, out, seed=6) if gated else None
    wanted = _draw(1, rows, out, seed=7)
    PLAIN.matmul_packed_onto(wanted, x, weight, gate)
    return x, weight, gate, wanted


@each(kind=KIND, size=SIZES, by_unit=BOTH, gated=BOTH)
def test_a_product_onto_the_residual(native, kind, size, by_unit, gated):
    x, weight, gate, wanted = _onto(kind, size, by_unit, gated)
    ours = _draw(*wanted.shape, seed=7)
    native.matmul_packed_onto(ours, x, weight, gate)
    _assert_close(ours, wanted)


@each(dtype=FLOATS, size=SIZES, gated=BOTH, skipping=BOTH)
def test_floats_by_unit_onto_the_residual(native, dtype, size, gated, skipping):
    rows, out, width = size
    host = _draw(out, width, seed=5).to(dtype)
    x, gate = _sparse(1, rows, width), _draw(1, rows, out, seed=6) if gated else None
    ours = _draw(1, rows, out, seed=7)
    wanted = ours + (x @ host.float().T) * (1 if gate is None else gate)
    native.skipping = skipping
    UnitMajor.pack(native, host, KIND_OF[dtype]).onto(ours, x, gate)
    exact = rows <= 32 or dtype == torch.float32
    _assert_close(ours, wanted, 1e-5 if exact else 0.03)


@each(kind=KIND, zeros=(0.0, 0.5, 1.0))
def test_skipping_changes_nothing(native, kind, zeros):
    weight = _weight(kind, 130, 200, by_unit=True)
    x = _sparse(2, 200, zeros=zeros)
    found = []
    for skipping in (True, False):
        native.skipping = skipping
        out = torch.zeros(2, 130)
        native.matmul_packed_onto(out, x, weight, None)
        found.append(out)
    _assert_close(found[0], found[1], 1e-4)


@each(kind=KIND, by_unit=BOTH, bad=(float("nan"), float("inf"), -float("inf")), rows=(1, 3, 20))
def test_a_number_that_is_none_is_not_hidden(native, kind, by_unit, bad, rows):
    weight = packing.pack(_draw(20, 100), kind, by_unit=by_unit)
    x, out = _draw(rows, 100), torch.zeros(rows, 20)
    x[-1, 70] = bad
    native.matmul_packed_onto(out, x, weight, None)
    assert out[-1].isnan().all()
    assert not out[:-1].isnan().any()


@each(kind=KIND, by_unit=BOTH)
def test_rows_come_to_the_bits_that_they_come_to_alone(native, kind, by_unit):
    weight = _weight(kind, 200, 2100, by_unit=by_unit)
    x = _sparse(32, 1, 2100)
    alone = torch.zeros(32, 1, 200)
    for row, out in zip(x, alone, strict=True):
        native.matmul_packed_onto(out[None], row[None], weight, None)
    for rows in (2, 7, 9, 17, 32):
        together = torch.zeros(rows, 1, 200)
        native.matmul_packed_onto(together, x[:rows], weight, None)
        assert torch.equal(together, alone[:rows])


@each(kind=KIND, by_unit=BOTH, rows=(5, 7, 11, 14, 15))
def test_rows_beside_each_other_do_not_touch(native, kind, by_unit, rows):
    weight = packing.pack(_draw(40, 100), kind, by_unit=by_unit)
    x, together = _draw(rows, 100), torch.zeros(rows, 40)
    native.matmul_packed_onto(together, x, weight, None)
    for row in range(rows):
        alone = torch.zeros(1, 40)
        native.matmul_packed_onto(alone, x[row : row + 1], weight, None)
        assert torch.equal(together[row : row + 1], alone)


@each(kind=KIND)
def test_inputs_of_any_size_are_multiplied(native, kind):
    weight = packing.pack(_draw(20, 100), kind)
    for factor in (0.0, 1e-20, 1e20):
        x = _draw(1, 100) * factor
        _assert_close(
            native.matmul_packed(x, weight, "") / max(factor, 1),
            PLAIN.matmul_packed(x, weight, "") / max(factor, 1),
        )


@each(kind=KIND)
def test_16_bit_activations_are_taken(native, kind):
    x, weight = _draw(2, 1, 100).bfloat16(), packing.pack(_draw(20, 100), kind)
    _assert_close(native.matmul_packed(x, weight, ""), PLAIN.matmul_packed(x.float(), weight, ""))


@each(kind=KIND, threads=(1, 2, 3), rows=(3, 90))
def test_every_number_of_threads_gives_the_same(native, kind, threads, rows):
    before = torch.get_num_threads()
    x = _sparse(rows, 300)
    dense, units = (packing.pack(_draw(700, 300), kind, by_unit=by) for by in (False, True))
    found = []
    try:
        for count in (threads, 1):
            torch.set_num_threads(count)
            out = native.matmul_packed(x, dense, "").clone()
            native.matmul_packed_onto(out, x, units, None)
            found.append(out)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@each(kind=KIND, by_unit=BOTH)
def test_fewer_parts_than_were_wanted_are_enough_for_whole_strips(native, kind, by_unit):
    before = torch.get_num_threads()
    x, weight = _draw(1, 770, 20), _weight(kind, 200, 20, by_unit=by_unit)
    ours, wanted = torch.zeros(1, 770, 200), torch.zeros(1, 770, 200)
    torch.set_num_threads(6)
    try:
        native.matmul_packed_onto(ours, x, weight, None)
    finally:
        torch.set_num_threads(before)
    PLAIN.matmul_packed_onto(wanted, x, weight, None)
    _assert_close(ours, wanted)


@each(kind=KIND)
def test_no_rows_make_none(native, kind):
    x, weight = torch.empty(1, 0, 100), _weight(kind, 40, 100)
    assert native.matmul_packed(x, weight, "").shape == (1, 0, 40)
    for by_unit in (False, True):
        out = torch.empty(1, 0, 40)
        native.matmul_packed_onto(out, x, _weight(kind, 40, 100, by_unit=by_unit), None)


@each(kind=KIND, by_unit=BOTH, dtype=FLOATS)
def test_packing_makes_the_same_bytes(native, kind, by_unit, dtype):
    for shape in ((1, 1), (40, 100), (2, 300, 130)):
        host = (_draw(*shape) * 0.1).to(dtype)
        host[..., :1, :] = 0
        ours, plain = (ops.pack(host, kind, by_unit=by_unit) for ops in (native, PLAIN))
        assert torch.equal(ours.codes, plain.codes)
        assert torch.equal(ours.scales, plain.scales)


def _strange():
    """Matrices whose groups are all zeros but one, too large or too small for their scales, …"""
    normal, endless = _draw(40, 100), _draw(40, 100)
    endless[3, 5], endless[7, 40], endless[9, 1:3] = torch.inf, -torch.inf, torch.inf
    endless[9, 1] = -torch.inf
    yield from (normal * 1e6, normal * 1e30, normal * 1e-7, normal * 1e-33, normal * 1e-40)
    yield from (endless, torch.full((40, 100), 0.37), torch.eye(40, 100), (normal * 8).round() / 2)
    yield normal.sign() * normal.abs() ** 6


@each(kind=KIND, by_unit=BOTH)
def test_packing_makes_the_same_bytes_of_strange_numbers(native, kind, by_unit):
    for matrix in _strange():
        ours, plain = (ops.pack(matrix, kind, by_unit=by_unit) for ops in (native, PLAIN))
        assert torch.equal(ours.codes, plain.codes)
        assert torch.equal(ours.scales.isnan(), plain.scales.isnan())
        assert torch.equal(ours.scales.nan_to_num(), plain.scales.nan_to_num())


@each(kind=KIND, dtype=(torch.float64, torch.bfloat16))
def test_a_stack_that_lies_apart_is_packed_where_it_lies(native, kind, dtype):
    memory = _draw(3, 40, 100).to(dtype)
    places = [2, 0]
    ours = native.pack(PointerTable.of([memory[place] for place in places]), kind, by_unit=False)
    plain = PLAIN.pack(memory[places], kind, by_unit=False)
    assert torch.equal(ours.codes, plain.codes)
    assert torch.equal(ours.scales, plain.scales)


@each(form=DTYPES, size=((1, 1), (40, 33), (128, 64), (300, 130), (256, 200)))
def test_a_matrix_is_turned_number_by_number(native, form, size):
    host = _draw(*size).to(DTYPES[form])
    for given in (host, host.mT.contiguous().mT, host.double()):
        found = native.transposed(given, form)
        assert torch.equal(found, PLAIN.transposed(host, form))
        assert torch.equal(found.mT.flatten(0, 1)[: len(host)], host)


@each(kind=KIND, by_unit=BOTH, place=(0, 30, 63, 99))
def test_a_weight_that_is_no_number_stays_visible(native, kind, by_unit, place):
    matrix = _draw(40, 100)
    matrix[3, place] = torch.nan
    found, wanted = native.pack(matrix, kind, by_unit=by_unit), packing.pack(matrix, kind)
    assert packing.unpack(found)[0, 3, place].isnan()
    assert torch.equal(packing.unpack(found).isnan(), packing.unpack(wanted).isnan())
    plain = packing.pack(matrix, kind, by_unit=by_unit)
    assert torch.equal(found.codes, plain.codes)
    assert torch.equal(found.scales.isnan(), plain.scales.isnan())
    assert torch.equal(found.scales.nan_to_num(), plain.scales.nan_to_num())
