"""From a path to a model that can run: checkpoint, strategy, tokenizer, family; no process."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from app.errors import BY_CODE, Failure
from app.kernels.allocation import allocations_named
from app.runtime.adapters.adapter_reading import read_adapter
from app.runtime.adapters.merged_checkpoint import MergedCheckpoint
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.recognising import recognised
from app.runtime.models.embedding_head import EmbeddingHead
from app.runtime.opened import Opened
from app.runtime.planning.strategy import parse
from app.runtime.protocol.adapters import MergedAdapter
from app.runtime.tokenizers import for_model
from app.system.log import describe, logger
from app.system.memory import give_back_freed
from app.system.threads import physical_cores

from .backends import Backends
from .stepping import bring_up


def open_model(
    path: str | Path,
    strategy: str,
    progress: Callable[[int, int], None] | None = None,
    backends: Backends | None = None,
    *,
    threads: int = 0,
    adapters: Sequence[MergedAdapter] = (),
) -> Opened:
    """Load a model; a strategy of "" is chosen for this machine.

    The ``adapters`` are merged into its weights, one after another, before these are quantised.

    ``progress`` is told (layers done, layers); ``backends`` are this machine's unless others are
    given.  A strategy is taken or fails, unless their preferences say otherwise.  ``threads``
    compute, which is set for this process: 0 is one a physical core, at most what torch would take.
    Raises CheckpointError, StrategyError, NoGpu, OutOfMemory and OverLimit, and RequestRefused for
    an adapter that cannot be merged.
    """
    begun = time.perf_counter()
    path = Path(path)
    wanted = parse(strategy) if strategy else None
    if wanted is not None:
        wanted.check_runs()
    torch.set_num_threads(threads or min(torch.get_num_threads(), physical_cores()))

    def report(done: int, total: int) -> None:
        give_back_freed()  # layer by layer: else what was converted is all kept until the end
        if progress is not None:
            progress(done, total)

    with allocations_named(), open_checkpoint(path) as checkpoint:
        merged = [read_adapter(adapter) for adapter in adapters]
        weights = MergedCheckpoint(checkpoint, merged) if merged else checkpoint
        running = bring_up(backends or Backends(), weights, wanted, report)
        tokenizer = for_model(
            checkpoint.spec, path if path.is_dir() else path.parent, checkpoint.metadata
        )
        fingerprint, family = weights.content_fingerprint, recognised(checkpoint)
        file_fingerprint = checkpoint.fingerprint
        heads = checkpoint.read_embedding_heads()
    give_back_freed()
    opened = Opened(
        path=path,
        fingerprint=fingerprint,
        file_fingerprint=file_fingerprint,
        model=running.model,
        tokenizer=tokenizer,
        family=family,
        plan=running.plan,
        load_s=time.perf_counter() - begun,
        stepped_down=running.stepped_down,
        embedding_heads={task: EmbeddingHead(parts) for task, parts in heads.items()},
    )
    _note(opened, strategy)
    return opened


def _note(opened: Opened, asked: str) -> None:
    """What was opened, in which way and how fast, and why not in the way that was meant first."""
    log, model, down = logger("model"), opened.model, opened.stepped_down
    words = "opened %r as %s (asked for: %s) by %s in %.2f s; torch %s with %d threads%s"
    way = opened.strategy.text, asked or "as is usual", model.backend, opened.load_s
    note = f"; {model.note}" if model.note else ""
    log.info(words, str(opened.path), *way, torch.__version__, torch.get_num_threads(), note)
    if down is not None:
        failure = BY_CODE.get(down.code, Failure)("", **down.facts)
        log.warning("stepped down from %r: %s", down.strategy, describe(failure))
