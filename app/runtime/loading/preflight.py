"""What header and strategy tell before anything heavy is loaded: torch takes a second."""

from pathlib import Path

from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.strategy import parse
from app.runtime.planning.streamed_plans import check_runs_for
from app.system.gpus import gpu_of, gpus


def look_at(path: Path, strategy: str) -> None:
    """Fail at once for what the header and the strategy tell: torch takes a second to load.

    Raises CheckpointError, StrategyError and NoGpu.
    """
    way = parse(strategy) if strategy else None
    if way is not None:
        way.check_runs()
    if way is not None and way.on_gpu:
        found = gpus()
        for card in way.cards:
            gpu_of(card, found)
    with open_checkpoint(path) as checkpoint:
        if way is not None:
            check_runs_for(checkpoint.dtype, way)
