"""Products of few rows with float matrices against float64, on every instruction set."""

import pytest
import torch

from app.kernels.native.library import Library
from app.kernels.native.ops_matrix import MOST_ROWS, MatrixOps
from app.kernels.pointer_table import PointerTable
from app.kernels.portable import PortableOps
from tests.kernels.drawn import Draw
from tests.support.combinations import each

SETS = ("plain", "avx2", "avx512", "avx512bf16", "neon")
TYPES = [torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(1, 1), (3, 5), (17, 33), (40, 128), (300, 67), (129, 1024)]  # outputs, width
ROWS = [(1, 1), (2, 1), (1, 3), (5, 1), (3, 3), (MOST_ROWS, 1)]  # batch, steps
ACTS = {
    "": lambda y: y,
    "relu2": lambda y: y.relu().square(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@pytest.fixture(scope="session")
def library(built):
    """The library as its sources are now."""
    return Library(built)


class _NeverPortable(MatrixOps):
    def afresh(self):
        """As a new one."""
        self.alike = type(self).alike

    def fallback(self, operation, *arguments):
        raise AssertionError(operation)


@pytest.fixture(params=SETS)
def ops(request, library):
    if request.param not in library.sets:
        pytest.skip("this processor has no such instruction set")
    library.choose(request.param)
    yield _NeverPortable(library)
    library.choose(library.sets[-1])


@pytest.fixture
def draw():
    return Draw(5)


def _close(found, wanted):
    assert found.shape == wanted.shape
    assert found.dtype == torch.float32
    assert (found - wanted).abs().max() <= 3e-6 * (1 + wanted.abs().max())


def _product(x, weight):
    return x.double() @ weight.double().mT


@each(kind=TYPES, shape=SHAPES, rows=ROWS)
def test_a_product_of_few_rows_is_exact_in_float32(ops, draw, kind, shape, rows):
    x, weight = draw(*rows, shape[1]) / shape[1] ** 0.5, draw(*shape).to(kind)
    for act, meaning in ACTS.items():
        _close(ops.matmul(x, weight, act), meaning(_product(x, weight)))
    _close(ops.head(x, weight), _product(x, weight))


@each(kind=TYPES)
def test_rows_can_come_to_the_bits_that_they_come_to_alone_on_any_number_of_threads(
    ops, draw, kind
):
    before = torch.get_num_threads()
    try:
        for outputs, width in ((3, 5), (40, 128), (37, 331)):
            x, weight = draw(MOST_ROWS, 1, width), draw(outputs, width).to(kind)
            ops.alike = False
            alone = torch.cat([ops.matmul(row[None], weight, "") for row in x])
            ops.alike = True
            for threads in (1, 2, 3, 5):
                torch.set_num_threads(threads)
                for rows in (1, 2, 3, 4, 7, 9, MOST_ROWS):
                    assert torch.equal(ops.matmul(x[:rows], weight, ""), alone[:rows])
    finally:
        torch.set_num_threads(before)


@each(kind=TYPES, rows=ROWS)
def test_a_product_is_gated_and_added_in_place(ops, draw, kind, rows):
    x, weight = draw(*rows, 50), draw(37, 50).to(kind)
    for gate in (None, draw(*rows, 37)):
        out = draw(*rows, 37)
        wanted = out + _product(x, weight) * (1 if gate is None else gate)
        ops.matmul_onto(out, x, weight, gate)
        _close(out, wanted)


@each(kind=TYPES)
def test_each_matrix_of_a_stack_has_its_own_input(ops, draw, kind):
    x, weights = draw(3, 2, 1, 70), draw(3, 45, 70).to(kind)
    _close(ops.matmul_stack(x, weights), _product(x.flatten(1, 2), weights).unsqueeze(2))


@each(kind=TYPES, rows=[1, 2, 5])
def test_a_stack_may_lie_apart_and_in_any_order(ops, draw, kind, rows):
    x, memory = draw(3, 1, rows, 70), draw(5, 45, 70).to(kind)
    places = [3, 0, 4]
    found = ops.matmul_stack(x, PointerTable.of([memory[place] for place in places]))
    assert torch.equal(found, ops.matmul_stack(x, memory[places]))


@each(other=[torch.ones(3, 2), torch.ones(2, 3).bfloat16(), torch.ones(3, 2).mT])
def test_matrices_that_are_not_alike_are_no_stack(other):
    with pytest.raises(ValueError, match="not alike"):
        PointerTable.of([torch.ones(2, 3), other])


@each(kind=TYPES[1:])
def test_a_short_input_is_widened(ops, draw, kind):
    x, weight = draw(1, 1, 70).to(kind), draw(45, 70)
    _close(ops.matmul(x, weight, ""), _product(x, weight))


def test_nothing_is_read_or_written_beyond_the_ends(ops, draw):
    """What lies around the arrays is NaN."""
    around = torch.full((3, 7, 33), torch.nan)
    around[1] = draw(7, 33)
    out = torch.full((3, 1, 7), torch.nan)
    out[1] = 0
    x = torch.full((3, 33), torch.nan)
    x[1] = draw(33)
    ops.matmul_onto(out[1], x[1:2], around[1], None)
    _close(out[1], _product(x[1:2], around[1]))
    assert out[0].isnan().all()
    assert out[2].isnan().all()


def test_a_product_does_not_depend_on_the_number_of_threads(ops, draw):
    x, weight = draw(1, 1, 512), draw(4096, 512).bfloat16()
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            found.append(ops.matmul(x, weight, ""))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], one) for one in found)


def test_many_rows_and_arrays_out_of_order_go_to_torch(library, draw):
    native, plain = MatrixOps(library), PortableOps()
    weight = draw(20, 30)
    for x in (draw(1, MOST_ROWS + 1, 30), draw(30, 2).mT[None]):
        torch.testing.assert_close(native.matmul(x, weight, ""), plain.matmul(x, weight, ""))
