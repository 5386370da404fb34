"""From a path to a model that can run: checkpoint, strategy, tokenizer, family; no process."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from app.kernels.allocation import allocations_named
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.recognising import recognised
from app.runtime.opened import Opened
from app.runtime.planning.strategy import parse
from app.runtime.tokenizers import for_model
from app.system.memory import give_back_freed
from app.system.threads import physical_cores

from .backends import Backends


def open_model(
    path: str | Path,
    strategy: str,
    progress: Callable[[int, int], None] | None = None,
    backends: Backends | None = None,
    *,
    threads: int = 0,
) -> Opened:
    """Load a model; a strategy of "" is chosen for this machine.

    ``progress`` is told (layers done, layers); ``backends`` are this machine's unless others are
    given.  ``threads`` compute, which is set for this process: 0 is one a physical core, at most
    what torch would take.  Raises CheckpointError, StrategyError, NoGpu and OutOfMemory.
    """
    begun = time.perf_counter()
    path = Path(path)
    wanted = parse(strategy) if strategy else None
    if wanted is not None:
        wanted.check_whole()
    torch.set_num_threads(threads or min(torch.get_num_threads(), physical_cores()))

    def report(done: int, total: int) -> None:
        give_back_freed()  # layer by layer: else what was converted is all kept until the end
        if progress is not None:
            progress(done, total)

    with allocations_named(), open_checkpoint(path) as checkpoint:
        running = (backends or Backends()).bring_up(checkpoint, wanted, report)
        tokenizer = for_model(
            checkpoint.spec, path if path.is_dir() else path.parent, checkpoint.metadata
        )
        fingerprint, family = checkpoint.fingerprint, recognised(checkpoint)
    give_back_freed()
    return Opened(
        path=path,
        fingerprint=fingerprint,
        model=running.model,
        tokenizer=tokenizer,
        family=family,
        plan=running.plan,
        load_s=time.perf_counter() - begun,
        stepped_down=running.stepped_down,
    )
