"""How fast a model would be, from what a token reads and what a machine reads a second."""

from itertools import pairwise

from app.runtime.spec import Spec
from app.system.gpus import Gpu

from .footprint import read_per_token, streamed_on
from .machine import Machine
from .segments import Place
from .strategy import Strategy

READING_SPEED = 6.0
"""Tokens per second that are about as fast as a person reads."""

_SHARE = {"fp32": 0.87, "bf16": 0.87, "fp16": 0.9, "int8": 0.9, "int4": 0.9}
_SLOW = 0.35  # of 16-bit numbers that are widened one by one
_SHARE_ON_GPU = 0.8
_GPU_BYTES_PER_S = 200e9  # of a card that does not tell: that of a small one
_HANDOVER_S = 50e-6
"""Assumed of a token that goes from one device to another: a card is waited for, a few KB are
copied, and another is set going.  It counts only where a token takes less than a few ms.
"""

_SHARE_OF_LINK = 0.8  # of a disk or a card's slot, that streaming makes use of
_LINK_BYTES_PER_S = 15.75e9  # of a slot that is not told: PCI Express 3 with 16 lanes
_COPIED = 0.8  # of what a slot carries, when page-locked memory is copied; packets take the rest
_AT_ONCE, _AT_ONCE_ON_GPU = 512, 1024  # tokens of a prompt for which streamed layers come once
_GPU_MULTIPLY_PER_BYTE = 30.0  # products a second of a card to the bytes that it reads a second


def decode_tokens_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Tokens per second of one text that is written: one place after the other has its turn.

    What is streamed comes while what is there computes, so the slower of both counts.
    """
    reads = read_per_token(spec, way, dtype)
    seconds = sum(read / _read_per_s(place, machine) for place, read in reads.items())
    seconds += _HANDOVER_S * _handovers(spec, way)
    return 1 / _slower_of(seconds, _coming_s(spec, way, dtype, machine))


def _coming_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Seconds in which all that is streamed comes once: from the disk, or to each card."""
    links = {
        device: machine.file_bytes_per_s if device == "cpu" else _copied_per_s(machine, device)
        for device in way.devices
    }
    comes = streamed_on(spec, way, dtype)
    return max(comes[device].weights / (_SHARE_OF_LINK * links[device]) for device in links)


def _copied_per_s(machine: Machine, device: str) -> float:
    """Bytes a second that come to a card from the memory of the machine."""
    gpu = machine.gpu(device)
    return _COPIED * (gpu.link_bytes_per_s if gpu and gpu.link_bytes_per_s else _LINK_BYTES_PER_S)


def _slower_of(computing_s: float, coming_s: float) -> float:
    """What takes longer; where nothing comes, the computing."""
    return max(computing_s, coming_s) if coming_s else computing_s


def _read_per_s(place: Place, machine: Machine) -> float:
    """Bytes of weights that are read a second in one place."""
    if place.on_gpu:
        return _gpu_bytes_per_s(machine.gpu(place.device)) * _SHARE_ON_GPU
    slow = place.format in ("bf16", "fp16") and place.format not in machine.fast_formats
    return machine.read_bytes_per_s * (_SLOW if slow else _SHARE[place.format])


def _handovers(spec: Spec, way: Strategy) -> int:
    """How often a token goes from one device to another on its way through the layers."""
    whole = way.resolved(spec.layers)
    places = (whole.embedding_place, *(one.place for one in whole.segments), whole.head_place)
    return sum(one.device != other.device for one, other in pairwise(places))


def prefill_tokens_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Tokens per second of a long prompt that is read."""
    products = (spec.parameters - 2 * spec.vocabulary * spec.width) / spec.layers
    seconds = 0.0
    for one in way.resolved(spec.layers).segments:
        seconds += (one.layers or 0) * products / _multiply_per_s(one.place, machine)
    at_once = _AT_ONCE if "cpu" in way.devices else _AT_ONCE_ON_GPU
    return 1 / _slower_of(seconds, _coming_s(spec, way, dtype, machine) / at_once)


def _multiply_per_s(place: Place, machine: Machine) -> float:
    if place.on_gpu:
        return _gpu_bytes_per_s(machine.gpu(place.device)) * _GPU_MULTIPLY_PER_BYTE
    return machine.multiply_per_s(place.format)


def _gpu_bytes_per_s(gpu: Gpu | None) -> float:
    return gpu.bytes_per_s if gpu is not None and gpu.bytes_per_s else _GPU_BYTES_PER_S
