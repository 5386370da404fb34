"""``rookery bench``: how fast a model reads and writes here, and how fast memory is read."""

import asyncio
from argparse import Namespace
from typing import NamedTuple

from app.benchmark.measuring import BLOCK_BYTES, Amounts, Measuring, Speeds, predicted
from app.cli.choices import adapters_of, limits_of, model_of
from app.cli.machine_rates import disk_rate, keep_rates, kept_rates
from app.cli.output import Progress, loading_line, note, note_loaded, print_json, print_rows
from app.errors import RequestRefused
from app.messages.translate import tr, tr_noop
from app.messages.units import rate, size
from app.runtime.planning.strategy import parse
from app.runtime.protocol.messages import Loaded
from app.runtime.worker.client import Client

_MOST_TEXTS, _MOST_TOKENS = 1024, 1 << 20


def run(options: Namespace) -> int:
    """Print the figures of one run.  Raises the failures of loading and writing.

    And RequestRefused for more texts or tokens than a worker can be asked for.
    """
    if options.batch > _MOST_TEXTS or options.prompt_tokens * options.batch > _MOST_TOKENS:
        raise RequestRefused(why="bench-too-much", texts=_MOST_TEXTS, tokens=_MOST_TOKENS)
    asyncio.run(_bench(options))
    return 0


async def _bench(options: Namespace) -> None:
    adapters = adapters_of(options)
    client, progress = Client(), Progress()
    try:
        loaded = await client.load(
            str(model_of(options)),
            options.strategy,
            lambda p: progress.show(loading_line(p.done, p.total)),
            rates=kept_rates(),
            limits=limits_of(options),
            adapters=adapters,
        )
        progress.clear()
        note_loaded(loaded)
        progress.show("measuring")
        amounts = Amounts(options.prompt_tokens, options.decode_tokens, options.batch)
        measuring = Measuring(client, loaded, amounts)
        resident = await measuring.resident_bytes()
        speeds = await measuring.speeds()
    finally:
        progress.clear()
        await client.close()
    keep_rates(speeds.rates)
    _tell(loaded, resident, speeds, options)


def _tell(loaded: Loaded, resident: int, speeds: Speeds, options: Namespace) -> None:
    first, weights = speeds.measured[0], loaded.weights_bytes
    limits = _limits(loaded, speeds, speeds.decode / options.batch * weights)
    facts: dict[str, float | int | str | None] = {
        "prefill_tokens_per_s": speeds.prefill,
        "decode_tokens_per_s": speeds.decode,
        "load_s": loaded.load_s,
        "weights_bytes": weights,
        "peak_memory_bytes": first.peak_memory_bytes,
        "resident_memory_bytes": resident,
        **_predicted(loaded, speeds, options),
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


def _predicted(loaded: Loaded, speeds: Speeds, options: Namespace) -> dict[str, float | None]:
    """What a plan says of the same run, with the rates that were measured in it."""
    path, way = model_of(options), parse(loaded.strategy)
    disk = None if way.stays else disk_rate(path)
    plan = predicted(path, loaded, speeds.rates, options.batch, disk)
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


def _limits(loaded: Loaded, speeds: Speeds, needed: float) -> _Limits:
    """Whether memory is what limits a model that reads so many bytes a second."""
    if parse(loaded.strategy).on_gpu:
        return _Limits(None, None, _ON_GPU)
    given = max(one.read_bandwidth_bytes_per_s for one in speeds.measured)
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
