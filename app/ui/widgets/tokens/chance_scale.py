"""The colours of probabilities, from likely to unlikely, and the legend that tells them.

Each step is darker than the one before it in the light theme, and lighter in the dark one, from
blue to orange: so it is read without telling red from green, and without colours at all.
"""

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme

CHANCES = (
    (0.5, "chance-1"),
    (0.2, "chance-2"),
    (0.05, "chance-3"),
    (0.01, "chance-4"),
    (0.001, "chance-5"),
    (0.0, "chance-6"),
)
"""From this probability on a token has this colour role of the theme."""

_LOGS = tuple((math.log(least) if least else -math.inf, role) for least, role in CHANCES)
_SWATCH = 14


def role_of(logprob: float | None) -> str:
    """The colour role of a token with this log-probability."""
    if logprob is None:
        return "chance-none"
    return next(role for least, role in _LOGS if logprob >= least)


def percent(probability: float) -> str:
    """A probability as people read it: 34 %, 1.2 %, 0.03 %, under 0.01 %."""
    hundredths = 100 * probability
    if hundredths >= 9.95:
        shown = f"{hundredths:.0f}"
    elif hundredths >= 0.995:
        shown = f"{hundredths:.1f}"
    elif hundredths >= 0.01:
        shown = f"{hundredths:.2f}"
    else:
        return tr("under 0.01 %")
    return tr("{} %").format(shown)


class ChanceLegend(QWidget):
    """The steps of the scale in a row, as many as there is room for."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAccessibleName(tr("Colours: probability of each token"))
        self.setToolTip(tr("How likely each token was, at least, after those before it"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self._dress()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(sum(self._widths()), self._theme.line_px("small") + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(self._widths()[0], self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setFont(self._theme.font("small"))
        left, space = 0.0, self._theme.space("xs")
        for (_, role), words, width in zip(CHANCES, self._words(), self._widths(), strict=True):
            if left + width > self.width() + 1:
                break
            box = QRectF(left + 0.5, (self.height() - _SWATCH) / 2 + 0.5, _SWATCH, _SWATCH)
            painter.setPen(self._theme.color("edge"))
            painter.setBrush(self._theme.color(role))
            painter.drawRoundedRect(box, 3, 3)
            painter.setPen(self._theme.color("text-dim"))
            place = QRectF(left + _SWATCH + space + 2, 0, width, self.height())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), words)
            left += width
        painter.end()

    def _words(self) -> list[str]:
        words = [tr("{} %").format(f"{100 * least:g}") for least, _ in CHANCES[:-1]]
        return [*words, tr("less")]

    def _widths(self) -> list[int]:
        metrics, space = QFontMetrics(self._theme.font("small")), self._theme.space("s")
        return [_SWATCH + 6 + metrics.horizontalAdvance(one) + space for one in self._words()]

    def _dress(self) -> None:
        self.updateGeometry()
        self.update()
