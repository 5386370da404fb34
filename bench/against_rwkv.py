"""Our engine beside the ``rwkv`` package on one random checkpoint, in turns, in one process.

    python -m bench.against_rwkv [--shape 0.4B] [--generation 7.0] [--strategy "cpu bf16"]

Prints a Markdown table: medians over the rounds, and ratios to the package's better strategy.
On a machine that is busy with other things, --processor-time counts the processor's time on one
thread instead of the clock's.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from app.kernels import open_ops
from app.runtime.checkpoint import open_checkpoint
from app.runtime.models import build
from app.runtime.strategy import parse

from .machine import processor
from .shapes import GENERATIONS, SIZES, write_checkpoint

_PACKAGE_STRATEGIES = ("cpu fp32", "cpu bf16")


@dataclass
class Contender:
    """One engine with the model loaded; ``run`` takes token ids and a state and gives both back."""

    name: str
    run: Callable[[list[int], Any], tuple[torch.Tensor, Any]]
    clock: Callable[[], float] = time.perf_counter
    prefill: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)

    def measure(self, prompt: list[int], tokens: int) -> None:
        """One prompt, then greedy tokens; both in tokens per second."""
        begun = self.clock()
        logits, state = self.run(prompt, None)
        self.prefill.append(len(prompt) / (self.clock() - begun))
        begun = self.clock()
        for _ in range(tokens):
            logits, state = self.run([int(logits.argmax())], state)
        self.decode.append(tokens / (self.clock() - begun))


def ours(path: Path, strategy: str) -> Contender:
    """Our engine."""
    with open_checkpoint(path) as checkpoint:
        model = build(checkpoint, open_ops("cpu"), parse(strategy))

    def run(tokens: list[int], state: Any) -> tuple[torch.Tensor, Any]:
        state = model.blank() if state is None else state
        return model.forward(torch.tensor([tokens]), state)[0], state

    return Contender(f"Rookery, {strategy}", run)


def package(path: Path, generation: str, strategy: str) -> Contender:
    """The ``rwkv`` package, which says much while it loads."""
    os.environ |= {"RWKV_JIT_ON": "1", "RWKV_CUDA_ON": "0"}
    os.environ["RWKV_V7_ON"] = "1" if generation == "7.0" else "0"
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import rwkv.model as official

        base = str(path.with_suffix(""))
        if generation == "7.0":
            model = official.RWKV_x070(base, strategy)
        else:
            model = official.RWKV(base, strategy, verbose=False)
    return Contender(f"rwkv 0.8.32, {strategy}", model.forward)


def compare(rounds: int, contenders: list[Contender], prompt: list[int], tokens: int) -> None:
    """Every contender once to warm up, then all of them in turns."""
    for contender in contenders:
        contender.measure(prompt, 2)
        contender.prefill.clear()
        contender.decode.clear()
    for _ in range(rounds):
        for contender in contenders:
            contender.measure(prompt, tokens)


def table(contenders: list[Contender], others: int) -> str:
    """Markdown; the first ``others`` contenders are those to compare with."""
    prefill = [statistics.median(one.prefill) for one in contenders]
    decode = [statistics.median(one.decode) for one in contenders]
    best = max(prefill[:others]), max(decode[:others])
    lines = [
        "| engine | prefill, tokens/s | decode, tokens/s | prefill, ratio | decode, ratio |",
        "|---|---|---|---|---|",
    ]
    for one, p, d in zip(contenders, prefill, decode, strict=True):
        lines.append(f"| {one.name} | {p:.0f} | {d:.1f} | {p / best[0]:.2f} | {d / best[1]:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=sorted(SIZES), default="0.4B")
    parser.add_argument("--generation", choices=GENERATIONS, default="7.0")
    parser.add_argument("--strategy", action="append", help="of ours; may be given several times")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--decode-tokens", type=int, default=24)
    parser.add_argument("--processor-time", action="store_true")
    asked = parser.parse_args()
    threads = 1 if asked.processor_time else asked.threads
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pth"
        write_checkpoint(path, asked.generation, SIZES[asked.shape])
        theirs = [package(path, asked.generation, way) for way in _PACKAGE_STRATEGIES]
        mine = [ours(path, way) for way in asked.strategy or ["cpu bf16"]]
    contenders = [*theirs, *mine]
    for contender in contenders:
        contender.clock = time.thread_time if asked.processor_time else time.perf_counter
    prompt = torch.randint(0, 65536, (asked.prompt_tokens,)).tolist()
    compare(asked.rounds, contenders, prompt, asked.decode_tokens)
    clock = "processor time" if asked.processor_time else "wall clock"
    print(
        f"RWKV-{asked.generation} {asked.shape}, {processor()}, threads: {threads}, {clock}, "
        f"prompt of {asked.prompt_tokens} tokens, {asked.decode_tokens} tokens written, "
        f"median of {asked.rounds}:\n"
    )
    print(table(contenders, len(theirs)))


if __name__ == "__main__":
    main()
