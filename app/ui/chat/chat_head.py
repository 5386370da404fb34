"""The line above the words: whose they are, which model answers, and what can be done."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, icon_button

_MODEL_LETTERS = 22  # of a model's name; the rest is in the strip below


class ChatHead(QWidget):
    """``switch_wanted`` asks how the model runs or for another one, ``menu_wanted`` for the menu,
    at a place."""

    switch_wanted = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sidebar = icon_button("sidebar", tr("Conversations (Ctrl+B)"))
        self.find_button = icon_button("search", tr("Find in this conversation (Ctrl+F)"))
        self.sliders = icon_button("sliders", tr("Chat settings (Ctrl+.)"))
        self.title = Elided("", "strong")
        self.more: QToolButton = icon_button("more", tr("Pin, rename or delete"))
        self.model = QPushButton()
        self.model.setProperty("role", "fold")
        self.model.setIcon(icon("chevron-down", "text-dim", 14))
        self.model.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the name
        self.model.clicked.connect(self.switch_wanted)
        self.more.clicked.connect(self._ask_menu)
        space = theme.space
        row = QHBoxLayout(self)
        row.setContentsMargins(space("s"), space("s"), space("s"), space("xs"))
        row.setSpacing(space("s"))
        row.addWidget(self.sidebar)
        row.addWidget(self.title, 1)
        for part in (self.model, self.find_button, self.more, self.sliders):
            row.addWidget(part)
        self.show_model("")

    @property
    def stops(self) -> tuple[QWidget, ...]:
        """Where Tab stops, as it is read."""
        return self.sidebar, self.model, self.find_button, self.more, self.sliders

    def show_model(self, name: str) -> None:
        """The model that answers; "" where none is open."""
        said = name or tr("No model")
        metrics = QFontMetrics(self.model.font())
        room = _MODEL_LETTERS * metrics.averageCharWidth()
        self.model.setText(metrics.elidedText(said, Qt.TextElideMode.ElideRight, room))
        self.model.setAccessibleName(tr("Model: {}").format(said))
        self.model.setToolTip(tr("{}: change how it runs, or choose another model").format(said))

    def show_kept(self, *, kept: bool) -> None:
        """Whether the conversation has begun: before, nothing can be done with it."""
        self.find_button.setVisible(kept)
        self.more.setVisible(kept)

    def _ask_menu(self) -> None:
        self.menu_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))
