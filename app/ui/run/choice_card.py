"""A way to run the model as a card that is chosen, with a button that begins it at once."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.run.choice import Choice
from app.ui.widgets.parts import button, label

_MARK = 16


class ChoiceCard(QAbstractButton):
    """A radio button with lines of words; ``run_pressed`` when it shall be begun.

    It is checked by a click or the arrow keys, as the buttons of its group are.
    """

    run_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.choice: Choice | None = None
        self._title = label("", "strong", wrap=True)
        self._chips = {
            "recommended": label(tr("recommended"), "chip"),
            "now": label(tr("runs now"), "chip"),
        }
        self._figures, self._why = label("", wrap=True), label("", "dim", wrap=True)
        self._about = label("", "small", wrap=True)
        self.run = button(tr("Run"))
        self.run.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Enter does the same on the card
        self.run.clicked.connect(self.run_pressed)
        self._arrange()
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_choice(self, choice: Choice) -> None:
        """Another way, or other words for it."""
        if choice == self.choice:
            return
        self.choice = choice
        self._title.setText(choice.title)
        self.setToolTip(choice.detail)
        self.setAccessibleDescription(choice.detail)
        self._chips["recommended"].setVisible(choice.recommended)
        self._chips["now"].setVisible(choice.now)
        for part, words in (
            (self._figures, choice.figures),
            (self._why, choice.why),
            (self._about, choice.about),
        ):
            part.setText(words)
            part.setVisible(bool(words))
        self._colour(self._why, "dim" if choice.runs and not choice.tight else "bad")
        self._colour(self._figures, "" if choice.runs else "dim")
        self.run.setVisible(choice.runs and not choice.now and not choice.tight)
        self.run.setAccessibleName(tr("Run: {}").format(choice.title))
        marks = [part.text() for part in self._chips.values() if not part.isHidden()]
        said = (choice.title, *marks, choice.figures, choice.why, choice.about)
        self.setAccessibleName(". ".join(filter(None, said)))
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.layout().totalSizeHint()  # type: ignore[union-attr]

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.layout().totalMinimumSize()  # type: ignore[union-attr]

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        return self.layout().totalHeightForWidth(width)  # type: ignore[union-attr]

    def hasHeightForWidth(self) -> bool:  # noqa: N802 (Qt's name)
        return True

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 (Qt's name)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        colour = self._theme.color
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen, wide = self.isChecked(), 2 if self.hasFocus() else 1
        edge = colour("accent" if chosen or self.hasFocus() else "edge")
        ground = "accent-soft" if chosen else "hover" if self.underMouse() else "raised"
        painter.setPen(QPen(edge, wide))
        painter.setBrush(colour(ground))
        inside = QRectF(self.rect()).adjusted(wide / 2, wide / 2, -wide / 2, -wide / 2)
        radius = self._theme.radius("card")
        painter.drawRoundedRect(inside, radius, radius)
        self._paint_mark(painter)
        painter.end()

    def _paint_mark(self, painter: QPainter) -> None:
        """The circle of a radio button, beside the title."""
        colour, space = self._theme.color, self._theme.space
        middle = QPointF(space("m") + _MARK / 2, self._title.geometry().center().y() + 1)
        painter.setPen(QPen(colour("accent" if self.isChecked() else "edge"), 1.5))
        painter.setBrush(colour("surface"))
        painter.drawEllipse(middle, _MARK / 2 - 1, _MARK / 2 - 1)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent"))
            painter.drawEllipse(middle, _MARK / 4, _MARK / 4)

    def _colour(self, part: QLabel, kind: str) -> None:
        if part.property("kind") != kind:
            part.setProperty("kind", kind)
            part.style().polish(part)

    def _arrange(self) -> None:
        space = self._theme.space
        head = QHBoxLayout()
        head.setSpacing(space("s"))
        head.addWidget(self._title, 1)
        for chip in self._chips.values():
            head.addWidget(chip, 0, Qt.AlignmentFlag.AlignTop)
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addLayout(head)
        for part in (self._figures, self._why, self._about):
            said.addWidget(part)
        row = QHBoxLayout(self)
        left = space("m") + _MARK + space("s")
        row.setContentsMargins(left, space("s"), space("m"), space("s"))
        row.setSpacing(space("m"))
        row.addLayout(said, 1)
        row.addWidget(self.run, 0, Qt.AlignmentFlag.AlignVCenter)
        for part in self.findChildren(QLabel):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
