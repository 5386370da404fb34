"""``rookery bench``: how fast a model reads and writes here, beside what memory allows.

It runs the model in this process, without sampling and without the engine.
"""

import math
import time
from argparse import Namespace

import torch

from app.runtime.loading import open_model
from app.runtime.memory import allocations_named
from app.runtime.models import Rwkv
from app.runtime.probe import peak_memory_bytes, read_bandwidth

from .choices import model_of
from .output import Progress, human_bytes, note_loaded, print_json, print_rows

_SEED = 1
_WARM_UP = 4
_PREFILLS = 2


def run(options: Namespace) -> int:
    """Print the figures of one run.  Raises the failures of loading."""
    progress = Progress()
    opened = open_model(
        model_of(options),
        options.strategy,
        lambda done, total: progress.show(f"loading layer {done} of {total}"),
    )
    progress.clear()
    note_loaded(opened)
    progress.show("measuring")
    with allocations_named():
        prefill, decode = _speeds(
            opened.model, options.prompt_tokens, options.decode_tokens, options.batch
        )
        peak = peak_memory_bytes()
        bandwidth = read_bandwidth()
    progress.clear()
    weights = opened.model.weights_bytes
    facts: dict[str, float | int | str] = {
        "prefill_tokens_per_s": prefill,
        "decode_tokens_per_s": decode,
        "load_s": opened.load_s,
        "weights_bytes": weights,
        "peak_memory_bytes": peak,
        "read_bandwidth_bytes_per_s": bandwidth,
        "bandwidth_share": decode / options.batch * weights / bandwidth,
        "strategy": opened.strategy.text,
        "backend": opened.model.ops.name,
        "threads": torch.get_num_threads(),
    }
    if options.json:
        print_json(facts)
    else:
        _print(facts)
    return 0


def _speeds(model: Rwkv, prompt: int, count: int, batch: int) -> tuple[float, float]:
    """Tokens per second of all texts together: reading the prompt (the better of two times), and
    writing one by one.
    """
    random = torch.Generator().manual_seed(_SEED)
    ids = torch.randint(model.spec.vocabulary, (batch, prompt), generator=random)
    model.forward(ids[:, :_WARM_UP], model.blank(batch))
    prefill_s = math.inf
    for _ in range(_PREFILLS):
        state = model.blank(batch)
        begun = time.perf_counter()
        logits = model.forward(ids, state)
        prefill_s = min(prefill_s, time.perf_counter() - begun)
    for _ in range(_WARM_UP):
        logits = model.forward(logits.argmax(-1, keepdim=True), state)
    begun = time.perf_counter()
    for _ in range(count):
        logits = model.forward(logits.argmax(-1, keepdim=True), state)
    decode_s = time.perf_counter() - begun
    return batch * prompt / prefill_s, batch * count / decode_s


def _print(facts: dict[str, float | int | str]) -> None:
    shown = {
        name: human_bytes(value) if "bytes" in name and not isinstance(value, str) else value
        for name, value in facts.items()
    }
    print_rows([(n, f"{v:.4g}" if isinstance(v, float) else str(v)) for n, v in shown.items()])
