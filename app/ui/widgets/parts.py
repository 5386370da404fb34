"""Labels, buttons and rules dressed by the style sheet; they know no page."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.ui.look.icons import icon

from .painted_line import paint_line


def label(text: str, kind: str = "", *, wrap: bool = False) -> QLabel:
    """Words of a kind of the style sheet: title, section, strong, dim, small, mono, chip, key."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if kind:
        made.setProperty("kind", kind)
    return made


def button(text: str, picture: str = "", role: str = "") -> QPushButton:
    """A button with words; ``role`` is primary, quiet, link, danger, or none of them."""
    made = QPushButton(text)
    made.setAccessibleName(text)
    if role:
        made.setProperty("role", role)
    if picture:
        made.setIcon(icon(picture, _BUTTON_ICON.get(role, "text"), 16))
        made.setIconSize(QSize(20, 16) if text else QSize(16, 16))  # a gap before the words
    return made


def icon_button(picture: str, name: str, size: int = 18) -> QToolButton:
    """A button without words; ``name`` is its tooltip and what a screen reader says."""
    made = QToolButton()
    made.setIcon(icon(picture, "text-dim", size))
    made.setIconSize(QSize(size, size))
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def rule() -> QFrame:
    """A line of one pixel across."""
    made = QFrame()
    made.setProperty("rule", "true")
    return made


class Elided(QLabel):
    """One line of words that ends in … where there is no room; the whole is the tooltip."""

    def __init__(
        self,
        text: str = "",
        kind: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if kind:
            self.setProperty("kind", kind)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        room = self.contentsRect()
        line = self.text().replace("\n", " ")
        shown = self.fontMetrics().elidedText(line, self._mode, room.width())
        self.setToolTip(self.text() if shown != line else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        paint_line(painter, room, line, self.alignment(), self._mode)
        painter.end()


_BUTTON_ICON = {"primary": "accent-text", "link": "accent", "danger": "bad"}


def keep_words_whole(above: QWidget) -> None:
    """Give the buttons in a widget the height of their words.

    In some fonts a button asks for more once it is shown than its layout has noted.
    """
    for part in above.findChildren(QPushButton):
        high = part.minimumSizeHint().height()
        if part.isVisible() and part.minimumHeight() != high:
            part.setMinimumHeight(high)
