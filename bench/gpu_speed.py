"""What a card can do, and how much of it the models reach: rates, tokens per second, memory."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from app.errors import OutOfMemory
from app.kernels.cuda.base import Capture
from app.kernels.cuda.device import DTYPES, Array, Device, Product
from app.kernels.cuda.ops import CudaOps
from app.runtime.models import Rwkv, build
from app.runtime.planning.footprint import footprint
from app.runtime.planning.strategy import whole_on
from app.runtime.states.state import RecurrentState

from .gpu_weights import RandomWeights
from .shapes import Size

Row = dict[str, Any]
Timed = Callable[[Callable[[], object]], float]

BATCHES = (1, 8, 32, 128)
_PROMPT = 1024
_PROMPTS = 2048  # tokens of all texts, where there are several
_COPY_BYTES = 1 << 30
_SQUARE = 8192
_NO_ROOM = {"table": "decode", "note": "not enough memory"}


class WatchedOps(CudaOps):
    """Knows its last capture.

    ``context_bytes`` is what the card lost when it was opened, before there was any array.
    """

    captured: Capture | None = None
    context_bytes = 0

    def capture(self, run: Callable[[], Array]) -> Capture:
        """See Ops."""
        self.captured = super().capture(run)
        return self.captured


def timed(device: Device, measure_s: float = 0.5) -> Timed:
    """Seconds that one run takes, over as many as fill about so long, after some to warm up."""

    def run(what: Callable[[], object]) -> float:
        for _ in range(2):
            what()
        once = _seconds(device, what, 1)
        count = max(1, min(300, int(measure_s / max(once, 1e-6))))
        return min(_seconds(device, what, count) / count for _ in range(2))

    return run


def copy_rate(device: Device, run: Timed, size: int = _COPY_BYTES) -> float:
    """Bytes per second of a copy within the card, those read and those written together."""
    one, two = (device.empty((size,), np.dtype(np.uint8)) for _ in range(2))
    device.clear(one)
    return 2 * size / run(lambda: device.copy(two, one))


def matrix_rate(device: Device, run: Timed, size: int = _SQUARE) -> float:
    """Operations per second of a product of square float16 matrices of random numbers."""
    numbers = torch.randn(size, size).half().numpy()
    x, w = (device.empty((size, size), DTYPES["fp16"]) for _ in range(2))
    y = device.empty((size, size), DTYPES["fp32"])
    for array in (x, w):
        device.write(array, numbers)
    product = Product(size, size, size, size)
    return float(2 * size**3) / run(lambda: device.multiply(y, x, w, product))


def speeds(
    ops: WatchedOps, shape: tuple[str, Size], form: str, rates: Row, enough: Callable[[], bool]
) -> Iterator[Row]:
    """Rows of the tables "decode", "prefill" and "memory" for RWKV-7 of one size and format.

    ``rates`` are those of the card; ``enough`` ends it between two figures.
    """
    name, size = shape
    device: Any = ops.device
    before = used_bytes(device)
    begun = time.perf_counter()
    weights = RandomWeights("7.0", size, form)
    about = {"model": name, "format": form}
    try:
        model = build(weights, ops, whole_on("cuda", form), free_bytes={"cuda": _free(device)})
    except OutOfMemory:
        yield about | _NO_ROOM | {"batch": 1}
        return
    device.wait()
    load_s = time.perf_counter() - begun
    run = timed(device)
    yield about | {"table": "prefill", **_prefill(model, run, 1, rates)}
    for batch in BATCHES:
        if enough():
            return
        try:
            yield about | {"table": "decode", **_decode(model, ops, run, batch, rates)}
            if batch == 1:
                used = used_bytes(device) - before + ops.context_bytes
                yield about | {
                    "table": "memory",
                    "used_bytes": used,
                    **_told(weights, form, load_s),
                }
            if batch > 1 and not enough():
                yield about | {"table": "prefill", **_prefill(model, run, batch, rates)}
        except OutOfMemory:
            yield about | _NO_ROOM | {"batch": batch}
            return


def _told(weights: RandomWeights, form: str, load_s: float) -> Row:
    """What was said of the memory before."""
    kind = form if form in DTYPES else "bf16"
    predicted = footprint(weights.spec, whole_on("cuda", form), kind)
    return {"predicted_bytes": predicted.total, "load_s": load_s}


def _decode(model: Rwkv, ops: WatchedOps, run: Timed, batch: int, rates: Row) -> Row:
    """Dense, so that what is read is known; of one text also with inputs of zero skipped."""
    state, tokens = _texts(model, batch), torch.ones((batch, 1), dtype=torch.int64)
    ops.skipping = False
    step_s = run(lambda: model.forward(tokens, state))
    captured = ops.captured
    alone_s = run(captured.again) if captured is not None else step_s
    row = {
        "batch": batch,
        "tokens_per_s": batch / step_s,
        "on_card_per_s": batch / alone_s,
        "share": model.weights_bytes / step_s / rates["copy"] if rates["copy"] else 0.0,
    }
    if batch == 1:
        ops.skipping = True
        row["skipping_per_s"] = 1 / run(lambda: model.forward(tokens, state))
    return row


def _prefill(model: Rwkv, run: Timed, batch: int, rates: Row) -> Row:
    steps = _PROMPT if batch == 1 else max(2, _PROMPTS // batch)
    steps = min(steps, model.spec.vocabulary)
    tokens = torch.arange(steps).repeat(batch, 1) * 7 % model.spec.vocabulary
    state = _texts(model, batch)
    taken = run(lambda: model.forward(tokens, state))
    spec = model.spec
    per_token = 2 * (spec.parameters - 2 * spec.vocabulary * spec.width)
    operations = batch * (steps * per_token + 2 * spec.vocabulary * spec.width)
    return {
        "batch": batch,
        "steps": steps,
        "tokens_per_s": batch * steps / taken,
        "share": operations / taken / rates["matrix"] if rates["matrix"] else 0.0,
    }


def _texts(model: Rwkv, batch: int) -> RecurrentState:
    """Empty texts; all but the first are copied within the card."""
    return model.blank().rows([0] * batch)


def _seconds(device: Device, what: Callable[[], object], count: int) -> float:
    device.wait()
    begun = time.perf_counter()
    for _ in range(count):
        what()
    device.wait()
    return time.perf_counter() - begun


def _free(device: Any) -> int:
    return int(getattr(device, "free_bytes", 1 << 62))


def used_bytes(device: Any) -> int:
    """Of the card, by this program and any other."""
    if not hasattr(device, "card_free_bytes"):
        return 0
    return int(device.total_bytes - device.gpu_free_bytes)
