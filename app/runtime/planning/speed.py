"""How fast a model would be, from what a token reads and what a machine reads a second."""

from app.runtime.spec import Spec
from app.system.gpus import Gpu

from .footprint import read_per_token, streamed_of
from .machine import Machine
from .strategy import Strategy

READING_SPEED = 6.0
"""Tokens per second that are about as fast as a person reads."""

_SHARE = {"fp32": 0.87, "bf16": 0.87, "fp16": 0.9, "int8": 0.9, "int4": 0.9}
_SLOW = 0.35  # of 16-bit numbers that are widened one by one
_SHARE_ON_GPU = 0.8
_GPU_BYTES_PER_S = 200e9  # of a card that does not tell: that of a small one
_GPU_MULTIPLY_PER_BYTE = 30.0  # products a second of a card to the bytes that it reads a second
_SHARE_OF_LINK = 0.8  # of a disk or a card's slot, that streaming makes use of
_LINK_BYTES_PER_S = 12e9  # from page-locked memory to a card in a slot of PCIe 3; not measured
_AT_ONCE, _AT_ONCE_ON_GPU = 256, 1024  # tokens of a prompt for which streamed layers come once


def decode_tokens_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Tokens per second of one text that is written.

    What is streamed comes while what is there computes, so the slower of both counts.
    """
    coming_s = _coming_s(spec, way, dtype, machine)
    computed = _computed_per_s(spec, way, dtype, machine)
    return min(computed, 1 / coming_s) if coming_s else computed


def _coming_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Seconds in which all that is streamed comes once; of a file, from the disk."""
    link = _LINK_BYTES_PER_S if way.on_gpu else machine.file_bytes_per_s
    return streamed_of(spec, way, dtype).weights / (link * _SHARE_OF_LINK)


def _computed_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    read = read_per_token(spec, way, dtype)
    if way.on_gpu:
        return _gpu_bytes_per_s(machine.gpu(way.device)) * _SHARE_ON_GPU / read
    slow = way.format in ("bf16", "fp16") and way.format not in machine.fast_formats
    return machine.read_bytes_per_s * (_SLOW if slow else _SHARE[way.format]) / read


def prefill_tokens_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Tokens per second of a long prompt that is read."""
    coming_s = _coming_s(spec, way, dtype, machine)
    multiplied = _multiplied_per_s(spec, way, machine)
    at_once = _AT_ONCE_ON_GPU if way.on_gpu else _AT_ONCE
    return min(multiplied, at_once / coming_s) if coming_s else multiplied


def _multiplied_per_s(spec: Spec, way: Strategy, machine: Machine) -> float:
    products = spec.parameters - 2 * spec.vocabulary * spec.width
    if way.on_gpu:
        rate = _gpu_bytes_per_s(machine.gpu(way.device)) * _GPU_MULTIPLY_PER_BYTE
        return rate / products
    return machine.multiply_per_s(way.format) / products


def _gpu_bytes_per_s(gpu: Gpu | None) -> float:
    return gpu.bytes_per_s if gpu is not None and gpu.bytes_per_s else _GPU_BYTES_PER_S
