"""The line above the text: what it is called, which model goes on, and what can be done."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, icon_button

_MODEL_LETTERS = 22  # of a model's name; the rest is in the strip below


class PlaygroundHead(QWidget):
    """``switch_wanted`` asks how the model runs or for another one, ``menu_wanted`` for the menu,
    at a place."""

    switch_wanted = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sidebar = icon_button("sidebar", tr("Documents (Ctrl+B)"))
        self.title = Elided("", "strong")
        self.templates = icon_button("file", tr("Begin with a template (Ctrl+T)"))
        self.more = icon_button("more", tr("More about this document"))
        self.sliders = icon_button("sliders", tr("Settings of the text (Ctrl+.)"))
        self.model = QPushButton()
        self.model.setProperty("role", "fold")
        self.model.setIcon(icon("chevron-down", "text-dim", 14))
        self.model.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the name
        self.model.clicked.connect(self.switch_wanted)
        self.more.clicked.connect(
            lambda: self.menu_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))
        )
        space = theme.space
        row = QHBoxLayout(self)
        row.setContentsMargins(space("s"), space("s"), space("s"), space("xs"))
        row.setSpacing(space("s"))
        row.addWidget(self.sidebar)
        row.addWidget(self.title, 1)
        for part in (self.model, self.templates, self.more, self.sliders):
            row.addWidget(part)
        self.show_model("")

    def show_model(self, name: str) -> None:
        """The model that goes on; "" where none is open."""
        said = name or tr("No model")
        metrics = QFontMetrics(self.model.font())
        room = _MODEL_LETTERS * metrics.averageCharWidth()
        self.model.setText(metrics.elidedText(said, Qt.TextElideMode.ElideRight, room))
        self.model.setAccessibleName(tr("Model: {}").format(said))
        self.model.setToolTip(tr("{}: change how it runs, or choose another model").format(said))
