"""The line below the text: which view of it is shown, what it counts, and how it goes on."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, button, icon_button
from app.ui.widgets.pointer import Gesture

_WORDS_PX = 140  # that the words between switch and verbs want at least


class WritingFoot(QWidget):
    """``view_chosen`` carries the key of a view; ``went_on``, ``stopped``, ``again`` and ``back``
    when asked for.

    The switch stands at the left as soon as there is more than one view (``add_view``).
    """

    view_chosen = Signal(str)
    went_on = Signal()
    stopped = Signal()
    again = Signal()
    back = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("writingFoot")
        self._writing, self._ready = False, False
        self._gesture = Gesture()
        self._views = QButtonGroup(self, exclusive=True)
        self._switch = QWidget()
        self._switch.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._switch_row = QHBoxLayout(self._switch)
        self._switch_row.setContentsMargins(0, 0, 0, 0)
        self._switch_row.setSpacing(theme.space("xs"))
        self._keys: list[str] = []
        self.words = Elided("", "small")
        self.back_button = icon_button("undo", tr("Back: undo the last change (Ctrl+Z)"))
        self.again_button = button(tr("Again"), "regenerate")
        self.again_button.setToolTip(tr("Write the last piece anew, as another version (Ctrl+R)"))
        self.main = button(tr("Continue"), "continue", role="primary")
        self._verbs = QWidget()
        verbs = QHBoxLayout(self._verbs)
        verbs.setContentsMargins(0, 0, 0, 0)
        verbs.setSpacing(theme.space("s"))
        for part in (self.back_button, self.again_button, self.main):
            verbs.addWidget(part)
        left = QHBoxLayout()
        left.setSpacing(theme.space("s"))
        left.addWidget(self._switch)
        left.addWidget(self.words, 1)
        self._rows = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._rows.setContentsMargins(
            theme.space("m"), theme.space("s"), theme.space("m"), theme.space("s")
        )
        self._rows.setSpacing(theme.space("s"))
        self._rows.addLayout(left, 1)
        self._rows.addWidget(self._verbs, 0, Qt.AlignmentFlag.AlignRight)
        self._switch.hide()
        self.back_button.clicked.connect(self.back)
        self.again_button.clicked.connect(self.again)
        self.main.clicked.connect(self._press)
        self.show_state(writing=False, ready=False)

    def add_view(self, key: str, title: str) -> None:
        """One more view that can be switched to; the first is shown."""
        made = QPushButton(title)
        made.setProperty("role", "chip")
        made.setCheckable(True)
        made.setAccessibleName(tr("View: {}").format(title))
        made.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self._views.addButton(made, len(self._keys))
        self._keys.append(key)
        made.setChecked(len(self._keys) == 1)
        made.clicked.connect(lambda: self.view_chosen.emit(key))
        self._switch_row.addWidget(made)
        self._switch.setVisible(len(self._keys) > 1)

    def event(self, event: QEvent) -> bool:
        """Words of another size have another height, which the rows have to ask for again."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._rows.invalidate()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Where both do not have room beside each other, the switch stands above the verbs."""
        needed = self._switch.sizeHint().width() + self._verbs.sizeHint().width() + _WORDS_PX
        direction = QBoxLayout.Direction
        one_row = self.width() >= needed
        wanted = direction.LeftToRight if one_row else direction.TopToBottom
        if wanted is not self._rows.direction():
            self._rows.setDirection(wanted)
            self.updateGeometry()

    def mark_view(self, key: str) -> None:
        """Show which view is shown."""
        if key in self._keys:
            self._views.button(self._keys.index(key)).setChecked(True)

    def show_state(self, *, writing: bool, ready: bool) -> None:
        """What the large button does now; ``ready``: there is a model that could go on."""
        if self._writing and not writing:
            self._gesture.note()  # who wanted to stop it goes on with nothing
        self._writing, self._ready = writing, ready
        title = tr("Stop") if writing else tr("Continue")
        self.main.setText(title)
        self.main.setAccessibleName(title)
        self.main.setIcon(icon("stop" if writing else "continue", "accent-text", 16))
        self.main.setToolTip(
            tr("Stop writing (Esc)") if writing else tr("Go on at the end of the text (Ctrl+Enter)")
        )
        self.main.setEnabled(writing or ready)

    def show_verbs(self, *, back: bool, again: bool) -> None:
        """Whether there is something to go back to, and a piece to be written anew."""
        self.back_button.setEnabled(back)
        self.again_button.setEnabled(again and not self._writing and self._ready)

    def _press(self) -> None:
        """The rest of a double click on the one is not the other."""
        if self._gesture.begins():
            (self.stopped if self._writing else self.went_on).emit()
