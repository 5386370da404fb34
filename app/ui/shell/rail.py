"""The pages at the left edge: icon and label, icons alone where room is scarce."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon, pixmap
from app.ui.look.theme import Theme

from .page_tabs import tell_of_tabs

_WIDE, _NARROW = 168, 56
_BESIDE = 94  # icon, edges and a count beside a label


class Rail(QWidget):
    """``chosen`` carries the key of the page whose button was pressed."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Pages"))
        self._theme = theme
        self._buttons: dict[str, RailButton] = {}
        self._labels: dict[str, str] = {}
        self._pictures: dict[str, str] = {}
        self._hints: dict[str, str] = {}
        self._group = QButtonGroup(self, exclusive=True)
        self._bird = QLabel()
        self._bird.setFixedSize(24, 24)
        self._name = QLabel("Rookery")
        self._name.setProperty("kind", "strong")
        self.collapsed = False
        self._arrange()
        theme.changed.connect(self._paint_bird)
        theme.changed.connect(self._widen)
        self._paint_bird()

    def add(self, key: str, label: str, picture: str, *, below: bool = False) -> None:
        """One more page; ``below`` puts it at the foot of the rail."""
        button = self._button(key, label, picture)
        button.setCheckable(True)
        button.toggled.connect(lambda _on: self._tint(key))
        button.clicked.connect(lambda: self.chosen.emit(key))
        self._group.addButton(button)
        (self._foot if below else self._head).addWidget(button)
        self._widen()

    def add_verb(self, label: str, picture: str, act: Callable[[], None], keys: str) -> QPushButton:
        """A button at the foot that does something and goes nowhere; ``keys`` do the same."""
        button = self._button(f"verb-{picture}", label, picture)
        native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        self._hints[f"verb-{picture}"] = f"{label} ({native})"
        button.setToolTip(f"{label} ({native})")
        button.clicked.connect(act)
        self._foot.addWidget(button)
        self._widen()
        return button

    def mark(self, key: str) -> None:
        """Show ``key`` as the page that is open."""
        self._buttons[key].setChecked(True)

    def badge(self, key: str, count: int, words: str = "") -> None:
        """A small number on a page's button, with what it counts for who listens; 0 for none."""
        self._buttons[key].show_count(count)
        name = self._labels[key]
        self._buttons[key].setAccessibleName(f"{name}, {words}" if count and words else name)

    def collapse(self, *, narrow: bool) -> None:
        """Icons alone, or icons with labels."""
        self.collapsed = narrow
        self._name.setVisible(not narrow)
        for key, button in self._buttons.items():
            button.setIconSize(QSize(20 if narrow else 26, 20))
            button.setText("" if narrow else self._labels[key])
            button.setToolTip(self._hints.get(key, self._labels[key] if narrow else ""))
        self._widen()

    def _button(self, key: str, label: str, picture: str) -> "RailButton":
        button = RailButton("" if self.collapsed else label, self._theme)
        button.setProperty("role", "rail")
        button.setIconSize(QSize(20 if self.collapsed else 26, 20))
        button.setAccessibleName(label)
        self._buttons[key], self._labels[key] = button, label
        self._pictures[key] = picture
        self._tint(key)
        return button

    def _widen(self) -> None:
        """As wide as the largest label and a count beside it ask for, in large type too."""
        metrics = QFontMetrics(self._theme.font())
        widest = max(map(metrics.horizontalAdvance, self._labels.values()), default=0)
        self.setFixedWidth(_NARROW if self.collapsed else max(_WIDE, widest + _BESIDE))

    def _tint(self, key: str) -> None:
        button = self._buttons[key]
        role = "accent" if button.isChecked() else "text-dim"
        button.setIcon(icon(self._pictures[key], role))

    def _paint_bird(self) -> None:
        self._bird.setPixmap(pixmap("rookery", "accent", 24, self.devicePixelRatioF()))

    def _arrange(self) -> None:
        space = self._theme.space
        brand = QHBoxLayout()
        brand.setContentsMargins(space("s"), space("xs"), 0, space("s"))
        brand.setSpacing(space("s"))
        brand.addWidget(self._bird)
        brand.addWidget(self._name, 1)
        self._head, self._foot = QVBoxLayout(), QVBoxLayout()
        for part in (self._head, self._foot):
            part.setSpacing(space("xs"))
        column = QVBoxLayout(self)
        column.setContentsMargins(space("s"), space("m"), space("s"), space("m"))
        column.addLayout(brand)
        column.addLayout(self._head)
        column.addStretch()
        column.addLayout(self._foot)
        self.setFixedWidth(_WIDE)


class RailButton(QPushButton):
    """A page's button; it may carry a count at its right, or at its corner where it is narrow."""

    def __init__(self, words: str, theme: Theme) -> None:
        super().__init__(words)
        self._theme = theme
        self.count = 0

    def show_count(self, count: int) -> None:
        """0 shows none."""
        if count != self.count:
            self.count = count
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        super().paintEvent(event)
        if not self.count:
            return
        words = str(self.count) if self.count < 100 else "99+"
        font = self._theme.font("small")
        font.setWeight(QFont.Weight.DemiBold)
        font.setPointSizeF(font.pointSizeF() * 0.9)
        metrics = QFontMetrics(font)
        high = metrics.height() + 2
        box = QRect(0, 0, max(high, metrics.horizontalAdvance(words) + 10), high)
        if self.text():
            box.moveCenter(QPoint(self.width() - 10 - box.width() // 2, self.height() // 2))
        else:
            box.moveTopRight(QPoint(self.width() - 2, 1))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("accent"))
        painter.drawRoundedRect(box, high / 2, high / 2)
        painter.setFont(font)
        painter.setPen(self._theme.color("accent-text"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.end()


tell_of_tabs(Rail, RailButton)
