"""What the portable operations promise beyond the mathematics that the models' tests cover."""

import pytest
import torch

from app.errors import StrategyError
from app.kernels import FORMATS, open_ops
from app.kernels.portable import PortableOps


@pytest.fixture
def ops():
    return PortableOps()


def _draw(*shape, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_an_unknown_device_is_refused():
    with pytest.raises(StrategyError) as caught:
        open_ops("abacus")
    assert caught.value.facts["found"] == "abacus"


@pytest.mark.parametrize("rows", [1, 3, 20])
def test_the_best_logits_of_16_bit_weights_are_exact(ops, rows):
    weight, x = _draw(5000, 64).bfloat16(), _draw(rows, 64, seed=4)
    exact = x.double() @ weight.double().T
    logits = ops.head(x, weight)
    assert logits.dtype == torch.float32
    for line, wanted in zip(logits, exact, strict=True):
        best = wanted.topk(100).indices
        assert (line[best] - wanted[best]).abs().max() < 1e-4
        assert (line - wanted).abs().max() < 0.02 * wanted.abs().max()
        assert torch.equal(line.topk(20).indices, wanted.topk(20).indices)


def test_a_small_vocabulary_has_exact_logits(ops):
    weight, x = _draw(256, 96).bfloat16(), _draw(2, 1, 96, seed=4)
    exact = x.double() @ weight.double().T
    assert (ops.head(x, weight) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("act", ["", "relu2", "sigmoid", "tanh"])
def test_one_row_and_many_rows_agree(ops, dtype, act):
    weight = FORMATS[dtype].pack(ops, _draw(40, 24), dtype)
    x = _draw(5, 3, 24, seed=8)
    whole = weight(x, act)
    assert whole.shape == (5, 3, 40)
    assert whole.dtype == weight.data.dtype
    alone = torch.stack([weight(row.view(1, 1, -1), act) for row in x.view(-1, 24)])
    tolerance = 1e-5 if dtype == "fp32" else 0.03
    assert (alone.view_as(whole) - whole).abs().max() <= tolerance * whole.abs().max()


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 5)])
def test_a_stack_is_its_matrices(ops, dtype, shape):
    host, x = _draw(3, 40, 24), _draw(3, *shape, 24, seed=8)
    found = FORMATS[dtype].pack(ops, host, dtype).each(x)
    assert found.shape == (3, *shape, 40)
    for row, matrix, y in zip(x, host, found, strict=True):
        wanted = row @ matrix.T
        tolerance = 1e-5 if dtype == "fp32" else 0.02
        assert (y - wanted).abs().max() <= tolerance * wanted.abs().max()


def test_a_residual_takes_a_gated_product(ops):
    weight = FORMATS["fp32"].pack(ops, _draw(40, 24), "fp32")
    out, x, gate = _draw(2, 3, 40, seed=1), _draw(2, 3, 24, seed=2), _draw(2, 3, 40, seed=4)
    plain, gated = out.clone(), out.clone()
    weight.onto(plain, x)
    weight.onto(gated, x, gate)
    product = x @ weight.data.T
    torch.testing.assert_close(plain, out + product)
    torch.testing.assert_close(gated, out + gate * product)


def test_a_weight_tells_its_bytes(ops):
    assert FORMATS["bf16"].pack(ops, _draw(40, 24), "bf16").nbytes == 40 * 24 * 2
    assert FORMATS["fp32"].pack(ops, _draw(40, 24), "fp32").nbytes == 40 * 24 * 4
