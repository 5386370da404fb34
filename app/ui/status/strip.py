"""The status strip: the model pill, memory and speed; samples only while it can be seen."""

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.messages.translate import tr
from app.messages.units import size, speed
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.state.machine_memory import Machine
from app.ui.state.session import Session
from app.ui.widgets.parts import label

from .gauges import Level, Sparkline
from .model_pill import Pill, pill_of

_IDLE_MS, _WRITING_MS = 2000, 500
_PILL_EDGE, _PILL_WIDEST, _PILL_LETTERS = 44, 620, 90  # around its words; all of it at least
_SPEED_PX, _HIGH = 72, 34  # at least


class Strip(QWidget):
    """``pressed`` when the model pill is: the window then shows how the model can run."""

    pressed = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Status"))
        self._session, self._theme = session, theme
        self._machine = Machine()
        self._written, self._at = 0, 0.0
        self._said, self._used = "", ("", "")
        self.pill = QPushButton()
        self.pill.setProperty("role", "pill")
        self.pill.clicked.connect(self.pressed)
        self._speed = label("")
        self._spark = Sparkline(theme)
        self._level = Level(theme)
        self._memory = label("")
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._arrange()
        self._timer.timeout.connect(self._sample)
        session.changed.connect(self._refresh)
        theme.changed.connect(self._fit)
        session.writing_changed.connect(self._writing)
        self._refresh()
        self._writing()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        self._timer.start(self._pace())
        self._sample()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._fit()

    def _refresh(self) -> None:
        said: Pill = pill_of(self._session)
        self.pill.setIcon(icon(said.picture, said.role, 14))
        self._said = said.text
        self._fit()
        self.pill.setToolTip(said.hint)
        self.pill.setAccessibleName(said.text)
        if self.isVisible():
            self._sample()

    def _writing(self) -> None:
        writing = self._session.writing > 0
        if writing:
            self._spark.clear()
            self._written, self._at = self._session.tokens_written, time.monotonic()
        self._spark.setVisible(writing)
        self._speed.setVisible(writing)
        self._speed.clear()
        self._fit()
        if self.isVisible():
            self._timer.start(self._pace())

    def _pace(self) -> int:
        return _WRITING_MS if self._session.writing else _IDLE_MS

    def _sample(self) -> None:
        now = self._machine.read(self._session.worker_pid)
        share = now.worker_bytes / now.total_bytes, now.used_bytes / now.total_bytes
        self._level.show_shares(*share)
        used, total = size(now.used_bytes), size(now.total_bytes)
        self._say_memory(tr("Memory {} of {}").format(used, total), now.worker_bytes)
        if self._session.writing:
            self._measure()

    def _say_memory(self, text: str, worker_bytes: int) -> None:
        engine = tr("Engine {} · {}").format(size(worker_bytes), text) if worker_bytes else text
        if (engine, text) != self._used:
            self._used = (engine, text)
            self._fit()

    def _fit(self) -> None:
        """Where there is no room for all, the engine's part goes, then the memory, then words."""
        self.ensurePolished()
        parts = [part for part in (self._spark, self._speed) if not part.isHidden()]
        gap = self._theme.space("s")
        margins = self.layout().contentsMargins()  # type: ignore[union-attr]
        spare = self.width() - margins.left() - margins.right() - 3 * gap - self._level.width()
        fastest = self._speed.fontMetrics().horizontalAdvance(speed(8888.8))
        spare -= sum(max(part.sizeHint().width(), fastest, _SPEED_PX) + gap for part in parts)
        letters = self.pill.fontMetrics()
        widest = max(_PILL_WIDEST, _PILL_LETTERS * letters.averageCharWidth())
        pill = min(needed := letters.horizontalAdvance(self._said) + _PILL_EDGE, widest)
        width = self._memory.fontMetrics().horizontalAdvance
        shown = next((text for text in self._used if pill + width(text) <= spare), "")
        self._memory.setText(shown)
        self._memory.setVisible(bool(shown))
        self._level.setVisible(bool(shown))
        room = min(widest, spare - width(shown))
        cut = letters.elidedText(self._said, Qt.TextElideMode.ElideMiddle, room - _PILL_EDGE)
        self.pill.setText(self._said if needed <= room else cut)
        highest = max(part.sizeHint().height() for part in (self.pill, self._memory, self._speed))
        self.setFixedHeight(max(_HIGH, highest + margins.top() + margins.bottom()))

    def _measure(self) -> None:
        now, written = time.monotonic(), self._session.tokens_written
        passed = now - self._at
        if passed < 0.2:
            return
        tokens_per_s = (written - self._written) / passed
        self._written, self._at = written, now
        if not tokens_per_s and not self._speed.text():
            return  # the prompt is still being read
        self._spark.add(tokens_per_s)
        self._speed.setText(speed(tokens_per_s))

    def _arrange(self) -> None:
        space = self._theme.space
        row = QHBoxLayout(self)
        row.setContentsMargins(space("s"), space("xs"), space("m"), space("xs"))
        row.setSpacing(space("s"))
        row.addWidget(self.pill)
        row.addStretch(1)
        for part in (self._spark, self._speed, self._level, self._memory):
            row.addWidget(part)
        self._level.setAccessibleName(tr("Memory in use"))
        self._spark.setAccessibleName(tr("Recent speed"))
        self.setFixedHeight(_HIGH)
