"""``rookery bench``: how fast a model reads and writes here, and how fast memory is read.

It sends texts to a worker as the chat does, so the figures include engine, sampling and pipe.
"""

import asyncio
import random
from argparse import Namespace
from typing import NamedTuple

from app.cli.bench_texts import Texts
from app.cli.choices import adapters_of, model_of
from app.cli.machine_rates import keep_rates, kept_rates
from app.cli.output import Progress, loading_line, note, note_loaded, print_json, print_rows
from app.errors import RequestRefused
from app.kernels.read_bandwidth import BLOCK_BYTES
from app.messages.translate import tr, tr_noop
from app.messages.units import rate, size
from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.machine import Rates, this_machine
from app.runtime.planning.plan import plan_of
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Loaded, Measured
from app.runtime.worker.client import Client

_SEED = 1
_PREFILLS = 2
_NO_BLOCK = 1 << 14  # too small to be felt
_WARM_UP = 16  # after so many tokens the resident memory is read, as the plan predicts it
_MOST_TEXTS, _MOST_TOKENS = 1024, 1 << 20
_ROUNDS, _ROUND_TOKENS = 3, 16  # at most, and at least


def run(options: Namespace) -> int:
    """Print the figures of one run.  Raises the failures of loading and writing.

    And RequestRefused for more texts or tokens than a worker can be asked for.
    """
    if options.batch > _MOST_TEXTS or options.prompt_tokens * options.batch > _MOST_TOKENS:
        raise RequestRefused(why="bench-too-much", texts=_MOST_TEXTS, tokens=_MOST_TOKENS)
    asyncio.run(_bench(options))
    return 0


class _Figures(NamedTuple):
    """Tokens per second of all texts together, and the speed of memory at that time."""

    prefill: float
    decode: float
    measured: list[Measured]
    resident: int
    rates: Rates


async def _bench(options: Namespace) -> None:
    adapters = adapters_of(options)
    client, progress = Client(), Progress()
    try:
        loaded = await client.load(
            str(model_of(options)),
            options.strategy,
            lambda p: progress.show(loading_line(p.done, p.total)),
            rates=kept_rates(),
            adapters=adapters,
        )
        progress.clear()
        note_loaded(loaded)
        progress.show("measuring")
        figures = await _measure(client, loaded, options)
    finally:
        progress.clear()
        await client.close()
    keep_rates(figures.rates)
    _tell(loaded, figures, options)


async def _measure(client: Client, loaded: Loaded, options: Namespace) -> _Figures:
    """Decode several times, and measure memory before and after, as its speed varies."""
    texts = Texts(client, loaded.spec.vocabulary, options.batch, random.Random(_SEED))
    block_bytes = min(loaded.weights_bytes, BLOCK_BYTES)
    await texts.decode(_WARM_UP)
    resident = (await client.measure(_NO_BLOCK)).resident_memory_bytes
    prefill = max([await texts.prefill(options.prompt_tokens) for _ in range(_PREFILLS)])
    measured = [await client.measure(block_bytes)]
    rates = await client.measure_rates()
    tokens, seconds = 0, 0.0
    for count in _rounds(options.decode_tokens):
        decoded, took_s = await texts.decode(count)
        tokens, seconds = tokens + decoded, seconds + took_s
        measured.append(await client.measure(block_bytes))
    return _Figures(prefill, tokens / seconds, measured, resident, rates)


def _rounds(tokens: int) -> list[int]:
    """The number of tokens to write in each round."""
    rounds = max(1, min(_ROUNDS, tokens // _ROUND_TOKENS))
    return [tokens // rounds + (i < tokens % rounds) for i in range(rounds)]


def _tell(loaded: Loaded, figures: _Figures, options: Namespace) -> None:
    first, weights = figures.measured[0], loaded.weights_bytes
    limits = _limits(loaded, figures, figures.decode / options.batch * weights)
    facts: dict[str, float | int | str | None] = {
        "prefill_tokens_per_s": figures.prefill,
        "decode_tokens_per_s": figures.decode,
        "load_s": loaded.load_s,
        "weights_bytes": weights,
        "peak_memory_bytes": first.peak_memory_bytes,
        "resident_memory_bytes": figures.resident,
        **_predicted(loaded, figures, options),
        "read_bandwidth_bytes_per_s": limits.given,
        "bandwidth_share": limits.share,
        "strategy": loaded.strategy,
        "backend": loaded.backend,
        "threads": first.threads,
        "bandwidth_note": limits.why or None,
    }
    if options.json:
        print_json(facts)
        return
    if weights < BLOCK_BYTES and limits.given is not None:
        note(f"rookery: {tr(_SMALL).format(size=size(weights))}")
    _print(facts)


def _predicted(loaded: Loaded, figures: _Figures, options: Namespace) -> dict[str, float | None]:
    """What a plan says of the same run, with the rates that were measured in it."""
    with open_checkpoint(model_of(options)) as checkpoint:
        dtype = checkpoint.dtype
    machine = this_machine(figures.rates)
    plan = plan_of(loaded.spec, dtype, parse(loaded.strategy), machine, texts=options.batch)
    alone = plan.decode_tokens_per_s if options.batch == 1 else None  # it is of one text
    return {
        "predicted_resident_memory_bytes": plan.bytes["cpu"],
        "predicted_decode_tokens_per_s": alone,
        "predicted_prefill_tokens_per_s": plan.prefill_tokens_per_s,
    }


class _Limits(NamedTuple):
    """The speed of memory in bytes a second, the share of it in use, and a word for both."""

    given: float | None
    share: float | None
    why: str = ""


_ON_GPU = tr_noop("the weights lie on a card, whose memory is not measured here")
_SMALL = tr_noop(
    "caches may hold weights of {size}; so the bandwidth is that of a block of this size, and not"
    " that of the memory"
)
_FASTER = tr_noop(
    "tokens came faster than all weights were read when it was measured, as what belongs to zeros"
    " is skipped or memory was slower then: the model's own rate is taken for the bandwidth"
)


def _limits(loaded: Loaded, figures: _Figures, needed: float) -> _Limits:
    """Whether memory is what limits a model that reads so many bytes a second."""
    if parse(loaded.strategy).on_gpu:
        return _Limits(None, None, _ON_GPU)
    given = max(one.read_bandwidth_bytes_per_s for one in figures.measured)
    if needed > given:
        return _Limits(needed, 1.0, _FASTER)
    return _Limits(given, needed / given)


def _print(facts: dict[str, float | int | str | None]) -> None:
    print_rows([(name, _shown(name, value)) for name, value in facts.items() if value is not None])


def _shown(name: str, value: float | int | str) -> str:
    if isinstance(value, str):
        return tr(value) if name == "bandwidth_note" else value
    if name.endswith("bytes_per_s"):
        return rate(value)
    if "bytes" in name:
        return size(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
