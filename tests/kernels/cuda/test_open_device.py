"""Why there is no card: each reason is told."""

from types import SimpleNamespace

import pytest

from app.errors import NoGpu
from app.kernels.cuda import nvrtc, open_device


class _Runtime:
    """CUDA's answers about the cards of a machine."""

    class CUDARuntimeError(RuntimeError):
        def __init__(self, status):
            super().__init__(f"cudaError {status}")
            self.status = status

    def __init__(self, gpus=(), status=0, driver=13000):
        self.gpus, self.status, self.driver = gpus, status, driver

    def getDeviceCount(self):
        if self.status:
            raise self.CUDARuntimeError(self.status)
        return len(self.gpus)

    def getDeviceProperties(self, index):
        major, minor = self.gpus[index]
        return {"name": b"NVIDIA Tesla P4", "major": major, "minor": minor}

    def runtimeGetVersion(self):
        return 12090

    def driverGetVersion(self):
        return self.driver


@pytest.mark.parametrize(
    ("runtime", "index", "facts"),
    [
        (_Runtime(status=35), 0, {"why": "driver", "wanted": "525", "said": "cudaError 35"}),
        (_Runtime(status=100), 0, {"why": "card", "found": 0}),
        (_Runtime([(9, 0)]), 1, {"why": "card", "found": 1}),
        (
            _Runtime([(6, 1)]),
            0,
            {"why": "old", "name": "NVIDIA Tesla P4", "found": "6.1", "wanted": "7.5"},
        ),
    ],
)
def test_the_reason_why_a_card_cannot_be_used_is_told(runtime, index, facts):
    with pytest.raises(NoGpu) as caught:
        open_device.check_gpu(runtime, index)
    assert caught.value.facts == facts


def test_a_card_that_does_is_let_through():
    open_device.check_gpu(_Runtime([(6, 1), (7, 5)]), 1)


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        ("cupy", "extra"),
        ("nvrtc", "compiler"),
        ("cublas", "products"),
    ],
)
def test_what_is_not_installed_is_told(monkeypatch, lacking, why):
    def imported(name):
        if name == lacking:
            raise ImportError(f"{name} is not here\nand more")
        return _Runtime()

    monkeypatch.setattr(open_device, "importlib", SimpleNamespace(import_module=imported))
    monkeypatch.setattr(open_device.toolkit, "loaded", lambda name, version: None)
    monkeypatch.setattr(nvrtc, "library", lambda: imported("nvrtc"))
    monkeypatch.setattr(open_device.cublas, "load", lambda version: imported("cublas"))
    with pytest.raises(NoGpu) as caught:
        open_device.bindings()
    assert caught.value.facts == {"why": why, "said": f"{lacking} is not here"}


def test_a_machine_without_a_driver_is_told(monkeypatch):
    module = SimpleNamespace(import_module=lambda _: _Runtime(driver=0))
    monkeypatch.setattr(open_device, "importlib", module)
    with pytest.raises(NoGpu) as caught:
        open_device.bindings()
    assert caught.value.facts == {"why": "driver", "wanted": "525"}
