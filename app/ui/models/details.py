"""The pane beside the list: what one file is, what it costs here, and what can be done with it."""

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.runtime.protocol import LoadProgress
from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.parts import Elided, button, label, rule

from .costs import Costs
from .entry import Entry
from .facts import facts_of
from .fit import Fit


class Details(QScrollArea):
    """Shows one entry; what the person presses comes out as signals."""

    chat_pressed = Signal()
    eject_pressed = Signal()
    show_pressed = Signal()
    forget_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("About this model"))
        self._title = label("", "section", wrap=True)
        self._file = Elided("", "small", Qt.TextElideMode.ElideMiddle)
        self._mark, self._verdict = QLabel(), label("", "dim", wrap=True)
        self.chat = button(self.tr("Chat"), "chat", role="primary")
        self.eject = button(self.tr("Eject"), "eject")
        self._progress = QProgressBar(textVisible=False)
        self._progress.setAccessibleName(self.tr("Layers in memory"))
        self._loading = label("", "small")
        self.costs = Costs(theme)
        self._facts = QFormLayout()
        self._show = button(self.tr("Show in folder"), "folder", role="link")
        self._forget = button(self.tr("Remove from list"), "minus", role="link")
        self._fit: Fit | None = None
        self._arrange()
        for pressed, signal in (
            (self.chat, self.chat_pressed),
            (self.eject, self.eject_pressed),
            (self._show, self.show_pressed),
            (self._forget, self.forget_pressed),
        ):
            pressed.clicked.connect(signal)
        theme.changed.connect(self._paint_mark)

    def show_entry(self, entry: Entry, fit: Fit | None, strategy: str, *, removable: bool) -> None:
        """Show this one; ``fit`` is None for what cannot be used, ``strategy`` how it would run."""
        self._title.setText(entry.title)
        self._file.setText(entry.path.name)
        self._file.setVisible(entry.title != entry.path.name)
        self._verdict.setText(fit.sentence if fit else entry.reason)
        self._fit = fit
        self._paint_mark()
        self.chat.setVisible(entry.usable)
        self.costs.setVisible(entry.usable)
        self._forget.setVisible(removable)
        self.costs.show_ways(entry, strategy)
        self._say(facts_of(entry))
        self.verticalScrollBar().setValue(0)

    def show_state(self, *, is_open: bool, progress: LoadProgress | None, loading: bool) -> None:
        """Show whether this very model is open, or how far its opening has come."""
        self.eject.setVisible(is_open or loading)
        self.eject.setText(self.tr("Cancel") if loading else self.tr("Eject"))
        self.eject.setAccessibleName(self.eject.text())
        self.chat.setEnabled(not loading)
        for part in (self._progress, self._loading):
            part.setVisible(loading)
        if loading:
            done, total = (progress.done, progress.total) if progress else (0, 0)
            self._progress.setRange(0, max(total, 1))
            self._progress.setValue(done)
            words = self.tr("Loading layer {} of {}").format(done, total)
            self._loading.setText(words if total else self.tr("Starting"))

    def _say(self, facts: Iterable[tuple[str, str]]) -> None:
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in facts:
            said = label(value, wrap=True)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            said.setAccessibleName(f"{name}: {value}")
            self._facts.addRow(label(name, "dim"), said)

    def _paint_mark(self) -> None:
        picture, role = (self._fit.picture, self._fit.role) if self._fit else ("alert", "warn")
        self._mark.setPixmap(pixmap(picture, role, 18, self.devicePixelRatioF()))

    def _arrange(self) -> None:
        space = self._theme.space
        body = QWidget()
        self.setWidget(body)
        column = QVBoxLayout(body)
        edge = space("xl")
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(space("m"))
        head = QVBoxLayout()
        head.setSpacing(space("xs"))
        head.addWidget(self._title)
        head.addWidget(self._file)
        column.addLayout(head)
        verdict = QHBoxLayout()
        verdict.setSpacing(space("s"))
        verdict.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self._verdict, 1)
        column.addLayout(verdict)
        column.addLayout(self._buttons())
        column.addWidget(self._progress)
        column.addWidget(self._loading)
        column.addWidget(self.costs)
        column.addWidget(rule())
        self._facts.setHorizontalSpacing(space("l"))
        self._facts.setVerticalSpacing(space("s"))
        column.addLayout(self._facts)
        column.addWidget(rule())
        foot = QVBoxLayout()
        foot.setSpacing(0)
        foot.addWidget(self._show, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self._forget, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(foot)
        column.addStretch()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(self._theme.space("s"))
        row.addWidget(self.chat)
        row.addWidget(self.eject)
        row.addStretch()
        return row
