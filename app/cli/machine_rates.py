"""What this machine was measured to do, from the data folder and into it."""

import os

from app.runtime.planning.machine import Rates
from app.store.measured_rates import MeasuredRates
from app.store.paths import standard_paths


def kept_rates() -> Rates | None:
    """What was measured before; None where nothing was."""
    return _file().get()


def keep_rates(rates: Rates) -> None:
    """Keep what a worker measured just now."""
    _file().put(rates)


def _file() -> MeasuredRates:
    return MeasuredRates(standard_paths(os.environ.get("ROOKERY_HOME", "")).rates)
