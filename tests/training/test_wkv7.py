"""The compiled recurrence is the plain one, and so are its gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training import wkv7

pytestmark = pytest.mark.skipif(wkv7.compiler() is None, reason="no C++ compiler")


@pytest.fixture(autouse=True, scope="module")
def _fresh_build(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wkv7, "BUILD", tmp_path_factory.mktemp("build"))
        wkv7.library.cache_clear()
        yield
        wkv7.library.cache_clear()


def _inputs(batch: int, time: int, heads: int, size: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(time)
    r, w, k, v, a, b = (torch.randn(batch, time, heads, size, generator=random) for _ in range(6))
    unit = functional.normalize(a, dim=-1)
    decay = 0.545 + 0.455 * torch.sigmoid(w)
    return [r, decay, k * 0.3, v, -unit, unit * torch.sigmoid(b)]


def _both(batch: int, time: int, heads: int, size: int):
    inputs = _inputs(batch, time, heads, size)
    weights = torch.randn(batch, time, heads, size, generator=torch.Generator().manual_seed(1))
    for recurrence in (wkv7.wkv7, wkv7.wkv7_plain):
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        result = recurrence(*leaves)
        result.backward(weights)
        yield [result.detach(), *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize(
    ("batch", "time", "heads", "size"), [(2, 37, 2, 64), (1, 16, 3, 32), (3, 1, 1, 64)]
)
def test_values_and_gradients_equal_the_plain_recurrence(batch, time, heads, size):
    fast, plain = _both(batch, time, heads, size)
    for got, wanted in zip(fast, plain, strict=True):
        assert (got - wanted).abs().max() <= 2e-5 * wanted.abs().max() + 1e-7


def test_inputs_in_any_memory_order_are_read_rightly():
    inputs = _inputs(2, 20, 2, 32)
    transposed = [tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in inputs]
    assert torch.equal(wkv7.wkv7(*transposed), wkv7.wkv7(*inputs))


def test_a_head_size_that_is_not_compiled_in_is_refused():
    with pytest.raises(ValueError, match="head size of 16"):
        wkv7.wkv7(*_inputs(1, 4, 1, 16))


def test_the_kernel_is_compiled_once():
    wkv7.library()
    made = sorted(wkv7.BUILD.iterdir())
    wkv7.library.cache_clear()
    wkv7.library()
    assert sorted(wkv7.BUILD.iterdir()) == made
    assert len(made) == 1
