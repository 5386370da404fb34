"""How fast a model would be, from what a token reads and what a machine reads a second."""

from app.runtime.spec import Spec
from app.system.gpus import Gpu

from .footprint import read_per_token
from .machine import Machine
from .strategy import Strategy

READING_SPEED = 6.0
"""Tokens per second that are about as fast as a person reads."""

_SHARE = {"fp32": 0.87, "bf16": 0.87, "fp16": 0.9, "int8": 0.9, "int4": 0.9}
_SLOW = 0.35  # of 16-bit numbers that are widened one by one
_SHARE_ON_GPU = 0.8
_GPU_BYTES_PER_S = 200e9  # of a card that does not tell: that of a small one
_GPU_MULTIPLY_PER_BYTE = 30.0  # products a second of a card to the bytes that it reads a second


def decode_tokens_per_s(spec: Spec, way: Strategy, dtype: str, machine: Machine) -> float:
    """Tokens per second of one text that is written."""
    read = read_per_token(spec, way, dtype)
    if way.on_gpu:
        return _gpu_bytes_per_s(machine.gpu(way.device)) * _SHARE_ON_GPU / read
    slow = way.format in ("bf16", "fp16") and way.format not in machine.fast_formats
    return machine.read_bytes_per_s * (_SLOW if slow else _SHARE[way.format]) / read


def prefill_tokens_per_s(spec: Spec, way: Strategy, machine: Machine) -> float:
    """Tokens per second of a long prompt that is read."""
    products = spec.parameters - 2 * spec.vocabulary * spec.width
    if way.on_gpu:
        rate = _gpu_bytes_per_s(machine.gpu(way.device)) * _GPU_MULTIPLY_PER_BYTE
        return rate / products
    return machine.multiply_per_s(way.format) / products


def _gpu_bytes_per_s(gpu: Gpu | None) -> float:
    return gpu.bytes_per_s if gpu is not None and gpu.bytes_per_s else _GPU_BYTES_PER_S
