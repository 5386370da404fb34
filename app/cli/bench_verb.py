"""``rookery bench``: how fast a model reads and writes here, beside what memory allows.

It asks a worker for texts as the chat does, so its figures are what the chat has: with the engine,
the sampling and the way between the processes.
"""

import asyncio
import random
from argparse import Namespace
from typing import NamedTuple

from app.runtime.client import Client
from app.runtime.probe import BLOCK_BYTES
from app.runtime.protocol import Loaded, Measured

from .bench_texts import Texts
from .choices import model_of
from .output import Progress, human_bytes, note, note_loaded, print_json, print_rows

_SEED = 1
_PREFILLS = 2
_WARM_UP = 4
_ROUNDS, _ROUND_TOKENS = 3, 16  # at most, and at least


def run(options: Namespace) -> int:
    """Print the figures of one run.  Raises the failures of loading and writing."""
    asyncio.run(_bench(options))
    return 0


class _Figures(NamedTuple):
    """Tokens per second of all texts together, and what memory gave meanwhile."""

    prefill: float
    decode: float
    measured: list[Measured]


async def _bench(options: Namespace) -> None:
    client, progress = Client(), Progress()
    try:
        loaded = await client.load(
            str(model_of(options)),
            options.strategy,
            lambda p: progress.show(f"loading layer {p.done} of {p.total}"),
        )
        progress.clear()
        note_loaded(loaded)
        progress.show("measuring")
        figures = await _measure(client, loaded, options)
    finally:
        progress.clear()
        await client.close()
    _tell(loaded, figures, options)


async def _measure(client: Client, loaded: Loaded, options: Namespace) -> _Figures:
    """Decodes between measurements of memory, whose speed changes from one second to the next."""
    texts = Texts(client, loaded.spec.vocabulary, options.batch, random.Random(_SEED))
    block_bytes = min(loaded.weights_bytes, BLOCK_BYTES)
    await texts.decode(_WARM_UP)
    prefill = max([await texts.prefill(options.prompt_tokens) for _ in range(_PREFILLS)])
    measured = [await client.measure(block_bytes)]
    tokens, seconds = 0, 0.0
    for count in _rounds(options.decode_tokens):
        decoded, took_s = await texts.decode(count)
        tokens, seconds = tokens + decoded, seconds + took_s
        measured.append(await client.measure(block_bytes))
    return _Figures(prefill, tokens / seconds, measured)


def _rounds(tokens: int) -> list[int]:
    """How many tokens are written in each round."""
    rounds = max(1, min(_ROUNDS, tokens // _ROUND_TOKENS))
    return [tokens // rounds + (i < tokens % rounds) for i in range(rounds)]


def _tell(loaded: Loaded, figures: _Figures, options: Namespace) -> None:
    first, weights = figures.measured[0], loaded.weights_bytes
    facts: dict[str, float | int | str | None] = {
        "prefill_tokens_per_s": figures.prefill,
        "decode_tokens_per_s": figures.decode,
        "load_s": loaded.load_s,
        "weights_bytes": weights,
        "peak_memory_bytes": first.peak_memory_bytes,
        **_limits(loaded, figures, figures.decode / options.batch * weights),
        "strategy": loaded.strategy,
        "backend": loaded.backend,
        "threads": first.threads,
    }
    if options.json:
        print_json(facts)
    else:
        _print(facts)


def _limits(loaded: Loaded, figures: _Figures, needed: float) -> dict[str, float | None]:
    """What memory gives, and the share of it that ``needed`` bytes a second are.

    A speed that the texts themselves have reached is one that memory gives.
    """
    given: float | None = max(one.read_bandwidth_bytes_per_s for one in figures.measured)
    if not loaded.strategy.startswith("cpu"):
        note("rookery: the weights lie on a card, whose memory is not measured here")
        return {"read_bandwidth_bytes_per_s": None, "bandwidth_share": None}
    if loaded.weights_bytes < BLOCK_BYTES:
        size = human_bytes(loaded.weights_bytes)
        note(
            f"rookery: the weights are small ({size}): caches may hold them, and have been measured"
        )
    if needed > given:
        note(
            "rookery: tokens came faster than all weights can be read: what belongs to zeros is"
            " skipped, or memory was slower while it was measured; the share is given as 1"
        )
    given = max(given, needed)
    return {"read_bandwidth_bytes_per_s": given, "bandwidth_share": needed / given}


def _print(facts: dict[str, float | int | str | None]) -> None:
    rows = []
    for name, value in facts.items():
        if value is None:
            continue
        in_bytes = "bytes" in name and not isinstance(value, str)
        shown = human_bytes(value) if in_bytes and not isinstance(value, str) else value
        rows.append((name, f"{shown:.4g}" if isinstance(shown, float) else str(shown)))
    print_rows(rows)
