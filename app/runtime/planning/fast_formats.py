"""Which formats of weights are read fast by what computes here; loads no torch."""

import os
from functools import cache

from app.kernels import reads_fast
from app.system.processor import multiplies_bf16


def bf16_is_fast() -> bool:
    """Whether weights of bfloat16 cost half of what those of float32 do.

    The kernels in use are asked, which widen them with any instruction set; plain PyTorch is quick
    only where the processor has instructions for them.
    """
    read = _read_fast(*(os.environ.get(name, "") for name in _CHOOSING))
    return multiplies_bf16() if read is None else "bf16" in read


_CHOOSING = ("ROOKERY_NATIVE", "ROOKERY_ISA")


@cache
def _read_fast(*_settings: str) -> frozenset[str] | None:
    return reads_fast()
