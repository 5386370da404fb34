"""The NVIDIA GPUs of this machine, from NVML; imports neither torch nor CuPy.

They are numbered in the order of their PCI slots.
"""

import ctypes
import functools
import importlib.util
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from app.errors import NoGpu

LEAST, LEAST_BF16 = 75, 80
"""Compute capabilities, times ten: of the oldest card that is used, and with bf16 products."""

_LANE_BYTES_PER_S = {1: 250e6, 2: 500e6, 3: 985e6, 4: 1969e6, 5: 3938e6, 6: 7563e6}
"""What one lane carries one way, by the generation of PCI Express (PCI-SIG's specifications)."""

_LIBRARIES = {"Linux": ("libnvidia-ml.so.1",), "Windows": ("nvml.dll",)}


_Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]  # also where it is read from a file


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One card.  Bytes are of its own memory; ``capability`` is 89 for 8.9.

    ``index`` is its number in ``cuda:1``, ``driver`` the version of the driver.
    ``bytes_per_s`` is what its memory gives by clock and width of its bus; 0 if it is not told.
    ``link_bytes_per_s`` is what its slot carries to it, by generation and lanes; 0 if not told.
    ``load`` is the share of the last moment in which it computed; None if it is not told.
    """

    index: _Number
    name: str
    capability: _Number
    total_bytes: _Number
    free_bytes: _Number
    driver: str = ""
    bytes_per_s: Annotated[float, msgspec.Meta(ge=0, le=1e18)] = 0.0
    link_bytes_per_s: Annotated[float, msgspec.Meta(ge=0, le=1e18)] = 0.0
    load: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None

    @property
    def device(self) -> str:
        """The device in the text of a strategy."""
        return f"cuda:{self.index}" if self.index else "cuda"

    @property
    def version(self) -> str:
        """The compute capability as it is written: ``8.9``."""
        return f"{self.capability // 10}.{self.capability % 10}"


def gpus(nvml: Any = None, visible: str | None = None) -> tuple[Gpu, ...]:
    """All GPUs that a program may use, with their free memory; none without a driver.

    ``nvml`` is a module like ``pynvml``, initialised; None finds it.  ``visible`` is what
    ``CUDA_VISIBLE_DEVICES`` says; None reads it.  A GPU that NVML refuses to describe is left
    out; nothing is raised.
    """
    nvml = nvml or _nvml()
    if nvml is None:
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    found: list[tuple[str, Gpu]] = []
    with suppress(nvml.NVMLError):
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        for index in range(nvml.nvmlDeviceGetCount()):
            with suppress(nvml.NVMLError):
                found.append(_gpu(nvml, index, driver))
    chosen = found if visible is None else _chosen(found, visible)
    return tuple(msgspec.structs.replace(gpu, index=i) for i, (_, gpu) in enumerate(chosen))


def usable(found: Sequence[Gpu], *, extra: bool | None = None) -> tuple[Gpu, ...]:
    """Those of the cards on which models run, the one with the most memory first.

    ``extra`` tells whether the packages for cards are installed; None looks.
    """
    able = [gpu for gpu in found if gpu.capability >= LEAST]
    if not able or not (has_extra() if extra is None else extra):
        return ()
    return tuple(sorted(able, key=lambda gpu: (-gpu.total_bytes, gpu.index)))


def usable_gpus() -> tuple[Gpu, ...]:
    """The cards of this machine on which models run."""
    return usable(gpus())


def why_none(found: Sequence[Gpu], *, extra: bool | None = None) -> NoGpu | None:
    """Why no model runs on these cards; None where one does."""
    if usable(found, extra=extra):
        return None
    if not found:
        return NoGpu(why="card" if _nvml() else "driver")
    newest = max(found, key=lambda gpu: gpu.capability)
    if newest.capability < LEAST:
        wanted = f"{LEAST // 10}.{LEAST % 10}"
        return NoGpu(why="old", name=newest.name, found=newest.version, wanted=wanted)
    return NoGpu(why="extra", name=newest.name)


def gpu_of(device: str, found: Sequence[Gpu], *, extra: bool | None = None) -> Gpu:
    """The card that a strategy's device means.  Raises NoGpu if it is missing or cannot be used."""
    gpu = next((gpu for gpu in found if gpu.device == device), None)
    failure = why_none(found if gpu is None else (gpu,), extra=extra)
    if failure is not None:
        raise failure
    if gpu is None:
        raise NoGpu(why="card", found=len(found))
    return gpu


