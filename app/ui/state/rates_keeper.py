"""Has a worker measure this machine once, while nobody waits for it; knows no widget."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.errors import Failure
from app.runtime.worker.phase import Phase
from app.store.measured_rates import MeasuredRates

from .session import Session
from .tasks import Tasks

if TYPE_CHECKING:
    from app.runtime.worker.supervisor import Supervisor

_QUIET_MS = 3000


class RatesKeeper(QObject):
    """Gives the session what was measured before; else measures once a model has been still.

    It waits for some seconds without a text, so that the first word is not delayed.
    """

    def __init__(
        self, session: Session, supervisor: "Supervisor", tasks: Tasks, file: Path
    ) -> None:
        super().__init__()
        self._session, self._supervisor, self._tasks = session, supervisor, tasks
        self._file = MeasuredRates(file)
        self._busy = False
        self._quiet = QTimer(self, singleShot=True, interval=_QUIET_MS)
        self._quiet.timeout.connect(self._begin)
        session.changed.connect(self._wait)
        session.writing_changed.connect(self._wait)

    def _wait(self) -> None:
        if self._supervisor.rates is None and self._session.phase is Phase.READY:
            self._quiet.start()

    def _begin(self) -> None:
        if self._busy or self._session.writing or self._session.phase is not Phase.READY:
            return
        self._busy = True
        self._tasks.start(self._measure(), self._end)

    def _end(self) -> None:
        self._busy = False

    async def _measure(self) -> None:
        known = await self._tasks.thread(self._file.get)
        if known is not None:
            self._session.know(known)
            return
        try:
            rates = await self._supervisor.measure_rates()
        except Failure:  # the model was closed meanwhile, say; the next one is asked
            return
        self._session.know(rates)
        await self._tasks.thread(self._file.put, rates)
