"""How a split model is brought up: every device is opened, and the whole of it is compared."""

import msgspec
import pytest
import torch

from app.errors import KernelError, NoGpu, OutOfMemory
from app.kernels import open_ops
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.runtime.loading.backends import Backends
from app.runtime.loading.loading import open_model
from app.runtime.loading.verdicts import Verdicts
from app.runtime.planning.machine import Limits
from app.runtime.planning.strategy import parse
from app.system.gpus import Gpu
from tests.runtime.small_models import Desk, ask, plainly, small_file
from tests.support.emulation.device import COMPILER, EmulatedDevice

GIB = 1 << 30
SPLIT = "cuda fp16 *2 -> cpu int8"


class ACard(PortableOps):
    """A card that computes rightly."""

    name = "a card"


class Wrong(ACard):
    """One that does not."""

    def mix(self, x, norm, last, mixes):
        return super().mix(x, norm, last, mixes).flip(-1)


class Bench:
    """Backends whose cards are pretended; ``opened`` tells which devices were asked for."""

    def __init__(self, folder, on_gpu=ACard, *, free=8 * GIB, cards=1):
        plain = Gpu(index=0, name="A", capability=89, total_bytes=free, free_bytes=free, driver="1")
        self.gpus = [msgspec.structs.replace(plain, index=index) for index in range(cards)]
        self.opened, self._on_gpu = [], on_gpu
        verdicts = Verdicts(folder / "v.json")
        self.backends = Backends(self._open, lambda: self.gpus, verdicts, extra=True)

    def _open(self, device):
        self.opened.append(device)
        if device == "cpu":
            return open_ops("cpu")
        if isinstance(self._on_gpu, Exception):
            raise self._on_gpu
        return self._on_gpu()

    def run(self, file, text=SPLIT):
        return open_model(file, text, backends=self.backends)


@pytest.fixture(autouse=True)
def _one_thread():
    """So small sums are not worth another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def file(tmp_path):
    return small_file(tmp_path, dtype=torch.bfloat16)


def test_each_device_is_opened_and_computes_its_part(file, tmp_path):
    bench = Bench(tmp_path)
    opened = bench.run(file)
    assert bench.opened == ["cuda", "cpu"]
    assert (opened.strategy.text, opened.stepped_down) == (SPLIT, None)
    assert [runner.depth for runner in opened.model.runners] == [2, 1]
    told = opened.loaded(1)
    assert told.backend == f"a card + {open_ops('cpu').name}"
    assert told.strategy == told.plan.strategy.text == SPLIT
    assert told.plan.bytes.keys() == {"cuda", "cpu"}
    assert opened.made_with.format == "fp16 *2 -> int8"
    tokens = Desk(opened).run(ask(1, (65, 66, 67), limit=6))[0]
    assert tokens == plainly(opened, (65, 66, 67), 6)


def test_counts_beyond_the_model_s_layers_leave_a_whole_placement(file, tmp_path):
    assert Bench(tmp_path).run(file, "cuda fp16 *40 -> cpu int8").strategy == parse("cuda fp16")


def test_what_both_devices_come_to_is_compared_once_and_its_verdict_kept(
    file, tmp_path, monkeypatch
):
    Bench(tmp_path).run(file)
    monkeypatch.setattr("app.runtime.loading.backends.check", None)  # calling it would fail
    assert Bench(tmp_path).run(file).strategy.text == SPLIT


def test_a_card_that_computes_wrongly_leaves_the_processor(file, tmp_path):
    opened = Bench(tmp_path, Wrong).run(file)
    assert not opened.strategy.on_gpu
    assert (opened.stepped_down.code, opened.stepped_down.strategy) == ("results-wrong", SPLIT)


def test_a_card_that_fails_leaves_the_processor_and_one_that_is_missing_is_a_failure(
    file, tmp_path
):
    opened = Bench(tmp_path, KernelError(why="no")).run(file)
    assert (opened.strategy.on_gpu, opened.stepped_down.code) == (False, "kernel")
    with pytest.raises(NoGpu):
        Bench(tmp_path).run(file, "cuda fp16 *1 -> cuda:1 fp16")


def test_too_little_memory_on_the_card_is_told_before_anything_is_read(file, tmp_path):
    with pytest.raises(OutOfMemory) as caught:
        Bench(tmp_path, free=GIB // 4).run(file)
    assert caught.value.facts["strategy"] == SPLIT
    assert caught.value.facts["free_bytes"] == GIB // 4


def test_too_little_memory_beside_the_card_is_told_too(file, tmp_path, monkeypatch):
    monkeypatch.setattr("app.runtime.models.available_bytes", lambda: 1000)
    with pytest.raises(OutOfMemory) as caught:
        Bench(tmp_path).run(file)
    assert caught.value.facts["free_bytes"] == 1000


def test_two_cards_are_opened_and_share_a_model(file, tmp_path):
    bench = Bench(tmp_path, cards=2)
    opened = bench.run(file, "cuda fp16 *2 -> cuda:1 fp16")
    assert bench.opened == ["cuda", "cuda:1"]
    assert [runner.device for runner in opened.model.runners] == ["cuda", "cuda:1"]
    assert opened.made_with.format == "fp16"


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
def test_an_emulated_card_and_the_processor_write_a_text_with_states_on_both(file, tmp_path):
    bench = Bench(tmp_path, lambda: CudaOps(EmulatedDevice()))
    opened = bench.run(file)
    assert (opened.strategy.text, opened.stepped_down) == (SPLIT, None)
    desk = Desk(opened)
    tokens, _, done = desk.run(ask(1, (65, 66, 67), limit=3))
    assert done.reason == "limit"
    again = desk.run(ask(2, (65, 66, 67, *tokens[:2], 9), limit=2))[2]
    assert (again.prompt_tokens, again.computed_tokens) == (6, 1)
    homes = {home.name: home.share for home in opened.model.state_homes}
    assert homes == pytest.approx({"cuda": 2 / 3, "cpu": 1 / 3})


def test_a_limit_of_either_memory_bounds_the_states_that_are_kept(file, tmp_path):
    from app.runtime.generation.remembered import store_beside

    opened = Bench(tmp_path).run(file, "cpu fp16 *1 -> cpu int8")
    planned, peak = opened.plan.parts["cpu"]["kept states"], opened.plan.peak_bytes["cpu"]
    store = store_beside(opened, Limits(cpu_bytes=peak + 1000))
    assert store._most == planned + 1000
