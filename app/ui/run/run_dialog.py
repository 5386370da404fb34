"""The Run dialog: the machine as bars, the ways to run a model as cards, and Run."""

from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QHBoxLayout,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.state.notices import MODEL
from app.ui.state.run.choice import Choice
from app.ui.state.run.run_state import RunState
from app.ui.state.services import Services
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import Elided, button, icon_button, label

from .advanced import Advanced
from .choice_card import ChoiceCard
from .device_bars import DeviceBars
from .outcome import Outcome
from .run_foot import RunFoot

_WIDTH = 640
_AROUND_PX = 80  # of the window's height, above and below the card, and to spare


class RunDialog(Overlay):
    """One for each window; ``models_wanted`` to choose another model, ``finished`` when the model
    runs as chosen: it carries whether another one was open before, and whether the dialog was
    there until then.
    """

    models_wanted = Signal()
    finished = Signal(bool, bool)

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._services = services
        self.state = RunState(services, self)
        theme = services.theme
        self._title = Elided("", "section")
        self.other = button(tr("Another model"), "models", role="link")
        self.eject = icon_button("eject", tr("Close the model"), 16)
        self.close_button = icon_button("close", tr("Close this dialog"), 16)
        self.bars = DeviceBars(theme)
        self.machine_note = label("", "small", wrap=True)
        self.free_gpu = button(tr("Free the graphics card"), "eject", role="link")
        self.free_gpu.setToolTip(tr("Goes on on the processor, from the same word"))
        self._group = QButtonGroup(self)
        self.cards: list[ChoiceCard] = []
        self._cards = QVBoxLayout()
        self.fold = QPushButton(tr("Advanced"))
        self.advanced = Advanced(theme, self.state)
        self.outcome = Outcome(theme)
        self.foot = RunFoot(theme, self.state, services.session)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._held_px: int | None = None
        self._arrange()
        self._connect()

    def show_model(self, path: Path) -> None:
        """Open for this model; where the dialog is open already, it stays with its own."""
        if self.isVisible():
            return
        self.advanced.hide()
        self._show_fold()
        self.state.show(path)
        self._refresh()
        self.open()

    def close_card(self) -> None:
        """Closed is not cancelled: what was begun goes on."""
        if not self.isHidden():
            self.state.leave()
        super().close_card()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
            return
        focused = QApplication.focusWidget()
        if isinstance(focused, QPushButton):
            focused.click()
        else:
            self._run()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._soon.start()

    # what is shown

    def _refresh(self) -> None:
        state = self.state
        self._hold_advanced()
        self._title.setText(tr("Run {}").format(state.title))
        self.card.setAccessibleName(self._title.text())
        self.eject.setVisible(state.is_open and not state.loading)
        self.other.setEnabled(not state.loading)
        self.bars.show_devices(state.devices)
        self._show_machine_note()
        self._show_way_off()
        self._show_cards(state.choices)
        self.advanced.show_state()
        self.fold.setVisible(state.plans is not None)
        self._show_outcome()
        self.foot.show_state()
        if self.isVisible():
            self._soon.start()  # once what is new is laid out

    def _show_way_off(self) -> None:
        """The model can leave the card that it is on."""
        possible = self._services.free_gpu.possible and self.state.is_open
        self.free_gpu.setVisible(possible and not self.state.loading)

    def _show_machine_note(self) -> None:
        plans = self.state.plans
        if plans is None:
            waits = self.state.failure is None
            self.machine_note.setText(tr("Looking at this machine…") if waits else "")
        else:
            from app.messages.gpu_status import others_in_words, without_gpu_in_words

            gpus = self._services.gpus
            others = others_in_words(gpus.others)
            none = without_gpu_in_words(gpus.found, gpus.others)
            self.machine_note.setText(others if plans.machine.gpus else none)
        self.machine_note.setVisible(bool(self.machine_note.text()))

    def _show_cards(self, choices: list[Choice]) -> None:
        while len(self.cards) > len(choices):
            card = self.cards.pop()
            self._group.removeButton(card)
            self._cards.removeWidget(card)
            card.hide()
            card.deleteLater()
        while len(self.cards) < len(choices):
            self._add_card()
        chosen = "" if self.state.wrong else self.state.text
        self._group.setExclusive(False)
        for card, choice in zip(self.cards, choices, strict=True):
            card.show_choice(choice)
            card.setChecked(choice.strategy == chosen)
            card.setEnabled(not self.state.loading)
        self._group.setExclusive(True)

    def _add_card(self) -> None:
        card = ChoiceCard(self._services.theme)
        card.clicked.connect(lambda: self._choose(card))
        card.run_pressed.connect(lambda: self._run_card(card))
        self._group.addButton(card)
        self._cards.addWidget(card)
        self.cards.append(card)

    def _show_outcome(self) -> None:
        change = self.state.change
        failure = change.failure or self.state.failure
        loaded = self._services.session.loaded
        before = self.outcome.isHidden()
        self.outcome.show_failure(failure, loaded if change.restored else None)
        if before and failure is not None:
            self._held_px = None
            QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.outcome))

    # what the person does

    def _choose(self, card: ChoiceCard) -> None:
        if card.choice is not None:
            self.state.choose(card.choice.strategy)

    def _run_card(self, card: ChoiceCard) -> None:
        if card.choice is not None:
            self.state.run(card.choice.strategy)

    def _run(self) -> None:
        self.state.run()

    def _close_model(self) -> None:
        self.close_card()
        self._services.session.unload()

    def _other_model(self) -> None:
        self.close_card()
        self.models_wanted.emit()

    def _toggle(self) -> None:
        self.advanced.setVisible(self.advanced.isHidden())
        self._show_fold()
        self._fit()
        if self.advanced.isVisible():
            QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.advanced))

    def _show_fold(self) -> None:
        shown = not self.advanced.isHidden()
        self.fold.setIcon(icon("chevron-down" if shown else "chevron-right", "text-dim", 14))

    def _finish(self, other: bool) -> None:  # noqa: FBT001 (a signal's)
        seen = self.isVisible()
        self.close_card()
        self.finished.emit(other, seen)

    def open(self) -> None:
        """Show the card; the keyboard is at the way that is chosen."""
        super().open()
        self._fit()
        self._take_keyboard()

    def _take_keyboard(self) -> None:
        """To the way that is chosen; while one is loaded, to the button that is left."""
        chosen = self.foot.cancel if self.state.loading else self._group.checkedButton()
        (chosen or self.close_button).setFocus(Qt.FocusReason.PopupFocusReason)

    def _stops(self) -> list[QWidget]:
        """Of the cards the one that is chosen; arrows reach the others."""
        checked = self._group.checkedButton()
        first = self.cards[0] if self.cards else None
        one = checked if checked is not None else first
        return [stop for stop in super()._stops() if stop not in self.cards or stop is one]

    def _fit(self) -> None:
        """As high as what is shown, as far as the window has room; then it scrolls."""
        if not self.isVisible():
            return
        self._column.invalidate()
        for part in (self.other, self.eject):  # in some fonts more than the layout gives them
            part.setMinimumHeight(part.minimumSizeHint().height())
        width = min(_WIDTH, self._window.width() - 48)
        edges = self.body.contentsMargins()
        inner = width - edges.left() - edges.right()
        needed = self._column.totalHeightForWidth(inner)
        frame = self.card.contentsMargins()
        around = self._head_px() + edges.top() + edges.bottom() + frame.top() + frame.bottom()
        room = self._window.height() - _AROUND_PX - around
        self._scroll.setFixedHeight(max(80, min(needed, room)))
        self._place()
        self._keep_advanced()

    def _hold_advanced(self) -> None:
        """What is changed there keeps its place in sight, whatever cards come and go above it."""
        focused = QApplication.focusWidget()
        inside = focused is not None and self.advanced.isAncestorOf(focused)
        if self._held_px is None and inside and self.advanced.isVisible():
            self._held_px = self.advanced.mapTo(self._scroll.viewport(), QPoint()).y()

    def _keep_advanced(self) -> None:
        held, self._held_px = self._held_px, None
        if held is None or not self.advanced.isVisible():
            return
        self._column.activate()
        moved = self.advanced.mapTo(self._scroll.viewport(), QPoint()).y() - held
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.value() + moved)

    def _head_px(self) -> int:
        """The height of all that does not scroll."""
        rows = (self._head.layout(), self.foot.layout())
        gap = self.body.spacing()
        width = min(_WIDTH, self._window.width() - 48)
        edges = self.body.contentsMargins()
        inner = width - edges.left() - edges.right()
        high = [_height(row, inner) for row in rows if row is not None]
        return sum(high) + 2 * gap

    def _connect(self) -> None:
        state = self.state
        state.changed.connect(self._refresh_if_shown)
        state.finished.connect(self._finish)
        state.change.changed.connect(self._tell_if_hidden)
        self.other.clicked.connect(self._other_model)
        self.free_gpu.clicked.connect(self._services.free_gpu.free)
        self._services.free_gpu.changed.connect(self._refresh_if_shown)
        self.eject.clicked.connect(self._close_model)
        self.close_button.clicked.connect(self.close_card)
        self.foot.close_pressed.connect(self.close_card)
        self.foot.run_pressed.connect(self._run)
        self.fold.clicked.connect(self._toggle)
        self._soon.timeout.connect(self._fit)
        self._services.gpus.changed.connect(self._refresh_if_shown)

    def _tell_if_hidden(self) -> None:
        """A change that failed after the dialog was closed is told in the window."""
        failure = self.state.change.failure
        if failure is not None and not self.state.loading and self.isHidden():
            self._services.notices.failure(failure, about=MODEL)

    def _refresh_if_shown(self) -> None:
        if not self.isVisible():
            return
        had = self._group.checkedButton() is None
        self._refresh()
        focused = QApplication.focusWidget()
        if QApplication.activePopupWidget() is not None:
            return
        if focused is None or not self.card.isAncestorOf(focused):
            self._take_keyboard()  # it was where nothing can be pressed any more
        elif had and focused is self.close_button:
            self._take_keyboard()

    def _arrange(self) -> None:
        space = self._services.theme.space
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(space("xs"))
        head.addWidget(self._title, 1)
        for part in (self.other, self.eject, self.close_button):
            head.addWidget(part)
        self.body.setContentsMargins(space("xl"), space("l"), space("m"), space("l"))
        self.body.setSpacing(space("m"))
        self.body.addWidget(self._head)
        self.body.addWidget(self._content())
        self.body.addWidget(self.foot)

    def _content(self) -> QScrollArea:
        space = self._services.theme.space
        body = QWidget()
        self._column = column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, space("m"), 0)
        column.setSpacing(space("m"))
        self._cards.setSpacing(space("s"))
        self.fold.setProperty("role", "fold")
        column.addWidget(self.bars)
        column.addWidget(self.machine_note)
        column.addWidget(self.free_gpu, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.outcome)
        column.addLayout(self._cards)
        column.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.advanced)
        column.addStretch()
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setAccessibleName(tr("Ways to run it"))
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(body)
        return self._scroll


def _height(row: QLayout, width: int) -> int:
    if row.hasHeightForWidth():
        return row.totalHeightForWidth(width)
    return row.totalSizeHint().height()
