"""A card that says one sentence while the window closes; it asks for nothing."""

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme

from .overlay import Overlay
from .parts import label

_WIDTH = 420


class Farewell(Overlay):
    """Downloads go on at the next start."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        art = QLabel()
        art.setPixmap(pixmap("download", "accent", 24, self.devicePixelRatioF()))
        words = QVBoxLayout()
        words.setSpacing(theme.space("xs"))
        words.addWidget(label(tr("Downloads pause here"), "section"))
        said = tr("They go on by themselves when Rookery is opened again.")
        words.addWidget(label(said, "dim", wrap=True))
        row = QHBoxLayout()
        edge = theme.space("l")
        row.setContentsMargins(edge, edge, edge, edge)
        row.setSpacing(theme.space("l"))
        row.addWidget(art)
        row.addLayout(words, 1)
        self.body.addLayout(row)
        self.card.setAccessibleName(said)