@functools.cache
def has_extra() -> bool:
    """Whether CuPy is installed; does not import it."""
    return importlib.util.find_spec("cupy") is not None


@functools.cache
def _nvml() -> Any:
    """The driver's library, or None.

    That the driver has one is seen first, as the module takes longer to import than all else.
    """
    for name in _LIBRARIES.get(platform.system(), ()):
        with suppress(OSError):
            ctypes.CDLL(name)
            return _initialised()
    return None


def _initialised() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # the driver is not running, or was replaced while it ran
        return None
    return pynvml


def _gpu(nvml: Any, index: int, driver: str) -> tuple[str, Gpu]:
    """The card's identifier, and what is known of it."""
    whole = nvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(whole)
    part = _part(nvml, whole)
    total, free = _memory(nvml, part)
    gpu = Gpu(
        index=index,
        name=_text(nvml.nvmlDeviceGetName(whole)),
        capability=10 * major + minor,
        total_bytes=total,
        free_bytes=free,
        driver=driver,
        bytes_per_s=_bytes_per_s(nvml, whole),
        link_bytes_per_s=_link_bytes_per_s(nvml, whole),
        load=_load(nvml, whole),
    )
    return _text(nvml.nvmlDeviceGetUUID(part)), gpu


def _bytes_per_s(nvml: Any, handle: Any) -> float:
    """What the card's memory gives: two transfers a clock, each as wide as the bus."""
    try:
        clock_mhz = int(nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM))
        bits = int(nvml.nvmlDeviceGetMemoryBusWidth(handle))
    except (nvml.NVMLError, AttributeError):  # a module of before the bus width was told
        return 0.0
    return 2 * clock_mhz * 1e6 * bits / 8


def _link_bytes_per_s(nvml: Any, handle: Any) -> float:
    """What the card's slot carries one way, before what its packets take.

    The generation is the best that card and slot have in common: a card at rest goes down to the
    first.  The lanes are those that are in use.
    """
    try:
        generation = int(nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle))
        lanes = int(nvml.nvmlDeviceGetCurrPcieLinkWidth(handle))
    except (nvml.NVMLError, AttributeError):
        return 0.0
    newest = max(_LANE_BYTES_PER_S)
    return _LANE_BYTES_PER_S.get(min(generation, newest), 0.0) * max(0, lanes)


def _load(nvml: Any, handle: Any) -> float | None:
    """A card that is divided tells none."""
    try:
        percent = int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except (nvml.NVMLError, AttributeError):
        return None
    return min(1.0, max(0.0, percent / 100))


def _part(nvml: Any, whole: Any) -> Any:
    """What a program gets of the card: of one that is divided (MIG), its first part."""
    try:
        divided = nvml.nvmlDeviceGetMigMode(whole)[0]
    except nvml.NVMLError:  # most cards cannot be divided
        return whole
    return nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 0) if divided else whole


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    """All bytes and those that are free; a card without memory of its own shares the machine's."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError_NotSupported:
        from .memory import available_bytes, total_bytes

        return total_bytes(), available_bytes()
    return int(memory.total), int(memory.free)


def _chosen(found: Sequence[tuple[str, Gpu]], visible: str) -> list[tuple[str, Gpu]]:
    """In the order of a list of numbers or beginnings of identifiers; it ends at the first miss."""
    chosen: list[tuple[str, Gpu]] = []
    for wanted in (one.strip() for one in visible.split(",")):
        hit = next((c for c in found if _is_meant(c, wanted)), None)
        if hit is None or hit in chosen:
            break
        chosen.append(hit)
    return chosen


def _is_meant(one: tuple[str, Gpu], wanted: str) -> bool:
    if wanted.isdecimal():
        return one[1].index == int(wanted)
    return bool(wanted) and one[0].startswith(wanted)


def _text(said: str | bytes) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
