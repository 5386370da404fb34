"""What going on costs after an edit near the end of a long text, as the playground asks for it.

    python -m bench.edit_latency [--shape 0.4B] [--model PATH] [--strategy "cpu int8"]
                                 [--tokens 20000] [--json PATH]

A worker reads a text of random tokens once, then again with one token changed, 10 to 200 tokens
before its end, each time at another place.  Two ways are measured: to go on right behind the edit,
and at the end of the text, where all that follows the edit is read as well.  Prints a Markdown
table: the tokens that were computed, the time from the request to the first new token, and that
without the tokens that have to be read in any case, at the pace of reading so few of them (the
last column); the median of ``--times`` edits each.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Sampling, Tokens
from app.runtime.worker.client import Client

from .shapes import SIZES, write_checkpoint

DISTANCES = (10, 50, 100, 200)
_GREEDY = GenerateOptions(limit=1, sampling=Sampling(temperature=0, banned=(0,)))


class Continued(NamedTuple):
    """One request: tokens computed of its prompt, and seconds to its first new token."""

    computed: int
    first_s: float


class Row(NamedTuple):
    """An edit so many tokens before the end, and what going on behind it cost (medians)."""

    distance: int
    place: str
    needed: int
    computed: float
    first_ms: float
    beyond_ms: float


async def measured(client: Client, ids: list[int], vocabulary: int, times: int) -> list[Row]:
    """Read ``ids`` once, then measure going on after edits of it."""
    random = Random(1)
    first = await gone_on(client, ids)
    print(f"read {len(ids)} tokens in {first.first_s:.1f} s", flush=True)
    rows = []
    for distance in DISTANCES:
        for at_end in (False, True):
            needed = distance if at_end else 1
            found, plain = [], []
            for number in range(times):
                edited = list(ids)
                place = len(ids) - distance - number
                edited[place] = 1 + random.randrange(vocabulary - 1)
                prompt = edited if at_end else edited[: place + 1]
                needed = len(ids) - place if at_end else 1
                found.append(await gone_on(client, prompt))
                more = [1 + random.randrange(vocabulary - 1) for _ in range(needed)]
                plain.append((await gone_on(client, [*prompt, *more])).first_s)
            rows.append(
                Row(
                    distance,
                    "the end" if at_end else "the edit",
                    needed,
                    statistics.median(one.computed for one in found),
                    1000 * statistics.median(one.first_s for one in found),
                    1000
                    * statistics.median(
                        one.first_s - other for one, other in zip(found, plain, strict=True)
                    ),
                )
            )
    return rows


async def gone_on(client: Client, ids: list[int]) -> Continued:
    """Go on by one token."""
    began, first, computed = time.perf_counter(), 0.0, 0
    events = client.generate(Tokens(tuple(ids), document=True), _GREEDY)
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Piece) and not first:
                first = time.perf_counter() - began
            elif isinstance(event, Done):
                computed = event.computed_tokens
    return Continued(computed, first)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = "| edit before the end | goes on at | needed | computed | first token | beyond them |"
    lines = [
        f"| {row.distance} | {row.place} | {row.needed} | {row.computed:.0f}"
        f" | {row.first_ms:.0f} ms | {row.beyond_ms:.0f} ms |"
        for row in rows
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *lines])


async def run(model: str, strategy: str, tokens: int, times: int) -> list[Row]:
    """Open the model in a worker and measure."""
    client = Client()
    try:
        loaded = await client.load(model, strategy)
        print(f"{loaded.name} · {loaded.strategy} · {loaded.backend}", flush=True)
        random = Random(0)
        vocabulary = min(loaded.spec.vocabulary, 65530)
        ids = [1 + random.randrange(vocabulary - 1) for _ in range(tokens)]
        return await measured(client, ids, vocabulary, times)
    finally:
        await client.close()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="0.4B", choices=SIZES)
    parser.add_argument("--model", default="")
    parser.add_argument("--strategy", default="cpu int8")
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if not model:
            model = str(Path(folder) / f"random-{options.shape}.pth")
            write_checkpoint(Path(model), "7.0", SIZES[options.shape])
        rows = asyncio.run(run(model, options.strategy, options.tokens, options.times))
    print(table(rows))
    if options.json:
        Path(options.json).write_text(json.dumps([row._asdict() for row in rows], indent=1))


if __name__ == "__main__":
    main()
