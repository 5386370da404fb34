"""Cards as a driver tells of them: the real way on this machine, and libraries that pretend."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from app.errors import NoGpu
from app.messages.gpu_status import (
    gpu_in_words,
    step_in_detail,
    stepped_down_in_words,
    use_of_gpus_in_words,
)
from app.runtime.protocol.messages import SteppedDown
from app.system.gpus import Gpu, gpu_of, gpus, usable, why_none

GIB = 1 << 30


class NVMLError(Exception):
    """What the library raises."""


class NVMLErrorNotSupported(NVMLError):
    """The card has no such thing."""


class NVMLErrorNoPermission(NVMLError):
    """This user may not know."""


class Library:
    """As ``pynvml``; a card is a dict, and what it lacks is not supported."""

    NVMLError, NVMLError_NotSupported = NVMLError, NVMLErrorNotSupported

    def __init__(self, *found, broken=()):
        self._found, self._broken = found, broken

    def nvmlSystemGetDriverVersion(self):
        return self._told("driver", "580.65.06")

    def nvmlDeviceGetCount(self):
        return self._told("count", len(self._found))

    def nvmlDeviceGetHandleByIndex(self, index):
        if self._found[index] is None:
            raise NVMLErrorNoPermission
        return self._found[index]

    def nvmlDeviceGetCudaComputeCapability(self, gpu):
        return divmod(gpu["capability"], 10)

    def nvmlDeviceGetName(self, gpu):
        return gpu["name"].encode()

    def nvmlDeviceGetUUID(self, gpu):
        return gpu["uuid"]

    def nvmlDeviceGetMemoryInfo(self, gpu):
        if "refuses" in gpu:
            raise NVMLErrorNoPermission
        if "gib" not in gpu:
            raise NVMLErrorNotSupported
        return SimpleNamespace(total=gpu["gib"] * GIB, free=gpu["gib"] * GIB // 2)

    def nvmlDeviceGetUtilizationRates(self, gpu):
        if "busy" not in gpu:
            raise NVMLErrorNotSupported
        return SimpleNamespace(gpu=gpu["busy"], memory=3)

    def nvmlDeviceGetMaxPcieLinkGeneration(self, gpu):
        if "slot" not in gpu:
            raise NVMLErrorNotSupported
        return gpu["slot"][0]

    def nvmlDeviceGetCurrPcieLinkWidth(self, gpu):
        return gpu["slot"][1]

    def nvmlDeviceGetMigMode(self, gpu):
        if "parts" not in gpu:
            raise NVMLErrorNotSupported
        return [1, 1]

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu, index):
        if not gpu["parts"]:
            raise NVMLErrorNotSupported
        return gpu["parts"][index]

    def _told(self, what, answer):
        if what in self._broken:
            raise NVMLError
        return answer


def _one(uuid="GPU-a", gib=24, capability=89, **more):
    return {"name": f"Card {uuid}", "uuid": uuid, "gib": gib, "capability": capability, **more}


def _found(*found, **more):
    return gpus(Library(*found, **more))


@pytest.fixture(autouse=True)
def _all_visible(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_this_machine_tells_without_importing_what_computes():
    code = (
        "import sys, app.system.gpus as c, app.messages.gpu_status as w\n"
        "found = c.gpus()\n"
        "print(len(found), w.use_of_gpus_in_words(found))\n"
        "heavy = {'torch', 'cupy', 'numpy', *(() if found else ('pynvml',))}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, words = done.stdout.strip().split(" ", 1)
    assert "odels run on the" in words
    assert count != "0" or words == "No NVIDIA card was found: models run on the processor."


def test_a_card_is_told_with_its_memory_and_driver():
    (gpu,) = _found(_one())
    assert gpu == Gpu(
        index=0,
        name="Card GPU-a",
        capability=89,
        total_bytes=24 * GIB,
        free_bytes=12 * GIB,
        driver="580.65.06",
    )
    assert (gpu.device, gpu.version) == ("cuda", "8.9")
    said = "Card GPU-a, 25.8 GB (12.9 GB free), compute capability 8.9, driver 580.65.06"
    assert gpu_in_words(gpu) == said


def test_a_card_tells_how_busy_it_is_where_it_can():
    busy, silent = _found(_one("GPU-a", busy=42), _one("GPU-b"))
    assert (busy.load, silent.load) == (0.42, None)


def test_a_card_that_this_user_may_not_see_is_left_out():
    found = _found(None, _one("GPU-b"), _one("GPU-c", refuses=True))
    assert [(gpu.index, gpu.name) for gpu in found] == [(0, "Card GPU-b")]


@pytest.mark.parametrize("what", ["driver", "count"])
def test_a_library_that_fails_tells_of_none(what):
    assert _found(_one(), broken=(what,)) == ()


def test_a_card_that_shares_the_machines_memory_has_that():
    lone = _one()
    del lone["gib"]
    (gpu,) = _found(lone)
    assert 0 < gpu.free_bytes <= gpu.total_bytes


def test_of_a_divided_card_the_first_part_counts():
    part = {"uuid": "MIG-x", "gib": 5}
    (gpu,) = _found(_one(gib=40, parts=[part]))
    assert (gpu.name, gpu.total_bytes) == ("Card GPU-a", 5 * GIB)
    assert _found(_one(parts=[])) == ()


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("", []),
        ("-1", []),
        ("1", ["b"]),
        ("1,0", ["b", "a"]),
        ("GPU-b", ["b"]),
        ("0, 7, 1", ["a"]),
        ("0,0", ["a"]),
    ],
)
def test_only_the_cards_that_the_environment_leaves_are_told(visible, names, monkeypatch):
    pair = Library(_one("GPU-a"), _one("GPU-b"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = gpus(pair)
    assert [gpu.name[-1] for gpu in found] == names
    assert [gpu.index for gpu in found] == list(range(len(names)))


def test_old_cards_and_a_missing_extra_are_no_use():
    old, small, large = _found(_one("GPU-a", capability=61), _one("GPU-b", 8), _one("GPU-c", 24))
    assert usable((old, small, large), extra=True) == (large, small)
    assert usable((old, small, large), extra=False) == ()
    assert why_none((old, small), extra=True) is None
    assert why_none((old,), extra=True).facts["why"] == "old"
    assert why_none((large,), extra=False).facts["why"] == "extra"
    assert "too old" in use_of_gpus_in_words((old,))


def test_a_card_that_is_asked_for_has_to_be_there():
    found = _found(_one("GPU-a"), _one("GPU-b", capability=70))
    assert gpu_of("cuda", found, extra=True) is found[0]
    for device, extra, why in (
        ("cuda:1", True, "old"),
        ("cuda:2", True, "card"),
        ("cuda", False, "extra"),
    ):
        with pytest.raises(NoGpu) as caught:
            gpu_of(device, found, extra=extra)
        assert caught.value.facts["why"] == why


def test_a_slot_is_as_fast_as_its_generation_and_its_lanes():
    found = _found(
        _one("GPU-a", slot=(4, 8)),
        _one("GPU-b", slot=(3, 16)),
        _one("GPU-c", slot=(9, 16)),
        _one("GPU-d"),
    )
    told = [round(gpu.link_bytes_per_s / 1e9, 1) for gpu in found]
    assert told == [15.8, 15.8, 121.0, 0.0]


def test_a_step_down_is_told_in_plain_words_with_its_reason():
    down = SteppedDown("cuda fp16", "results-wrong", {"error": "12.0%"})
    said = stepped_down_in_words(down, "cpu bf16")
    assert said.startswith("This model runs in 16-bit on the processor, not in 16-bit on the card.")
    assert "12.0%" in said
    fewer = "This model runs in 8-bit on the card, not in 16-bit on the card."
    assert stepped_down_in_words(down, "cuda int8").startswith(fewer)
    split = "This model runs in 16-bit on the card and 8-bit on the processor, not in"
    assert stepped_down_in_words(down, "cuda fp16 *20 -> cpu int8").startswith(split)
    streamed = stepped_down_in_words(down, "cuda:1 int8 *0+")
    assert "in 8-bit on card 2, layer by layer, not" in streamed
    alike = stepped_down_in_words(down, "cuda bf16")
    assert "16-bit on the card (cuda bf16), not in 16-bit on the card (cuda fp16)" in alike
    assert step_in_detail(down, "cpu bf16") == "Strategy: cpu bf16, not cuda fp16"
