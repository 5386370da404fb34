"""Our engine beside the ``rwkv`` package on one random checkpoint of any generation, in turns.

    python -m bench.against_rwkv [--shape 0.4B] [--generation 7.0] [--strategy "cpu bf16"]

Each engine lives in a process of its own, as in life, and waits while another is measured.  Prints
a Markdown table: medians over the rounds, and ratios to the package's better strategy.
"""

import argparse
import random
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .machine import Others, processor
from .runners.child import Child
from .shapes import GENERATIONS, SIZES, write_checkpoint

_PACKAGE_STRATEGIES = ("cpu fp32", "cpu bf16")


@dataclass
class Contender:
    """One engine with the model loaded, and what was measured of it, in tokens per second."""

    name: str
    child: Child
    prefill: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)

    def measure(self, prompt: list[int], count: int) -> None:
        """One prompt, then ``count`` greedy tokens after a short one."""
        self.prefill.append(len(prompt) / float(self.child.ask("prefill", tokens=prompt)["s"]))
        told = self.child.ask("decode", tokens=prompt[:16], count=count)
        self.decode.append(count / float(told["s"]))


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
    asked = parser.parse_args()
    mine = asked.strategy or ["cpu bf16"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "random.pth"
        write_checkpoint(path, asked.generation, SIZES[asked.shape])
        contenders = []
        for runner, name, way in [
            *(("package", "rwkv 0.8.32", way) for way in _PACKAGE_STRATEGIES),
            *(("ours", "Rookery", way) for way in mine),
        ]:
            child = stack.enter_context(Child(sys.executable, runner, asked.threads))
            told = child.ask("load", path=str(path), strategy=way, generation=asked.generation)
            kernels = f" ({told['kernels']})" if "kernels" in told else ""
            contenders.append(Contender(f"{name}, {way}{kernels}", child))
        pick = random.Random(1)
        prompt = [pick.randrange(1, 65000) for _ in range(asked.prompt_tokens)]
        others = Others()
        for _ in range(asked.rounds):
            for contender in contenders:
                contender.measure(prompt, asked.decode_tokens)
    print(
        f"RWKV-{asked.generation} {asked.shape}, {processor()}, threads: {asked.threads}, "
        f"prompt of {asked.prompt_tokens} tokens, {asked.decode_tokens} tokens written, "
        f"median of {asked.rounds}; other programs had {others.share():.0%} of the processors:\n"
    )
    print(table(contenders, len(_PACKAGE_STRATEGIES)))


if __name__ == "__main__":
    main()
