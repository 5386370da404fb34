"""Quantised matrices: what packing keeps of a matrix, how it lies in memory, and its extremes."""

import torch

from app.kernels import packing
from app.kernels.layout import KINDS, LINE, PANEL, QUAD, ROW, Shape, kind_for
from tests.support.combinations import each

SIZES = [(1, 1), (16, 64), (40, 24), (3, 100, 130), (2, 129, 65), (130, 512)]
EVERY_KIND = sorted(KINDS)


def _draw(*shape, seed=5):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _quantised(host, kind):
    """What a matrix becomes, group by group, without any layout."""
    stack = host if host.dim() == 3 else host[None]
    group = KINDS[kind].group
    padded = torch.nn.functional.pad(stack, (0, -stack.shape[-1] % group))
    codes, scales = packing.quantise(padded.reshape(-1, group), kind)
    numbers = packing.values(codes, kind) * scales.float()[:, None]
    return numbers.view(padded.shape)[..., : stack.shape[-1]]


@each(kind=EVERY_KIND, by_unit=(False, True), size=SIZES)
def test_what_is_unpacked_is_what_was_quantised(kind, by_unit, size):
    host = _draw(*size)
    packed = packing.pack(host, kind, by_unit=by_unit)
    assert torch.equal(packing.unpack(packed), _quantised(host, kind))
    assert packed.nbytes == packed.count * packed.shape.nbytes
    assert packed.codes.shape[1:] == packed.shape.codes
    assert packed.scales.shape[1:] == packed.shape.scales


@each(kind=EVERY_KIND, dtype=[torch.float32, torch.bfloat16, torch.float16])
def test_packing_is_deterministic_and_takes_every_float(kind, dtype):
    host = _draw(70, 96).to(dtype)
    first, second = packing.pack(host, kind), packing.pack(host.float(), kind)
    assert torch.equal(first.codes, second.codes)
    assert torch.equal(first.scales, second.scales)


def test_a_large_matrix_is_packed_in_blocks_that_do_not_show(monkeypatch):
    host = _draw(200, 130)
    whole = [packing.pack(host, "int4", by_unit=by_unit) for by_unit in (False, True)]
    monkeypatch.setattr(packing, "_BLOCK", 1)
    for packed in whole:
        again = packing.pack(host, "int4", by_unit=packed.shape.by_unit)
        assert torch.equal(again.codes, packed.codes)
        assert torch.equal(packing.unpack(again), packing.unpack(packed))


def test_8_bits_err_by_at_most_half_a_step():
    host = _draw(64, 256)
    steps = host.view(64, -1, 64).abs().amax(-1, keepdim=True) / 127
    errors = (packing.unpack(packing.pack(host, "int8"))[0] - host).view(64, -1, 64).abs()
    # a scale has 11 bits, by which the largest number may be off
    assert (errors <= 0.5 * steps + 127 * steps * 2**-11).all()


def test_4_bits_err_less_than_16_even_steps_of_the_same_size():
    host = _draw(512, 512)
    groups = host.view(-1, 32)
    largest = groups.gather(1, groups.abs().argmax(1, keepdim=True))
    step = (largest / -8).half().float()
    even = ((groups / step + 8.5).floor().clamp(0, 15) - 8) * step
    ours = packing.unpack(packing.pack(host, "int4")).view(-1, 32)
    assert (ours - groups).norm() < 0.87 * (even - groups).norm()


@each(kind=EVERY_KIND)
def test_zeros_tiny_and_huge_numbers_stay_numbers(kind):
    for factor in (0.0, 1e-38, 1e-30, 1e-7, 1e6, 1e20):
        host = _draw(20, 70) * factor
        found = packing.unpack(packing.pack(host, kind))[0]
        assert found.isfinite().all()
        assert found.abs().max() <= max(1.1 * host.abs().max(), 0)


@each(kind=["int8", "int4"])
def test_a_panel_holds_quads_of_sixteen_outputs(kind):
    group = KINDS[kind].group
    codes, _ = packing.quantise(_draw(PANEL, group), kind)
    data = packing.pack(_draw(PANEL, group), kind).codes[0, 0, 0].view(-1, PANEL, QUAD)
    if kind == "int4":
        data = torch.stack((data & 15, data >> 4), 1).flatten(0, 1)
    for quad, numbers in enumerate(data):
        assert torch.equal(numbers, codes[:, QUAD * quad : QUAD * (quad + 1)])


@each(kind=["int8", "int4"])
def test_four_rows_by_unit_interleave_to_quads_of_outputs_in_order(kind):
    group, outputs = KINDS[kind].group, KINDS[kind].row
    host = _draw(outputs, group)
    codes, _ = packing.quantise(host, kind)
    rows = packing.pack(host, kind, by_unit=True).codes[0, 0, 0].view(group, ROW)[:, :LINE]
    lines = torch.stack((rows & 15, rows >> 4), 1) if kind == "int4" else rows[:, None]
    a, b, c, d = lines[:4, 0].reshape(4, 4, PANEL)  # each 4 lanes of 16 bytes
    low = torch.stack((a, b), -1).flatten(1), torch.stack((c, d), -1).flatten(1)
    for vector in range(4):
        half = slice(8 * vector, 8 * vector + 8)
        ab, cd = (x[:, half].reshape(4, 4, 2) for x in low)
        quads = torch.cat((ab, cd), -1).reshape(PANEL, QUAD)
        assert torch.equal(quads, codes[PANEL * vector : PANEL * (vector + 1), :4])


def test_narrow_matrices_have_more_scales_and_8_bits():
    assert kind_for("int4", 511) == kind_for("int8", 96) == "int8g16"
    assert kind_for("int4", 512) == "int4"
    assert kind_for("int8", 4096) == "int8"


def test_sizes_are_told_without_packing():
    assert Shape("int8", 1024, 1024).nbytes * 8 == 8.25 * 1024**2
    assert Shape("int4", 1024, 4096, by_unit=True).nbytes * 8 == 4.5 * 4 * 1024**2
    assert Shape("int4", 1, 1, by_unit=True).padded == 2 * ROW


@each(kind=EVERY_KIND)
def test_what_is_not_a_number_stays_visible(kind):
    matrix = torch.ones(16, 128)
    matrix[3, 5] = torch.nan
    found = packing.unpack(packing.pack(matrix, kind))[0]
    assert found[3, 5].isnan()
    assert found[:3].isfinite().all()
