"""Measures a model in one way after the other, each in a worker process of its own.

No model that is open elsewhere is touched.  It needs asyncio.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.errors import BY_CODE, Failure, WorkerDied
from app.runtime.planning.machine import Rates
from app.runtime.planning.measured import cards_in_words
from app.runtime.planning.plan import Plan
from app.runtime.protocol.messages import Loaded, LoadProgress
from app.runtime.worker.client import Client
from app.store.benchmark_results import BenchmarkResult
from app.system.gpus import Gpu, gpus

from .measuring import Amounts, Measuring, Part, predicted


class Progress(NamedTuple):
    """Where the measurement of one way is: "loading" counts layers, the others steps from 1."""

    part: Part | str
    done: int
    total: int


class Measurement(NamedTuple):
    """One way, measured, and what the machine was measured to do beside it."""

    result: BenchmarkResult
    rates: Rates


class WayRun:
    """Measures one model in the way that a strategy names.

    ``threads`` compute, 0 for one a core.  ``look`` tells of the cards, ``start`` a worker, and
    ``disk_bytes_per_s`` is what its disk was measured to give, for what is predicted.
    """

    def __init__(
        self,
        path: Path,
        report: Callable[[Progress], None],
        *,
        threads: int = 0,
        look: Callable[[], Sequence[Gpu]] = gpus,
        start: Callable[[], Client] = Client,
        disk_bytes_per_s: float | None = None,
    ) -> None:
        self._path, self._report, self._threads = path, report, threads
        self._disk_bytes_per_s = disk_bytes_per_s
        self._look, self._start = look, start

    async def measured(self, strategy: str, amounts: Amounts) -> Measurement:
        """Load the model anew, measure it, and end the worker, also where this is cancelled.

        Raises the failures of loading, and that of a card which does not run this way: nothing is
        measured in another way than was asked for.  Raises WorkerDied and OutOfMemory.
        """
        before = await asyncio.to_thread(self._look)
        client = self._start()
        try:
            loaded = await self._loaded(client, strategy)
            measuring = Measuring(client, loaded, amounts)
            resident = await measuring.resident_bytes()
            after = await asyncio.to_thread(self._look)
            speeds = await measuring.speeds(lambda *at: self._report(Progress(*at)))
        except BaseException as error:
            client.kill()
            if isinstance(error, WorkerDied):
                error.facts["task"] = "benchmark"
            raise
        finally:
            await client.close()
        disk = self._disk_bytes_per_s
        plan = await asyncio.to_thread(predicted, self._path, loaded, speeds.rates, 1, disk)
        first = speeds.measured[0]
        result = BenchmarkResult(
            strategy=strategy,
            gpu=cards_in_words(plan, after),
            measured_at=time.time(),
            decode_tokens_per_s=speeds.decode,
            prefill_tokens_per_s=speeds.prefill,
            resident_bytes=resident,
            peak_bytes=first.peak_memory_bytes,
            gpu_bytes=_taken(plan, before, after),
            predicted_decode_tokens_per_s=plan.decode_tokens_per_s,
            predicted_prefill_tokens_per_s=plan.prefill_tokens_per_s,
            predicted_resident_bytes=plan.bytes["cpu"],
            predicted_gpu_bytes=sum(_on_cards(plan).values()) or None,
            load_s=loaded.load_s,
            backend=loaded.backend,
            threads=first.threads,
            prompt_tokens=amounts.prompt_tokens,
            decode_tokens=amounts.decode_tokens,
        )
        return Measurement(result, speeds.rates)

    async def _loaded(self, client: Client, strategy: str) -> Loaded:
        def note(progress: LoadProgress) -> None:
            self._report(Progress("loading", progress.done, progress.total))

        self._report(Progress("loading", 0, 0))
        loaded = await client.load(str(self._path), strategy, note, threads=self._threads)
        down = loaded.stepped_down
        if down is not None:
            raise BY_CODE.get(down.code, Failure)("", **down.facts)
        return loaded


def _on_cards(plan: Plan) -> dict[str, int]:
    return {device: count for device, count in plan.bytes.items() if device != "cpu"}


def _taken(plan: Plan, before: Sequence[Gpu], after: Sequence[Gpu]) -> int | None:
    """By how much less is free on the cards of a plan; None where it has none, or one is gone."""
    devices = _on_cards(plan)
    free = [{gpu.device: gpu.free_bytes for gpu in cards} for cards in (before, after)]
    if not devices or any(device not in one for device in devices for one in free):
        return None
    return max(0, sum(free[0][device] - free[1][device] for device in devices))
