"""Matrices by unit are divided along their units too: by their sizes, and with the same results."""

import pytest
import torch

from app.kernels.native.slices import Group, slices
from app.kernels.portable import PortableOps
from app.kernels.weight_formats import UnitMajor
from tests.support.combinations import each

from .test_parity_quantised import KIND_OF, _assert_close, _draw, _sparse, _weight, native

__all__ = ["native"]

# rows, (out, in): many slices with a group cut off at their end, in one panel and in several
CASES = [(1, 70, 4500), (2, 300, 2080), (7, 520, 1000), (8, 70, 2500), (70, 300, 1000)]
THREADS = 1, 2, 3, 24
FORMS = "fp32", "bf16", "fp16", "int8", "int4", "int8g16"


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _matrix(ops, form, out, width):
    """What adds x W^T to a result, and the W that it multiplies with."""
    if form.startswith("int"):
        weight = _weight(form, out, width, by_unit=True)
        return weight, lambda y, x, gate: ops.matmul_packed_onto(y, x, weight, gate)
    dtype = next(dtype for dtype, name in KIND_OF.items() if name == form)
    host = (_draw(out, width, seed=5) / width**0.5).to(dtype)
    return host, UnitMajor.pack(ops, host, form).onto


def _wanted(form, weight, y, x, gate):
    if form.startswith("int"):
        PortableOps().matmul_packed_onto(y, x, weight, gate)
        return y
    return y + (x.double() @ weight.double().T * (1 if gate is None else gate)).float()


@each(form=FORMS, case=CASES)
def test_any_number_of_threads_makes_the_same_bits(native, form, case):
    rows, out, width = case
    weight, onto = _matrix(native, form, out, width)
    # in some groups hardly a unit is left, in others all are
    x = torch.where(torch.arange(width) % 500 < 400, _sparse(1, rows, width, zeros=0.95), 1.0)
    gate = _draw(1, rows, out, seed=6) if rows % 2 else None
    start = _draw(1, rows, out, seed=7)
    exact = form not in ("bf16", "fp16") or rows <= 32
    wanted = _wanted(form, weight, start.clone(), x, gate)
    for native.skipping in (True, False):
        found = []
        for threads in THREADS:
            torch.set_num_threads(threads)
            found.append(start.clone())
            onto(found[-1], x, gate)
        _assert_close(found[0], wanted, 2e-4 if exact else 0.03)
        for other in found[1:]:
            assert torch.equal(found[0], other)


@each(form=FORMS)
def test_rows_beside_each_other_make_the_same_bits(native, form):
    out, width = 300, 2080
    _, onto = _matrix(native, form, out, width)
    native.skipping = False
    x = _sparse(1, 8, width)
    both, alone = torch.zeros(1, 2, out), torch.zeros(1, 1, out)
    onto(both, x[:, :2].contiguous(), None)
    onto(alone, x[:, 1:2].contiguous(), None)
    assert torch.equal(both[:, 1:], alone)


@each(
    panels_and_width_and_row_and_parts=[
        (8, 4096, 256, 128),
        (8, 4096, 128, 128),
        (6, 3072, 256, 96),
        (32, 14336, 256, 512),
    ]
)
def test_matrices_of_models_have_parts_for_many_threads(panels, width, row, parts):
    cut = slices(panels, width, Group(64, row))
    assert cut.panels * cut.count == parts


def test_small_matrices_stay_whole():
    assert slices(1, 96, Group(64, 256)).count == 1
    assert slices(2, 384, Group(16, 128)).count <= 2


def test_slices_cover_all_groups_and_none_is_empty():
    for panels in (1, 3, 8, 64):
        for width in (1, 31, 64, 1000, 3072, 4500, 16384):
            for group in (Group(64, 256), Group(64, 128), Group(32, 128), Group(64, 512)):
                cut = slices(panels, width, group)
                assert (cut.count - 1) * cut.some < cut.groups <= cut.count * cut.some
