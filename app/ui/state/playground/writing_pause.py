"""A piece that stops because the model is to run in another way, and what goes on with it then."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.ui.state.session import Session


class WritingPause(QObject):
    """``stop`` ends what is written and gives what goes on with it, or None where nothing is.

    That is called when a model is open again, unless ``shown`` gives something else by then.
    """

    def __init__(
        self,
        session: Session,
        stop: Callable[[], Callable[[], None] | None],
        shown: Callable[[], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._stop, self._shown = stop, shown
        self._go_on: Callable[[], None] | None = None
        self._before: object = None
        session.pausing.connect(self._pause)
        session.was_opened.connect(self._resume)

    def _pause(self) -> None:
        self._go_on = self._stop()
        self._before = self._shown()

    def _resume(self) -> None:
        go_on, self._go_on = self._go_on, None
        if go_on is not None and self._before == self._shown():
            go_on()
