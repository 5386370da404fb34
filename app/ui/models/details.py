"""The pane beside the list: what one model is, what it costs here, and what can be done with it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.protocol.messages import LoadProgress
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.models.entry import Entry
from app.ui.state.models.fit_words import Fit
from app.ui.state.models.kinds import purpose
from app.ui.state.models.model_fits import ModelFits
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.focus import tab_through
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.parts import Elided, button, label, rule
from app.ui.widgets.pointer import Gesture

from .adapters_part import AdaptersPart
from .costs import Costs
from .facts import facts_of
from .main_button import MainButtons
from .notes import withdrawal
from .page_text import PageText

if TYPE_CHECKING:
    from app.hub.downloads.download_queue import Item


class Details(QScrollArea):
    """Shows one entry; what the person presses comes out as signals.

    ``acted`` carries the name of a verb on the file: "show", "verify", "rename", "move",
    "stop", "delete" or "forget".
    """

    acted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._address = ""
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("About this model"))
        self._title = label("", "section", wrap=True)
        self._file = Elided("", "small", Qt.TextElideMode.ElideMiddle)
        self._purpose = label("", wrap=True)
        self._mark, self._verdict = QLabel(), label("", "dim", wrap=True)
        self.buttons = MainButtons(theme)
        self.costs = Costs(theme)
        self._notes = label("", "dim", wrap=True)
        self._facts = QFormLayout()
        self.verbs = {
            "show": button(tr("Show in folder"), "folder", role="link"),
            "verify": button(tr("Check the file"), "shield", role="link"),
            "rename": button(tr("Rename"), "edit", role="link"),
            "move": button(tr("Move"), "move", role="link"),
            "stop": button(tr("Stop"), "stop", role="link"),
            "forget": button(tr("Remove from list"), "minus", role="link"),
            "delete": button(tr("Move to the trash"), "trash", role="link"),
        }
        self._withdrawn = label("", wrap=True)
        self.newest = button(tr("Show the newest of its size"), "models", role="link")
        self.page_link = button(tr("Its page on the web"), "external", role="link")
        self.page = PageText(theme)
        self._fit: Fit | None = None
        self._gesture = Gesture()
        self.adapters: AdaptersPart | None = None
        self._arrange()
        for verb, pressed in self.verbs.items():
            pressed.clicked.connect(lambda _on=False, verb=verb: self._act(verb))
        self.page_link.clicked.connect(self._leave)
        theme.changed.connect(self._paint_mark)

    def show_entry(self, entry: Entry, fitting: ModelFits, verbs: set[str]) -> None:
        """Show this one, what ``fitting`` says of it, and the ``verbs`` that it takes."""
        fit = fitting.words(entry)
        self._title.setText(entry.title)
        self._file.setText(entry.below)
        self._file.setVisible(entry.title != entry.below)
        self._purpose.setText(purpose(entry))
        self._purpose.setVisible(bool(self._purpose.text()))
        self._verdict.setText(fit.sentence if fit else entry.reason)
        self._show_newest(entry)
        self._fit = fit
        for part in (self._mark, self._verdict):
            part.setVisible(bool(self._verdict.text()))
        self._paint_mark()
        self.buttons.show_entry(entry)
        verdict = fitting.verdict(entry)
        self.costs.setVisible(bool(verdict.per_format))
        now, total = fitting.strategy(entry), fitting.here.memory_total
        self.costs.show_ways(verdict, now, total, picks=entry.usable)
        self._say(facts_of(entry))
        self.show_verbs(verbs)
        if self.adapters is not None:
            self.adapters.show_entry(entry)

    def _show_newest(self, entry: Entry) -> None:
        """Where the hub has it no more: that this is so, and what to take instead."""
        self._withdrawn.setText(withdrawal(entry))
        self._withdrawn.setVisible(entry.withdrawn)
        self.newest.setVisible(entry.withdrawn and entry.newest is not None)

    def _act(self, verb: str) -> None:
        """Once for a double click: by its second press the next entry may be shown here."""
        if self._gesture.begins():
            self.acted.emit(verb)

    def show_verbs(self, verbs: set[str]) -> None:
        """Offer these for the file."""
        for verb, shown in self.verbs.items():
            shown.setVisible(verb in verbs)

    def show_page(self, address: str) -> None:
        """Where its page is; "" for what has none."""
        self._address = address
        self.page_link.setVisible(bool(address))
        self.page.setVisible(bool(address))

    def show_notes(self, notes: Iterable[str]) -> None:
        """Sentences about this very file: duplicates, what it belongs to, what a check found."""
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(self._notes.text()))

    def show_state(
        self,
        *,
        is_open: bool,
        progress: LoadProgress | None,
        loading: bool,
        item: "Item | None" = None,
    ) -> None:
        """Show whether this very model is open, or how far its opening or download has come."""
        self.buttons.show_state(is_open=is_open, loading=loading, progress=progress, item=item)

    def add_adapters(self, part: AdaptersPart) -> None:
        """What is merged into the model stands below what it costs."""
        self.adapters = part
        self._column.insertWidget(self._column.indexOf(self.costs) + 1, part)
        tab_through([self.costs.compare, *part.stops])

    def to_top(self) -> None:
        """Show the beginning."""
        self.verticalScrollBar().setValue(0)

    def _leave(self) -> None:
        corner = self.page_link.mapToGlobal(QPoint(0, self.page_link.height()))
        offer_address(self._address, self, corner)

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
        column = self._column = QVBoxLayout(body)
        column.setContentsMargins(space("l"), space("m"), space("l"), space("xl"))
        column.setSpacing(space("m"))
        head = QVBoxLayout()
        head.setSpacing(space("xs"))
        head.addWidget(self._title)
        head.addWidget(self._file)
        verdict = QHBoxLayout()
        verdict.setSpacing(space("s"))
        verdict.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self._verdict, 1)
        self._facts.setHorizontalSpacing(space("l"))
        self._facts.setVerticalSpacing(space("s"))
        self._facts.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._facts.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        verbs = QWidget()
        flow = Flow(space("xs"), verbs)
        for pressed in (*self.verbs.values(), self.page_link):
            flow.addWidget(pressed)
        column.addLayout(head)
        column.addWidget(self.buttons)
        column.addWidget(self._withdrawn)
        column.addWidget(self.newest, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._purpose)
        column.addLayout(verdict)
        column.addWidget(self.costs)
        column.addWidget(self._notes)
        column.addWidget(verbs)
        column.addWidget(rule())
        column.addLayout(self._facts)
        column.addWidget(self.page)
        column.addStretch()
