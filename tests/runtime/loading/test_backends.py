"""On which backend a model ends up: the card, another format there, or the processor."""

import pytest
import torch

from app.errors import KernelError, NoGpu, OutOfMemory
from app.kernels import open_ops
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.loading.verdicts import Verdicts
from app.runtime.planning import plan
from app.runtime.planning.footprint import footprint
from app.runtime.planning.strategy import parse
from app.system.gpus import Gpu
from tests.runtime.small_models import Desk, ask, small_file
from tests.support.emulation.device import COMPILER, EmulatedDevice

GIB = 1 << 30


class Gpu16(PortableOps):
    """A card that computes rightly; it counts what is brought to it."""

    name = "a card"
    uploads = 0

    def upload(self, host, dtype):
        Gpu16.uploads += 1
        return super().upload(host, dtype)


class WrongInFp16(Gpu16):
    """Wrong as soon as 16-bit floats are brought to it."""

    spoiled = False

    def upload(self, host, dtype):
        if dtype in ("fp16", "bf16"):
            self.spoiled = dtype == "fp16"
        return super().upload(host, dtype)

    def norm(self, x, norm):
        y = super().norm(x, norm)
        return y.flip(-1) if self.spoiled else y


class Wrong(Gpu16):
    """Wrong in every format."""

    def norm(self, x, norm):
        return super().norm(x, norm).flip(-1)


class Bench:
    """Backends whose card is pretended; ``opened`` tells which devices were asked for."""

    def __init__(self, folder, on_gpu=Gpu16, *, free=8 * GIB, capability=89):
        self.gpu = Gpu(
            index=0,
            name="A",
            capability=capability,
            total_bytes=free,
            free_bytes=free,
            driver="1",
        )
        self.opened = []
        self._on_gpu = on_gpu
        self.backends = Backends(self._open, self._gpus, Verdicts(folder / "v.json"), extra=True)

    def _gpus(self):
        return [self.gpu]

    def _open(self, device):
        self.opened.append(device)
        if device == "cpu":
            return open_ops("cpu")
        if isinstance(self._on_gpu, Exception):
            raise self._on_gpu
        return self._on_gpu()

    def run(self, file, text=""):
        return open_model(file, text, backends=self.backends)


@pytest.fixture(autouse=True)
def _one_thread():
    """So small sums are not worth another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A model that counts as large enough for a card."""
    monkeypatch.setattr(plan, "_SMALL_BYTES", 0)
    return small_file(tmp_path, dtype=torch.bfloat16)


def test_a_model_runs_on_the_card_in_16_bits(file, tmp_path):
    bench = Bench(tmp_path)
    opened = bench.run(file)
    assert (opened.strategy.text, opened.model.ops.name) == ("cuda fp16", "a card")
    assert opened.loaded(1).stepped_down is None
    assert bench.opened == ["cuda"]


class DroppedHead(CudaOps):
    """One head's output stays zero."""

    def matmul_onto(self, out, x, weight, gate):
        self.step(lambda: x.__setitem__((..., slice(0, 16)), 0))
        super().matmul_onto(out, x, weight, gate)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
@pytest.mark.parametrize(("kernels", "way"), [(CudaOps, "cuda fp16"), (DroppedHead, "cuda int8")])
def test_the_true_kernels_run_a_model_and_damaged_ones_do_not(file, tmp_path, kernels, way):
    bench = Bench(tmp_path, lambda: kernels(EmulatedDevice()), capability=75)
    opened = bench.run(file)
    assert opened.strategy.text == way
    assert opened.model.ops.name == "cuda emulation"
    assert (opened.stepped_down is None) == (kernels is CudaOps)
    desk = Desk(opened)
    assert len(desk.run(ask(limit=3))[0]) == 3


def test_without_a_card_nothing_of_one_is_touched(file, tmp_path):
    bench = Bench(tmp_path)
    bench.backends.gpus = tuple
    opened = bench.run(file)
    assert not opened.strategy.on_gpu
    assert opened.stepped_down is None
    assert bench.opened == ["cpu"]


def test_a_strategy_of_the_processor_looks_for_no_card(file, tmp_path):
    bench = Bench(tmp_path)
    bench.backends.gpus = pytest.fail
    assert bench.run(file, "cpu fp32").strategy.text == "cpu fp32"


def test_a_format_that_computes_wrongly_gives_way_to_the_next(file, tmp_path):
    told = Bench(tmp_path, WrongInFp16).run(file).loaded(1)
    assert told.strategy == "cuda bf16"
    assert (told.stepped_down.strategy, told.stepped_down.code) == ("cuda fp16", "results-wrong")
    assert told.stepped_down.facts["error"].endswith("%")


