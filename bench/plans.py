"""What a plan predicts beside what is measured: memory and speed of every format, as a table.

    python -m bench.plans FILE... [--formats fp32,bf16,fp16,int8,int4] [--runs 5]

Each format is loaded once and measured ``--runs`` times in one process, as ``rookery bench`` does;
what is printed are medians, of predictions too: each is made of what the machine did in that run.
Nothing that was kept of earlier runs has a part in it.  The table is Markdown; what other programs
took of the processor meanwhile stands below it.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from app.benchmark.measuring import Amounts, Measuring, predicted
from app.runtime.worker.client import Client

from .machine import Others, processor

FORMATS = ("fp32", "bf16", "fp16", "int8", "int4")
_HEAD = (
    "| model | format | memory | predicted | | decode tok/s | predicted | | prefill tok/s "
    "| predicted | |"
)


class Pair(NamedTuple):
    """A figure as it was measured, and as a plan tells it."""

    measured: float
    predicted: float

    @property
    def off(self) -> str:
        """By how much the prediction is more than what was measured."""
        return f"{self.predicted / self.measured - 1:+.1%}"


class Row(NamedTuple):
    """One model in one format: bytes, and tokens a second."""

    model: str
    form: str
    memory: Pair
    decode: Pair
    prefill: Pair

    def markdown(self) -> str:
        """One line of the table."""
        cells = [self.model, self.form]
        for pair, show in ((self.memory, _size), (self.decode, _speed), (self.prefill, _speed)):
            cells += [show(pair.measured), show(pair.predicted), pair.off]
        return f"| {' | '.join(cells)} |"


async def row_of(path: Path, form: str, runs: int) -> Row:
    """Load the model in one format, and measure it so many times."""
    client = Client()
    try:
        loaded = await client.load(str(path), f"cpu {form}")
        measuring = Measuring(client, loaded, Amounts())
        resident = await measuring.resident_bytes()
        found = [await measuring.speeds() for _ in range(runs)]
    finally:
        await client.close()
    plans = [predicted(path, loaded, one.rates) for one in found]
    return Row(
        model=path.stem,
        form=form,
        memory=Pair(resident, plans[0].bytes["cpu"]),
        decode=Pair(
            median(one.decode for one in found), median(plan.decode_tokens_per_s for plan in plans)
        ),
        prefill=Pair(
            median(one.prefill for one in found),
            median(plan.prefill_tokens_per_s for plan in plans),
        ),
    )


def _size(count: float) -> str:
    return f"{count / 1e6:.0f} MB"


def _speed(tokens_per_s: float) -> str:
    return f"{tokens_per_s:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, line by line as it is measured."""
    parser = argparse.ArgumentParser(prog="bench.plans", description=__doc__.partition("\n")[0])
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args(arguments)
    others = Others()
    print(_HEAD, "|" + " --- |" * 2 + " ---: |" * 9, sep="\n", flush=True)
    for path in asked.files:
        for form in asked.formats.split(","):
            print(asyncio.run(row_of(path, form, asked.runs)).markdown(), flush=True)
    print(f"\n{processor()}; medians of {asked.runs}; others took {others.share():.0%} meanwhile.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
