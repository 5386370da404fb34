"""``rookery pack``: a copy of a model in 8 or 4 bits, which is loaded without packing it again."""

from argparse import Namespace
from pathlib import Path

import torch

from app.cli.output import Progress, print_json, print_rows
from app.errors import RequestRefused
from app.kernels import open_ops
from app.kernels.allocation import allocations_named
from app.messages.translate import tr
from app.messages.units import size
from app.runtime.checkpoint import open_checkpoint
from app.runtime.checkpoint.file_names import name_of
from app.runtime.loading.packed_copy import write_packed
from app.runtime.planning.strategy import parse
from app.system.threads import physical_cores


def run(options: Namespace) -> int:
    """Write the copy and tell its size.

    Raises CheckpointError, StrategyError, RequestRefused, OutOfMemory, DiskFull and StoreError.
    """
    source, strategy = Path(options.model), parse(options.strategy)
    folder = source if source.is_dir() else source.parent
    target = Path(options.to or folder / f"{name_of(source)}-{strategy.format}.safetensors")
    if target.resolve() == source.resolve():
        raise RequestRefused(why="pack-onto-itself")
    torch.set_num_threads(min(torch.get_num_threads(), physical_cores()))
    progress = Progress()
    with allocations_named(), open_checkpoint(source) as checkpoint:
        before = checkpoint.bytes
        write_packed(
            checkpoint,
            open_ops("cpu"),  # the layout is one for all devices
            strategy,
            target,
            lambda done, total: progress.show(
                tr("packing tensor {done} of {total}").format(done=done, total=total)
            ),
        )
    progress.clear()
    after = target.stat().st_size
    if options.json:
        print_json({"path": str(target), "bytes": after, "bytes_before": before})
    else:
        told = tr("{after} instead of {before}")
        sizes = told.format(after=size(after), before=size(before))
        print_rows([(tr("written"), str(target)), (tr("size"), sizes)])
    return 0
