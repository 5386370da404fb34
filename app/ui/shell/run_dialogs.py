"""The window's Run dialog: made when it is first wanted, and where it leads."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.ui.state.services import Services

from .window import Window

if TYPE_CHECKING:
    from app.ui.run.run_dialog import RunDialog


class RunDialogs(QObject):
    """``offer_models`` lets the person choose another model."""

    def __init__(
        self, services: Services, window: Window, offer_models: Callable[[], None]
    ) -> None:
        super().__init__(window)
        self._services, self._window, self._offer_models = services, window, offer_models
        self._dialog: RunDialog | None = None

    @property
    def dialog(self) -> "RunDialog":
        """The only one of this window."""
        if self._dialog is None:
            from app.ui.run.run_dialog import RunDialog  # read when it is first wanted

            self._dialog = RunDialog(self._services, self._window)
            self._dialog.models_wanted.connect(self._offer_models)
            self._dialog.finished.connect(self._arrive)
        return self._dialog

    def show_open(self) -> None:
        """For the model that is open; where none is, the models are offered."""
        session = self._services.session
        path = session.opening or (Path(session.loaded.path) if session.loaded else None)
        if path is None:
            self._offer_models()
        else:
            self.show(path)

    def show(self, path: Path) -> None:
        """For this model; nothing happens while another card covers the window."""
        if not self._window.covered:
            self.dialog.show_model(path)

    def _arrive(self, other: bool, seen: bool) -> None:  # noqa: FBT001 (a signal's)
        """Another model than before was wanted to talk to; who waited for it goes on writing."""
        if other:
            self._window.go("chat")
        elif seen:
            self._window.take_keyboard()
