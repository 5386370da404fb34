"""The status strip: the model pill and the live figures; asks for samples only while it is seen."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.session import Session
from app.ui.state.status.readings import Readings

from .figures import Figures, gpu_shown
from .model_pill import Pill, pill_of

_PILL_EDGE, _PILL_WIDEST, _PILL_LETTERS = 44, 620, 90  # around its words; all of it at least
_HIGH = 34  # at least


class Strip(QWidget):
    """``pressed`` when the model pill is: the window then shows how the model can run.

    ``figures_pressed`` when the figures are: they have a page of their own.
    """

    pressed = Signal()
    figures_pressed = Signal()

    def __init__(
        self, session: Session, readings: Readings, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Status"))
        self._session, self._readings, self._theme = session, readings, theme
        self._said = ""
        self.pill = QPushButton()
        self.pill.setProperty("role", "pill")
        self.figures = Figures(theme)
        self._arrange()
        self.pill.clicked.connect(self.pressed)
        self.figures.clicked.connect(self.figures_pressed)
        readings.sampled.connect(self._show_sample)
        session.changed.connect(self._refresh)
        theme.changed.connect(self._fit)
        session.writing_changed.connect(self._writing)
        self._refresh()
        self._writing()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        self._readings.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        """Also when the window is minimised."""
        self._readings.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._fit()

    def _refresh(self) -> None:
        said: Pill = pill_of(self._session)
        self.pill.setIcon(icon(said.picture, said.role, 14))
        self._said = said.text
        self._fit()
        self.pill.setToolTip(said.hint)
        self.pill.setAccessibleName(said.text)

    def _writing(self) -> None:
        self.figures.show_writing(writing=self._session.writing > 0)
        self._fit()

    def _show_sample(self) -> None:
        sample, loaded = self._readings.last, self._session.loaded
        if sample is None:
            return
        gpu = gpu_shown(loaded.strategy if loaded is not None else "", sample.gpus)
        if self.figures.show_sample(sample, gpu):
            self._fit()

    def _fit(self) -> None:
        """Where there is no room for all, figures go, the least telling first, then words."""
        self.ensurePolished()
        margins = self.layout().contentsMargins()  # type: ignore[union-attr]
        spare = self.width() - margins.left() - margins.right() - 2 * self._theme.space("s")
        letters = self.pill.fontMetrics()
        widest = max(_PILL_WIDEST, _PILL_LETTERS * letters.averageCharWidth())
        needed = letters.horizontalAdvance(self._said) + _PILL_EDGE
        taken = self.figures.fit(spare - min(needed, widest))
        room = min(widest, spare - taken)
        cut = letters.elidedText(self._said, Qt.TextElideMode.ElideMiddle, room - _PILL_EDGE)
        self.pill.setText(self._said if needed <= room else cut)
        highest = max(self.pill.sizeHint().height(), self.figures.words_px)
        self.setFixedHeight(max(_HIGH, highest + margins.top() + margins.bottom()))

    def _arrange(self) -> None:
        space = self._theme.space
        row = QHBoxLayout(self)
        row.setContentsMargins(space("s"), space("xs"), space("s"), space("xs"))
        row.setSpacing(space("s"))
        row.addWidget(self.pill)
        row.addStretch(1)
        row.addWidget(self.figures)
        self.setFixedHeight(_HIGH)