def test_an_older_card_has_no_bf16_to_step_to(file, tmp_path):
    bench = Bench(tmp_path, WrongInFp16, capability=75)
    assert bench.run(file).strategy.text == "cuda int8"


@pytest.mark.parametrize("text", ["", "cuda fp16", "cuda int4"])
def test_a_card_that_is_always_wrong_is_not_used(file, tmp_path, text):
    opened = Bench(tmp_path, Wrong).run(file, text)
    assert not opened.strategy.on_gpu
    assert opened.stepped_down.strategy == (text or "cuda fp16")
    assert opened.stepped_down.code == "results-wrong"


def test_a_verdict_is_found_again_by_the_next_load(file, tmp_path, monkeypatch):
    Bench(tmp_path).run(file)
    monkeypatch.setattr("app.runtime.loading.backends.check", None)  # calling it would fail
    assert Bench(tmp_path).run(file).strategy.text == "cuda fp16"


def test_what_was_wrong_is_not_even_loaded_again(file, tmp_path, monkeypatch):
    Bench(tmp_path, Wrong).run(file)
    monkeypatch.setattr("app.runtime.loading.backends.check", None)
    Gpu16.uploads = 0
    opened = Bench(tmp_path, Wrong).run(file)
    assert not opened.strategy.on_gpu
    assert opened.stepped_down.code == "results-wrong"
    assert Gpu16.uploads == 0


def test_another_driver_is_judged_anew(file, tmp_path):
    Bench(tmp_path, Wrong).run(file)
    bench = Bench(tmp_path)
    bench.gpu = Gpu(
        index=0, name="A", capability=89, total_bytes=GIB * 8, free_bytes=GIB * 8, driver="2"
    )
    assert bench.run(file).strategy.text == "cuda fp16"


@pytest.mark.parametrize("failure", [KernelError(why="no"), NoGpu(why="compiler")])
def test_a_card_that_cannot_be_opened_leaves_the_processor(file, tmp_path, failure):
    bench = Bench(tmp_path, failure)
    opened = bench.run(file)
    assert not opened.strategy.on_gpu
    assert opened.stepped_down.code == failure.code
    assert opened.stepped_down.facts == failure.facts
    assert bench.opened == ["cuda", "cpu"]


def test_kernels_that_fail_step_down_also_where_the_card_was_asked_for(file, tmp_path):
    opened = Bench(tmp_path, KernelError(why="no")).run(file, "cuda fp16")
    assert not opened.strategy.on_gpu
    assert opened.stepped_down.code == "kernel"


@pytest.mark.parametrize("text", ["cuda fp16", "cuda:1 int8"])
def test_a_card_that_is_asked_for_and_not_there_is_a_failure(file, tmp_path, text):
    bench = Bench(tmp_path)
    bench.backends.gpus = tuple
    with pytest.raises(NoGpu):
        bench.run(file, text)
    assert bench.opened == []


def test_what_a_card_lacks_is_a_failure_where_it_was_asked_for(file, tmp_path):
    with pytest.raises(NoGpu):
        Bench(tmp_path, NoGpu(why="compiler")).run(file, "cuda fp16")


def test_too_little_memory_on_the_card_is_told_before_anything_is_read(file, tmp_path):
    Gpu16.uploads = 0
    with pytest.raises(OutOfMemory) as caught:
        Bench(tmp_path, free=GIB // 4).run(file, "cuda fp16")
    assert caught.value.facts["strategy"] == "cuda fp16"
    assert caught.value.facts["free_bytes"] == GIB // 4
    assert Gpu16.uploads == 0


def test_a_card_that_runs_out_of_memory_after_all_leaves_the_processor(file, tmp_path):
    class Full(Gpu16):
        def upload(self, host, dtype):
            raise OutOfMemory(needed_bytes=1, free_bytes=0)

        def pack(self, host, kind, *, by_unit):
            raise OutOfMemory(needed_bytes=1, free_bytes=0)

    opened = Bench(tmp_path, Full).run(file)
    assert not opened.strategy.on_gpu
    assert opened.stepped_down.code == "out-of-memory"


def test_the_cards_memory_counts_and_not_the_machines(file, tmp_path, monkeypatch):
    monkeypatch.setattr("app.runtime.models.available_bytes", lambda: 0)
    opened = Bench(tmp_path).run(file)
    assert opened.strategy.text == "cuda fp16"
    assert footprint(opened.model.spec, parse("cuda fp16"), "bf16").total < 8 * GIB


def test_each_way_begins_its_progress_anew(file, tmp_path):
    seen = []
    open_model(
        file, "", lambda *now: seen.append(now), backends=Bench(tmp_path, WrongInFp16).backends
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)] * 2
