"""How long it takes to have a kept state back, from memory and from the disk; what rounding costs.

    python -m bench.states --model FILE [--strategy S] [--tokens 512] [--runs 9]
    python -m bench.states --model FILE --text FILE

A text of so many tokens is read once.  Then its state is looked up and brought back again and
again: from the memory of that engine, and from the disk by one that knows nothing else, checksum
and all.  Medians are printed, of the clock and of this process's processor time, and what others
took of the processors meanwhile.

With a text it is told instead what rounding a state to float16 costs: after every 64 tokens of the
text the exact and the rounded state read the next 16, and their distributions are compared.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from app.runtime.generation.engine import Engine
from app.runtime.loading.loading import open_model
from app.runtime.opened import Opened
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Generate, Reply
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.protocol.states import StateCache
from app.runtime.states.state import State
from app.runtime.states.state_disk import StateDisk
from app.runtime.states.state_key import TokenPrefix
from app.runtime.states.state_store import Trail
from bench.machine import Others, processor

_FLUSH_S = 60.0
_EVERY, _AFTER = 64, 16  # tokens between two roundings, and behind each


def restoring(opened: Opened, folder: Path, tokens: int, runs: int) -> dict[str, float]:
    """Milliseconds to have a state back in memory of its own, medians."""
    ends: list[Reply] = []
    engine = Engine(opened, ends.append)
    cache = StateCache(folder=os.fsencode(folder), budget_bytes=10**12, day_bytes=10**12)
    engine.remembered.keep_in(cache, lambda failure: print(failure))
    ids = tuple(100 + i * 37 % 200 for i in range(tokens))
    options = GenerateOptions(limit=1, sampling=Sampling(temperature=0))
    engine.start(Generate(id=1, prompt=Tokens(ids), options=options))
    while not engine.idle:
        engine.step()
    assert isinstance(ends[-1], Done)
    disk = engine.remembered.disk
    assert disk is not None
    assert disk.flush(_FLUSH_S)
    prefix, spec, form = TokenPrefix(opened.point()), opened.model.spec, opened.made_with.format

    def from_memory() -> None:
        known = engine.remembered.store.longest(Trail(prefix), (*ids, 5))
        assert known is not None
        known.state.clone()

    def from_disk() -> None:
        fresh = StateDisk(cache, spec, opened.binding, form)
        name = fresh.longest(prefix, (*ids, 5))
        assert name is not None
        found = fresh.read(prefix.point, name).result()
        assert found is not None
        opened.model.place(found.state).clone()

    memory, disk_times = _timed(from_memory, runs), _timed(from_disk, runs)
    return {
        "from_memory_ms": memory[0],
        "from_memory_cpu_ms": memory[1],
        "from_disk_ms": disk_times[0],
        "from_disk_cpu_ms": disk_times[1],
    }


def _timed(work: Callable[[], None], runs: int) -> tuple[float, float]:
    clock, used = [], []
    for _ in range(runs):
        began, before = time.perf_counter(), time.process_time()
        work()
        clock.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - before))
    return round(statistics.median(clock), 1), round(statistics.median(used), 1)


def rounding(opened: Opened, text: str) -> dict[str, float]:
    """KL divergence in nats of what follows a rounded state from what follows the exact one."""
    ids, model = opened.tokenizer.encode(text), opened.model
    exact = model.blank()
    divergences: list[float] = []
    same: list[bool] = []
    for begin in range(0, len(ids) - _AFTER - _EVERY, _EVERY):
        model.forward(torch.tensor([ids[begin : begin + _EVERY]]), exact)
        later = exact.clone()
        half = model.place(_rounded(later.host()))
        for token in ids[begin + _EVERY : begin + _EVERY + _AFTER]:
            one, other = (
                model.forward(torch.tensor([[token]]), state)[0].double().log_softmax(0)
                for state in (later, half)
            )
            divergences.append(float((one.exp() * (one - other)).sum()))
            same.append(bool(one.argmax() == other.argmax()))
    return {
        "positions": len(same),
        "kl_mean": statistics.fmean(divergences),
        "kl_max": max(divergences),
        "same_best_token": statistics.fmean(same),
    }


def _rounded(state: State) -> State:
    return State(state.generation, state.shift.half().float(), state.wkv.half().float())


def main() -> None:
    """One JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--strategy", default="cpu bf16")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--text", type=Path)
    asked = parser.parse_args()
    opened, others = open_model(asked.model, asked.strategy), Others()
    if asked.text is not None:
        print(json.dumps(rounding(opened, asked.text.read_text(encoding="utf-8")), indent=2))
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = restoring(opened, Path(folder), asked.tokens, asked.runs)
        size = max(one.stat().st_size for one in Path(folder).rglob("*.state"))
    told = {
        "model": asked.model.name,
        "strategy": opened.strategy.text,
        "state_bytes": size,
        **figures,
        "others_share": round(others.share(), 2),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "processor": processor(),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
