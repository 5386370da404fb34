"""Rookery's engine beside llama.cpp and the ``rwkv`` package, on the same random RWKV-7, in turns.

    python -m bench.peers --shape 0.4B --bits 16 [--measure decode] [--only Rookery] [--json F]

Every engine lives in a process of its own, loaded once and waiting while another is measured.  A
round asks each for one figure and reads memory around it; what is printed are medians of the
rounds, shares and ratios too.
llama.cpp runs where llama-cpp-python is installed: in this Python, or in ``--llama-python``.
Checkpoints and their GGUF forms are made in ``--folder`` and kept there; ``--prepare`` does only
that.  With ``--measure load`` our packed copies are measured too.  ``--verify`` compares logits
instead of speeds.  ``--zeros`` compares our decode on a model whose feed-forward is 85 % zeros with
what it is when they are read.  Runs join in one table:

    python -m bench.report FILE...
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import torch

from .contenders import (
    BITS,
    Contender,
    Files,
    at_bits,
    has_llama,
    python_of,
    with_and_without_skipping,
)
from .machine import Others, processor
from .read_speed import ReadSpeed
from .report import Record, markdown
from .runners.child import Child
from .shapes import SIZES

MEASURES = ("decode", "prefill", "batch", "load")
_TEXTS = 8
_SHORT = [11, 22, 33, 44]


class Bench:
    """The engines of one run and what was measured of them."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.files = Files(asked.folder, asked.shape, asked.llama_python)
        if asked.zeros:
            found = with_and_without_skipping(asked.bits)
        else:
            llama, packed = has_llama(asked.llama_python), "load" in asked.measure
            found = at_bits(asked.bits, llama=llama, packed=packed)
        self.contenders = [one for one in found if _has(one.name, asked.only)]

    def prepare(self) -> None:
        """Make the files, so that no run waits for them."""
        for one in self.contenders:
            self.files.path(one)

    def verify(self) -> str:
        """A Markdown table: each engine's logits after 64 tokens beside those of ours in fp32."""
        tokens = [at * 7919 % SIZES[self.asked.shape].vocabulary for at in range(1, 65)]
        exact = Contender("Rookery", "fp32", 32, {"strategy": "cpu fp32"})
        wanted = self._logits(exact, tokens)
        lines = [
            "| engine | largest difference | of the largest logit | KL divergence | same best |",
            "|---|---|---|---|---|",
        ]
        for one in self.contenders:
            found = self._logits(one, tokens)
            far = float((found - wanted).abs().max())
            log_p, log_q = wanted.log_softmax(-1), found.log_softmax(-1)
            kl = float((log_p.exp() * (log_p - log_q)).sum())
            same = "yes" if found.argmax() == wanted.argmax() else "no"
            share = far / float(wanted.abs().max())
            lines.append(f"| {one.name} | {far:.2g} | {share:.1e} | {kl:.1e} | {same} |")
        return "\n".join(lines)

    def run(self) -> Record:
        """Measure in turns.  Loading is measured with a new process each time."""
        asked, speed = self.asked, ReadSpeed(self.asked.folder, self.asked.threads)
        engines: dict[str, dict[str, Any]] = {}
        with ExitStack() as stack:
            children = [stack.enter_context(self._child(one)) for one in self.contenders]
            both = list(zip(self.contenders, children, strict=True))
            for one, child in both:
                told = self._load(one, child)
                engines[one.name] = {"family": one.family, "bits": one.bits, "told": told}
            others = Others()
            for _ in range(asked.rounds):
                for one, child in both:
                    self._round(one, child, engines[one.name], speed)
            taken = others.share()
            for one, child in both:
                engines[one.name]["peak_bytes"] = child.ask("memory")["peak_bytes"]
        if "load" in asked.measure:
            self._loads(engines)
        return Record(
            shape=asked.shape,
            bits=asked.bits,
            threads=asked.threads,
            prompt=asked.prompt_tokens,
            rounds=asked.rounds,
            texts=_TEXTS,
            machine=processor(),
            date=date.today().isoformat(),
            commit=_commit(),
            others=taken,
            bandwidth=[one for told in engines.values() for one in told.get("read", [])],
            method=speed.method,
            engines=engines,
        )

    def _loads(self, engines: dict[str, dict[str, Any]]) -> None:
        for _ in range(self.asked.rounds):
            for one in self.contenders:
                with self._child(one) as child:
                    seconds = self._load(one, child)["load_s"]
                    engines[one.name].setdefault("load_s", []).append(seconds)

    def _round(self, one: Contender, child: Child, told: dict[str, Any], memory: ReadSpeed) -> None:
        """Each measure once; tokens per second are appended to what is told of the engine.

        Memory is read just before and just after tokens are written: its speed may change from
        one second to the next.
        """
        asked = self.asked
        tokens = [at * 7919 % SIZES[asked.shape].vocabulary for at in range(1, 1025)]
        if "decode" in asked.measure:
            count, before = asked.decode_tokens, memory.measure()
            speed = count / child.ask("decode", tokens=_SHORT, count=count)["s"]
            told.setdefault("decode", []).append(speed)
            told.setdefault("read", []).append((before + memory.measure()) / 2)
        if "prefill" in asked.measure:
            for length in asked.prompt_tokens:
                speed = length / child.ask("prefill", tokens=tokens[:length])["s"]
                told.setdefault("prefill", {}).setdefault(str(length), []).append(speed)
        if "batch" in asked.measure and one.family != "rwkv":
            count = max(4, asked.decode_tokens // 2)
            seconds = child.ask("decode", tokens=_SHORT, count=count, texts=_TEXTS)["s"]
            told.setdefault("batch", []).append(_TEXTS * count / seconds)

    def _child(self, one: Contender) -> Child:
        python = python_of(one, self.asked.llama_python)
        return Child(python, one.runner, self.asked.threads)

    def _load(self, one: Contender, child: Child) -> dict[str, Any]:
        path = str(self.files.path(one))
        told = child.ask("load", path=path, threads=self.asked.threads, **one.options)
        reads = self.files.reads_bytes(one)
        return told if reads is None else told | {"reads_bytes": reads}

    def _logits(self, one: Contender, tokens: list[int]) -> torch.Tensor:
        with self._child(one) as child:
            self._load(one, child)
            raw = base64.b64decode(child.ask("logits", tokens=tokens)["logits"])
        return torch.frombuffer(bytearray(raw), dtype=torch.float32)


def _has(name: str, words: list[str] | None) -> bool:
    return any(word.lower() in name.lower() for word in words or [""])


def _commit() -> str:
    order = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(order, capture_output=True, text=True).stdout.strip()


def pin(threads: int) -> None:
    """Keep this process and its children to so many cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=sorted(SIZES), default="0.1B")
    parser.add_argument("--bits", type=int, choices=BITS, default=16)
    parser.add_argument("--measure", choices=MEASURES, nargs="+", default=["decode", "prefill"])
    parser.add_argument("--only", nargs="+", help="names or parts of names of engines")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rwkv-bench")
    parser.add_argument("--llama-python", default=sys.executable)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, nargs="+", default=[256])
    parser.add_argument("--decode-tokens", type=int, default=16)
    parser.add_argument("--json", type=Path, help="write what was measured, for bench.report")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--zeros", action="store_true", help="ours with and without skipping them")
    parser.add_argument("--verify", action="store_true")
    asked = parser.parse_args()
    pin(asked.threads)
    bench = Bench(asked)
    bench.prepare()
    if asked.prepare:
        return
    if asked.verify:
        print(bench.verify())
        return
    record = bench.run()
    if asked.json:
        asked.json.write_text(json.dumps(record.facts(), indent=1), encoding="utf-8")
    print(markdown([record]))


if __name__ == "__main__":
    main()
