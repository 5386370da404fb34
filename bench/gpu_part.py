"""One part of ``bench.gpu`` in a process of its own: whatever becomes of it, the others go on.

    python -m bench.gpu_part PART --seconds S [--device cuda] [--rates JSON] [--quick]

Prints a JSON object for each row of a table, or a note.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.errors import Failure
from app.kernels.cuda import nvrtc, open_device
from app.messages.failures import one_line
from app.system.gpus import gpus

from . import gpu_kernels, gpu_models, gpu_speed
from .shapes import SIZES

Row = dict[str, Any]

FORMATS = ("fp16", "bf16", "int8", "int4")
_LATE = "not all of it: the time was up"


class Asked(argparse.Namespace):
    """The options."""

    part: str
    seconds: float
    device: str
    rates: str
    quick: bool
    cache: str


def rows(asked: Asked, ops: gpu_speed.WatchedOps, enough: Callable[[], bool]) -> Iterator[Row]:
    """What the part finds."""
    rates = json.loads(asked.rates)
    if asked.part == "rates":
        run = gpu_speed.timed(ops.device)
        device: Any = ops.device
        yield {
            "table": "rates",
            "card": device.name,
            "bytes": device.total_bytes,
            "processors": device.processors,
            "architecture": device.architecture,
            "nvrtc": ".".join(map(str, nvrtc.version())),
            "driver": next((gpu.driver for gpu in gpus()), ""),
            "copy": gpu_speed.copy_rate(device, run),
            "matrix": gpu_speed.matrix_rate(device, run),
        }
    elif asked.part == "kernels":
        sizes = gpu_kernels.SMALL if asked.quick else gpu_kernels.LARGE
        for found in gpu_kernels.comparisons(ops, sizes, enough):
            yield {"table": "kernels", **found._asdict(), "passed": found.passed}
    elif asked.part == "models":
        if not asked.quick:
            exact = gpu_models.true_size(ops)
            yield {"table": "models", **exact._asdict(), "passed": exact.passed}
        for one in gpu_models.comparisons(ops, gpu_models.SMALL, enough):
            yield {"table": "models", **one._asdict(), "passed": one.passed}
    else:
        for form in FORMATS[:1] if asked.quick else FORMATS:
            if enough():
                return
            yield from gpu_speed.speeds(ops, (asked.part, SIZES[asked.part]), form, rates, enough)
            trim = getattr(ops.device, "trim", None)
            if trim is not None:
                trim()


def main() -> None:
    """Do the part."""
    begun = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["rates", "kernels", "models", "package", *SIZES])
    parser.add_argument("--seconds", type=float, default=480)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rates", default='{"copy": 1, "matrix": 1}')
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cache", default="", help="for compiled kernels, where there is no other")
    asked = parser.parse_args(namespace=Asked())
    late: list[str] = []

    def enough() -> bool:
        if time.monotonic() - begun > asked.seconds:
            late.append(asked.part)
        return bool(late)

    if asked.part == "package":
        found = _package(asked, enough)
    else:
        try:
            ops = _opened(asked)
        except Failure as failure:
            print(json.dumps({"no_card": one_line(failure)}))
            return
        found = rows(asked, ops, enough)
    try:
        for row in found:
            print(json.dumps(row), flush=True)
    except Failure as failure:
        sys.exit(one_line(failure))
    if late:
        print(json.dumps({"note": _LATE}), flush=True)


def _opened(asked: Asked) -> gpu_speed.WatchedOps:
    """The card; what its driver tells before is without what opening it takes."""
    index = int(asked.device.partition(":")[2] or 0)
    folder = nvrtc.standard_folder() or (Path(asked.cache) if asked.cache else None)
    free = {gpu.index: gpu.free_bytes for gpu in gpus()}
    ops = gpu_speed.WatchedOps(open_device.open_device(index, folder))
    device: Any = ops.device
    if index in free:
        ops.context_bytes = max(0, free[index] - device.gpu_free_bytes)
    return ops


def _package(asked: Asked, enough: Callable[[], bool]) -> Iterator[Row]:
    from . import gpu_package

    missing = gpu_package.why_not()
    if missing:
        yield {"note": missing}
        return
    shapes = ["0.4B"] if asked.quick else ["7.2B", "0.4B", "1.5B", "2.9B"]
    yield from gpu_package.speeds(shapes, f"{asked.device} fp16", enough)


if __name__ == "__main__":
    main()
