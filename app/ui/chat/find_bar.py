"""The bar above the words in which one types what is looked for in the conversation."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.parts import icon_button, label

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_WIDEST, _NARROWEST, _LETTERS = 360, 120, 14


class FindBar(QWidget):
    """``typed`` carries the words; ``next_wanted``, ``previous_wanted`` and ``left`` are keys."""

    typed = Signal(str)
    next_wanted = Signal()
    previous_wanted = Signal()
    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.field = QLineEdit(placeholderText=tr("Find in this conversation"))
        self.field.setAccessibleName(tr("Find in this conversation"))
        self.field.setClearButtonEnabled(True)
        glass = QAction(icon("search", "text-dim", 16), "", self.field)
        self.field.addAction(glass, QLineEdit.ActionPosition.LeadingPosition)
        self.field.setMinimumWidth(_NARROWEST)
        self.field.setMaximumWidth(_WIDEST)
        self.field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.count = label("", "small")
        self.before = icon_button("chevron-up", tr("The hit before (Shift+F3)"), 16)
        self.behind = icon_button("chevron-down", tr("The next hit (F3)"), 16)
        self.close_button = icon_button("close", tr("Close (Esc)"), 16)
        self.field.textChanged.connect(self.typed)
        self.before.clicked.connect(self.previous_wanted)
        self.behind.clicked.connect(self.next_wanted)
        self.close_button.clicked.connect(self.left)
        self.field.installEventFilter(self)
        space = theme.space
        row = QHBoxLayout(self)
        row.setContentsMargins(space("l"), 0, space("s"), space("xs"))
        row.setSpacing(space("xs"))
        row.addStretch(1)
        row.addWidget(self.field, 1000)
        row.addSpacing(space("xs"))
        for part in (self.count, self.before, self.behind, self.close_button):
            row.addWidget(part)
        theme.changed.connect(self._keep_room)
        self._keep_room()
        self.show_count(0, 0, looking=False)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        """Where Tab stops, as it is read."""
        return self.field, self.before, self.behind, self.close_button

    def show_count(self, number: int, total: int, *, looking: bool) -> None:
        """Which of how many hits is shown, 0 for none of them, and whether more may come."""
        if not self.field.text().strip():
            said = ""
        elif number:
            said = tr("{} of {}").format(whole(number), whole(total))
        elif total == 1:
            said = tr("1 hit")
        elif total:
            said = tr("{} hits").format(whole(total))
        else:
            said = tr("Looking") if looking else tr("Not found")
        self.count.setText(said + (" …" if looking and said else ""))
        wide = max(self.count.minimumWidth(), self.count.sizeHint().width())
        self.count.setMinimumWidth(wide)
        for part in (self.before, self.behind):
            part.setEnabled(total > 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if not isinstance(event, QKeyEvent) or event.type() is not QEvent.Type.KeyPress:
            return False
        if event.key() not in _ENTER:
            return False
        back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        (self.previous_wanted if back else self.next_wanted).emit()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Escape closes it from its buttons too, and stops no reply."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _keep_room(self) -> None:
        """The buttons do not move under the pointer while hits are counted."""
        self.count.ensurePolished()
        letter = self.count.fontMetrics().averageCharWidth()
        self.count.setMinimumWidth(_LETTERS * letter)
