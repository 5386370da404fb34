"""Trains the guide from the written text and exports it; knows no program that will run it."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from training.build_text import Sample, Writer, held_out
from training.model import Rwkv7, Shape
from training.optimizers import optimizers

RUNS = Path(__file__).with_name("runs")
METADATA = {
    "format": "pt",
    "name": "rookery-guide",
    "license": "Apache-2.0",
    "end_token": "0",
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run besides the text."""

    seed: int = 7
    steps: int = 2600
    batch_bytes: int = 3072
    rate: float = 1e-3
    matrix_rate: float = 0.008
    warmup: int = 30
    question_weight: float = 0.15
    early: int = 12
    early_weight: float = 4.0
    cut_share: float = 0.85  # answers cut short: the topic is decided at their beginning
    easy_pools: int = 24
    average: float = 0.998


def shortened(sample: Sample, rng: random.Random, share: float) -> Sample:
    """The sample, or in `share` of the cases only up to 6 to 24 bytes into its first answer."""
    if rng.random() >= share:
        return sample
    end = min(len(sample.data), sample.answer.index(1) + rng.randint(6, 24))
    return Sample(sample.data[:end], sample.answer[:end])


def batches(writer: Writer, recipe: Recipe) -> Iterator[list[Sample]]:
    """Endless batches of samples of like length, about `batch_bytes` with padding."""
    rng = random.Random(recipe.seed + 1)
    pools = 0
    while True:
        writer.ease = 0.8 * max(0.0, 1 - pools / recipe.easy_pools) if recipe.easy_pools else 0.0
        pools += 1
        pool = [shortened(writer.sample(), rng, recipe.cut_share) for _ in range(512)]
        pool.sort(key=lambda sample: len(sample.data))
        groups: list[list[Sample]] = [[]]
        for sample in pool:
            if (len(groups[-1]) + 1) * len(sample.data) > recipe.batch_bytes and groups[-1]:
                groups.append([])
            groups[-1].append(sample)
        rng.shuffle(groups)
        yield from groups


def tensors(group: list[Sample], recipe: Recipe) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs, targets, target weights (0: padding) and which are early, each (B, T - 1).

    The first bytes of an answer weigh most: they decide the topic, and the rest follows.
    """
    length = max(len(sample.data) for sample in group)
    tokens = torch.zeros(len(group), length, dtype=torch.long)
    weights = torch.zeros(len(group), length)
    early = torch.zeros(len(group), length, dtype=torch.bool)
    for row, sample in enumerate(group):
        size = len(sample.data)
        tokens[row, :size] = torch.frombuffer(bytearray(sample.data), dtype=torch.uint8).long()
        marks = torch.frombuffer(bytearray(sample.answer), dtype=torch.uint8).bool()
        before = torch.cat([torch.zeros(recipe.early, dtype=torch.bool), marks])[:size]
        early[row, :size] = marks & ~before
        weights[row, :size] = torch.where(marks, 1.0, recipe.question_weight)
    weights[early] = recipe.early_weight
    return tokens[:, :-1], tokens[:, 1:], weights[:, 1:], early[:, 1:]


def share_at(step: int, recipe: Recipe) -> float:
    """The part of the full rates at a step: linear warm-up, then a cosine down to 2 percent."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def export(weights: dict[str, Tensor], path: Path) -> None:
    """Write the weights as bf16 safetensors with the official names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {
        name: value.detach().to(torch.bfloat16).contiguous() for name, value in weights.items()
    }
    save_file(rounded, path, METADATA)


def _weights(path: Path) -> dict[str, Tensor]:
    """What an earlier run left: its average.pth, or the guide that it exported."""
    if path.suffix == ".safetensors":
        return load_file(path)
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    return weights


class Run:
    """One training run: model, running average of its weights, optimizer and log."""

    def __init__(
        self, recipe: Recipe, out: Path, start: Path | None, shape: Shape | None = None
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out = recipe, out
        self.model = Rwkv7(shape or Shape())
        if start is not None:
            self.model.load_state_dict(_weights(start))
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.optimizers = optimizers(self.model, recipe.rate, recipe.matrix_rate)
        for part in self._groups():
            part["full"] = part["lr"]
        self.writer = Writer(recipe.seed, held_out("questions.jsonl", "dev.jsonl"))
        self.seen = 0

    def go(self, every: int = 50) -> None:
        """All steps; a line in the log and the files so far every so many."""
        begun = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "recipe.json").write_text(json.dumps(asdict(self.recipe), indent=1))
        sums = [0.0, 0.0]
        stream = batches(self.writer, self.recipe)
        with (self.out / "log.jsonl").open("a") as log:
            for step in range(self.recipe.steps):
                first, total = self._step(step, next(stream))
                sums = [sums[0] + first, sums[1] + total]
                if (step + 1) % every == 0:
                    line = {
                        "step": step + 1,
                        "early_loss": round(sums[0] / every, 4),
                        "loss": round(sums[1] / every, 4),
                        "bytes": self.seen,
                        "seconds": round(time.monotonic() - begun),
                    }
                    log.write(json.dumps(line) + "\n")
                    log.flush()
                    sums = [0.0, 0.0]
                    self._save()
        self._save()

    def _step(self, step: int, group: list[Sample]) -> tuple[float, float]:
        inputs, targets, weights, early = tensors(group, self.recipe)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(inputs)
        losses = functional.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for part in self._groups():
            part["lr"] = share_at(step, self.recipe) * part["full"]
        for one in self.optimizers:
            one.step()
            one.zero_grad(set_to_none=True)
        keep = min(self.recipe.average, (1 + step) / (10 + step))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        self.seen += int((weights > 0).sum())
        return float(losses.detach()[early].mean()), float(loss.detach())

    def _groups(self) -> list[dict[str, Any]]:
        return [group for one in self.optimizers for group in one.param_groups]

    def _save(self) -> None:
        torch.save(self.average, self.out / "average.pth")
        export(self.average, self.out / "rookery-guide.safetensors")


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    for one in fields(Recipe):
        option = f"--{one.name.replace('_', '-')}"
        parser.add_argument(option, type=type(one.default), default=one.default)
    parser.add_argument("--out", type=Path, default=RUNS / "guide")
    parser.add_argument(
        "--start", type=Path, help="average.pth or guide of an earlier run to go on from"
    )
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    recipe = Recipe(**{one.name: getattr(given, one.name) for one in fields(Recipe)})
    Run(recipe, given.out, given.start).go()


if __name__ == "__main__":
    main()
