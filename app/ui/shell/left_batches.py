"""At a start: offers to go on with the batches that a closed window or a crash has cut."""

from PySide6.QtCore import QObject, Qt

from app.messages.translate import tr, tr_n
from app.ui.state.services import Services

from .window import Window


class LeftBatches(QObject):
    """The offer waits for a free notice bar; the playground has them in its list as well."""

    def __init__(self, services: Services, window: Window) -> None:
        super().__init__(window)
        self._services, self._window = services, window
        kept = services.settings.now.batches.values()
        self._left = [one for one in kept if one.running]

    def offer(self) -> None:
        """Once, where there are any."""
        if not self._left:
            return
        bar = self._window.notices
        if bar.notice is not None:  # what is said there is news of now
            bar.closed.connect(self.offer, Qt.ConnectionType.SingleShotConnection)
            return
        count = len(self._left)
        said = tr_n(
            "A batch was cut when the window closed. Its finished rows are on the disk.",
            "{} batches were cut when the window closed. Their finished rows are on the disk.",
            count,
        ).format(count)
        self._services.notices.offer(said, tr("Go on"), self._go_on, lasts_s=0.0)

    def _go_on(self) -> None:
        page = self._window.go("playground")
        page.go_on_with_batches()  # type: ignore[attr-defined]
