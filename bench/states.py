"""How long it takes to go on from a state that is kept, in memory and on the disk.

    python -m bench.states --model FILE [--strategy S] [--tokens 512] [--runs 9]

For each run a text of so many tokens is asked to go on with one more: once from memory, once from
the disk by an engine that knows nothing else.  The time is that to the first new token, less the
time of the one token that has to be computed.  Medians are printed, and what others took of the
processors meanwhile.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

from app.runtime.generation.engine import Engine
from app.runtime.loading.loading import open_model
from app.runtime.opened import Opened
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Generate, Reply
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.protocol.states import StateCache
from bench.machine import Others, processor

_FLUSH_S = 60.0


class Run:
    """One engine with a folder of kept states, and the ends of its texts."""

    def __init__(self, opened: Opened, folder: Path) -> None:
        self.ends: list[Done] = []
        self.engine = Engine(opened, self._note)
        cache = StateCache(folder=os.fsencode(folder), budget_bytes=10**12, day_bytes=10**12)
        self.engine.remembered.keep_in(cache, lambda failure: print(failure))

    def _note(self, reply: Reply) -> None:
        if isinstance(reply, Done):
            self.ends.append(reply)

    def ask(self, ids: tuple[int, ...]) -> Done:
        """Read a text and write one token behind it."""
        options = GenerateOptions(limit=1, sampling=Sampling(temperature=0))
        self.engine.start(Generate(id=len(self.ends), prompt=Tokens(ids), options=options))
        while not self.engine.idle:
            self.engine.step()
        return self.ends[-1]


def measured(opened: Opened, folder: Path, tokens: int, runs: int) -> dict[str, float]:
    """Milliseconds, medians: one token, and what restoring a state adds to it."""
    text = tuple(100 + i * 37 % 200 for i in range(tokens))
    first = Run(opened, folder)
    assert first.ask(text).computed_tokens == tokens
    disk = first.engine.remembered.disk
    assert disk is not None
    disk.flush(_FLUSH_S)
    one, memory, from_disk = [], [], []
    state = opened.model.blank()
    for run in range(runs):
        began = time.perf_counter()
        opened.model.forward(torch.tensor([[5]]), state)
        one.append(time.perf_counter() - began)
        end = first.ask((*text, 5 + run))
        assert end.computed_tokens == 1
        memory.append(end.first_token_s)
        end = Run(opened, folder).ask((*text, 100 + run))
        assert end.computed_tokens == 1
        from_disk.append(end.first_token_s)
        disk.flush(_FLUSH_S)
    token = statistics.median(one)
    return {
        "token_ms": 1000 * token,
        "from_memory_ms": 1000 * (statistics.median(memory) - token),
        "from_disk_ms": 1000 * (statistics.median(from_disk) - token),
    }


def main() -> None:
    """One JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--strategy", default="cpu bf16")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    opened, others = open_model(asked.model, asked.strategy), Others()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(opened, Path(folder), asked.tokens, asked.runs)
        size = max(one.stat().st_size for one in Path(folder).rglob("*.state"))
    told = {
        "model": asked.model.name,
        "strategy": opened.strategy.text,
        "state_bytes": size,
        **{name: round(value, 1) for name, value in figures.items()},
        "others_share": round(others.share(), 2),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "processor": processor(),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
