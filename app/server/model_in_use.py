"""Which model requests are for: the open one, also while its worker comes again."""

from app.runtime.protocol.messages import Loaded
from app.runtime.worker.phase import Phase

from .model_runner import ModelRunner


class ModelInUse:
    """Called, it tells the open model; a worker that died is being started again without a gap."""

    def __init__(self, runner: ModelRunner) -> None:
        self._runner = runner
        self._last: Loaded | None = None

    def __call__(self) -> Loaded | None:
        """None where no model is open and none will come again by itself."""
        loaded = self._runner.loaded
        if loaded is not None or self._runner.phase is not Phase.LOADING:
            self._last = loaded
        return self._last
