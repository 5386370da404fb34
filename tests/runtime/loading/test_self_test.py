"""Right kernels pass the self-test in every format, damaged ones fail."""

import pytest
import torch

from app.kernels import open_ops
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading.self_test import agreement, check, computed, expected
from app.runtime.models import build
from app.runtime.planning.strategy import whole_on
from tests.support.checkpoints import GENERATIONS, random_tensors
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

FORMATS = ("fp32", "fp16", "bf16", "int8", "int4")


def _checkpoint(generation="7.0", *, dtype=torch.bfloat16, **sizes):
    sizes = {"layers": 3, "width": 64, "head_size": 16, "vocabulary": 97} | sizes
    return MemoryCheckpoint(random_tensors(generation, dtype=dtype, **sizes))


def _checked(checkpoint, ops, form):
    way = whole_on("cpu", form)
    return check(checkpoint, build(checkpoint, ops, way), way)


@pytest.fixture(autouse=True)
def _one_thread():
    """So small sums are not worth another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("form", FORMATS)
def test_both_backends_of_the_processor_pass(generation, form):
    checkpoint = _checkpoint(generation, layers=2)
    way = whole_on("cpu", form)
    wanted = expected(checkpoint, way)
    for ops in (PortableOps(), open_ops("cpu")):
        model = build(checkpoint, ops, way)
        assert agreement(computed(model, way), wanted, way).passed


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
@pytest.mark.parametrize("generation", ["4", "5.2", "6.0", "7.0"])
@pytest.mark.parametrize("form", FORMATS)
def test_the_kernels_of_a_card_pass(generation, form):
    checkpoint = _checkpoint(generation, layers=2)
    assert _checked(checkpoint, CudaOps(EmulatedDevice()), form).passed


class DamagedTiles(CudaOps):
    """Packed weights are wrong where they are made float16 for the products of many rows."""

    def _tile(self, weight, matrix, panels):
        tile = super()._tile(weight, matrix, panels)
        self.device.clear(tile)
        return tile


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
@pytest.mark.parametrize("form", ["int8", "int4"])
def test_a_prompt_of_many_tokens_is_tried_with_packed_weights_too(form):
    assert not _checked(_checkpoint(layers=1), DamagedTiles(EmulatedDevice()), form).passed


@pytest.mark.parametrize(
    "file", ["reverse-7.0.pth", "tiny-4.0.pth", "tiny-5.2.safetensors", "tiny-6.0.pth"]
)
def test_trained_models_pass(golden, file):
    with open_checkpoint(golden / file) as checkpoint:
        for form in ("fp16", "bf16", "int4"):
            assert _checked(checkpoint, PortableOps(), form).passed, form


def test_what_is_right_in_a_deep_model_passes():
    checkpoint = _checkpoint(layers=12, width=128, head_size=64)
    for form in ("fp16", "bf16", "int4"):
        assert _checked(checkpoint, PortableOps(), form).passed, form


class DroppedHead(PortableOps):
    """One head's output stays zero."""

    def wkv7(self, r, delta, state):
        y = super().wkv7(r, delta, state)
        y[..., :16] = 0
        return y


class StaleState(PortableOps):
    """A single token does not move the state on."""

    def wkv7(self, r, delta, state):
        return super().wkv7(r, delta, state.clone() if r.shape[1] == 1 else state)


class StaleShift(PortableOps):
    """A single token is not the next one's past."""

    def mix(self, x, norm, last, mixes):
        return super().mix(x, norm, last.clone() if x.shape[1] == 1 else last, mixes)


class WrongScale(PortableOps):
    """One group of every packed matrix has half its scale too much."""

    def pack(self, host, kind, *, by_unit):
        packed = super().pack(host, kind, by_unit=by_unit)
        packed.scales.view(-1)[:1] *= 1.5
        return packed


class NotANumber(PortableOps):
    """One number of a long prompt is NaN."""

    def norm(self, x, norm):
        y = super().norm(x, norm)
        y[..., 3] = torch.nan
        return y


class NoSquare(PortableOps):
    """ReLU where its square is meant, for a few rows at once."""

    def matmul(self, x, weight, act):
        y = super().matmul(x, weight, act)
        return y.sqrt() if act == "relu2" and x.shape[1] == 4 else y


class MixedTexts(PortableOps):
    """The last of five texts or more gets what belongs to nobody."""

    def wkv7(self, r, delta, state):
        y = super().wkv7(r, delta, state)
        if len(y) > 4:
            y[-1] = 0
        return y


class OneLoudToken(PortableOps):
    """A single logit is far too large."""

    def head(self, x, weight):
        y = super().head(x, weight)
        y[..., 5] += 12
        return y


@pytest.mark.parametrize(
    "damaged",
    [DroppedHead, StaleState, StaleShift, NotANumber, NoSquare, MixedTexts, OneLoudToken],
)
@pytest.mark.parametrize("form", ["fp16", "bf16"])
def test_damaged_kernels_fail(damaged, form):
    assert not _checked(_checkpoint(), damaged(), form).passed


@pytest.mark.parametrize("damaged", [DroppedHead, StaleState, StaleShift, WrongScale, NotANumber])
@pytest.mark.parametrize("form", ["int8", "int4"])
def test_damaged_kernels_of_small_integers_fail(damaged, form):
    assert not _checked(_checkpoint(dtype=torch.float32), damaged(), form).passed


def test_one_loud_token_is_found_among_very_many():
    checkpoint = _checkpoint(vocabulary=20000)
    found = _checked(checkpoint, OneLoudToken(), "bf16")
    assert found.error < 0.1
    assert not found.passed
