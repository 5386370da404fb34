"""What this machine was measured to do, from the data folder and into it."""

import os
from pathlib import Path

from app.runtime.planning.machine import Rates
from app.runtime.planning.stepping_down import Preferences
from app.store.benchmark_results import known_rates
from app.store.kept_shortages import KeptShortages
from app.store.measured_disks import MeasuredDisks
from app.store.measured_rates import MeasuredRates
from app.store.paths import Paths, standard_paths


def kept_rates() -> Rates | None:
    """What was measured before, of models too; None where nothing was."""
    paths = _paths()
    return known_rates(paths.rates, paths.benchmarks)


def keep_rates(rates: Rates) -> None:
    """Keep what a worker measured just now."""
    MeasuredRates(_paths().rates).put(rates)


def disk_rate(path: Path) -> float | None:
    """Bytes a second of a model's disk, measured now where they were not before; None: unknown."""
    return MeasuredDisks(_paths().disks).of(path)


def kept_shortages() -> KeptShortages:
    """Where it is kept in which ways memory ran out."""
    return KeptShortages(_paths().shortages)


def preferences_of(path: Path, strategy: str) -> Preferences:
    """What is asked for is taken or fails; else what ran out here before is passed over."""
    ran_out = {} if strategy else kept_shortages().get(str(path))
    return Preferences(firm=bool(strategy), ran_out=ran_out)


def _paths() -> Paths:
    return standard_paths(os.environ.get("ROOKERY_HOME", ""))
