"""Has the worker measure once what bounds models on this machine, and keeps that."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.errors import DeviceError, WorkerError
from app.runtime.planning.machine import Rates
from app.ui.state.session import Session


class RatesKeeper(QObject):
    """``known`` and ``keep`` read and write a file; they run in threads.

    It is measured after the first opening, where nothing was known, and not while a text is
    written.
    """

    def __init__(
        self,
        session: Session,
        known: Callable[[], Rates | None],
        keep: Callable[[Rates], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._known, self._keep = session, known, keep
        self._done = False
        session.was_opened.connect(self._begin)

    def _begin(self) -> None:
        if not self._done and not self._session.writing:
            self._done = True
            self._session.tasks.start(self._measure())

    async def _measure(self) -> None:
        thread = self._session.tasks.thread
        rates = await thread(self._known)
        if rates is None:
            try:
                rates = await self._session.measure_rates()
            except (DeviceError, WorkerError):
                return  # whoever uses the model is told; the speeds stay a guess
            if rates is not None:
                await thread(self._keep, rates)
        if rates is not None:
            self._session.use_rates(rates)
