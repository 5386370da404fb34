"""The pane beside the list: what one state is, what it belongs to, and what is done with it."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.library.states.state_records import NamedState
from app.messages.translate import tr
from app.messages.units import size
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.states.state_fit import (
    Fit,
    can_begin,
    day_words,
    fit_words,
    kind_words,
    model_words,
    token_words,
)
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, label, rule
from app.ui.widgets.pointer import Gesture

from .norms_picture import NormsPicture

_LINES = 3  # of what the person says of it
_MARKS = {
    Fit.FITS: ("check", "good"),
    Fit.SIZES: ("half", "warn"),
    Fit.OTHER: ("info", "text-dim"),
    Fit.NONE: ("info", "text-dim"),
    Fit.BROKEN: ("alert", "bad"),
}


class StateDetails(QScrollArea):
    """``acted`` carries a verb: "chat", "ask", "open", "inspect", "duplicate", "export", "check",
    "bind", "delete", "restore" or "remove"; ``renamed`` and ``described`` an id and the words.
    """

    acted = Signal(str)
    renamed = Signal(str, str)
    described = Signal(str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._state: NamedState | None = None
        self._fit = Fit.NONE
        self._gesture = Gesture()
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("About this state"))
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the state"))
        self._mark, self._verdict = QLabel(), label("", "dim", wrap=True)
        self.about = QPlainTextEdit(placeholderText=tr("What it is for"))
        self.about.setAccessibleName(tr("What it is for"))
        self.about.setTabChangesFocus(True)
        self.verbs = {
            "chat": button(tr("Chat from here"), "chat", role="primary"),
            "open": button(tr("Open its model"), "models", role="primary"),
            "restore": button(tr("Restore"), "undo", role="primary"),
            "ask": button(tr("Ask many…"), "states"),
            "inspect": button(tr("Inspect"), "activity"),
            "duplicate": button(tr("Duplicate"), "copy", role="link"),
            "export": button(tr("Export…"), "save", role="link"),
            "check": button(tr("Check the file"), "shield", role="link"),
            "bind": button(tr("It belongs to the open model"), "pin", role="link"),
            "delete": button(tr("Move to the trash"), "trash", role="link"),
            "remove": button(tr("Delete for good"), "trash", role="link"),
        }
        self._facts = QFormLayout()
        self.picture = NormsPicture(theme)
        self._arrange()
        for verb, pressed in self.verbs.items():
            pressed.clicked.connect(lambda _on=False, verb=verb: self._act(verb))
        self.name.editingFinished.connect(self._rename)
        self.about.installEventFilter(self)
        theme.changed.connect(self._fit_type)

    def show_state(self, state: NamedState, fit: Fit, *, model_there: bool) -> None:
        """Show this one; ``model_there``: the file of its model is known, and not open."""
        other = self._state is None or self._state.id != state.id
        if other:
            self.keep_typed()
            self.show_norms([])
        before, self._state, self._fit = self._state, state, fit
        if other or before is None or before.name != state.name:
            self.name.setText(state.name)
        if other:
            self.about.setPlainText(state.note.about)
        trashed = state.note.trashed is not None
        self.name.setReadOnly(trashed)
        self.about.setReadOnly(trashed)
        self._verdict.setText(fit_words(state, fit))
        self._paint_mark()
        self._show_verbs(trashed=trashed, model_there=model_there)
        self._say(self._told(state))

    def keep_typed(self) -> None:
        """Hand over what was typed and is not handed over yet."""
        state = self._state
        if state is None or state.note.trashed is not None:
            return
        if self.about.toPlainText().strip() != state.note.about:
            self.described.emit(state.id, self.about.toPlainText())

    def show_norms(self, norms: list[list[float]]) -> None:
        """What "inspect" has found; nothing hides the picture."""
        self.picture.setVisible(bool(norms))
        self._legend.setVisible(bool(norms))
        if norms:
            self.picture.show_norms(norms)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if watched is self.about and event.type() is QEvent.Type.FocusOut:
            self.keep_typed()
        return super().eventFilter(watched, event)

    def _act(self, verb: str) -> None:
        """Once for a double click: by its second press another state may be shown here."""
        if self._gesture.begins():
            self.keep_typed()
            self.acted.emit(verb)

    def _rename(self) -> None:
        state, name = self._state, self.name.text().strip()
        if state is None or name == state.name or state.note.trashed is not None:
            return
        if name:
            self.renamed.emit(state.id, name)
        else:
            self.name.setText(state.name)

    def _show_verbs(self, *, trashed: bool, model_there: bool) -> None:
        fit, state = self._fit, self._state
        usable = not trashed and can_begin(fit)
        whole = not trashed and fit is not Fit.BROKEN
        shown = {
            "chat": usable,
            "ask": usable,
            "open": not trashed and model_there and not can_begin(fit),
            "inspect": whole,
            "duplicate": whole,
            "export": whole,
            "check": whole,
            "bind": whole and fit is Fit.SIZES and state is not None and not state.fingerprint,
            "delete": not trashed,
            "restore": trashed,
            "remove": trashed,
        }
        for verb, pressed in self.verbs.items():
            pressed.setVisible(shown[verb])

    def _told(self, state: NamedState) -> Iterable[tuple[str, str]]:
        sizes = state.sizes
        shape = tr("{} layers, {} heads of {}").format(sizes.layers, sizes.heads, sizes.head_size)
        return (
            (tr("What was read"), state.note.read),
            (tr("Tokens"), token_words(state.facts.tokens)),
            (tr("Belongs to"), model_words(state)),
            (tr("Made"), kind_words(state)),
            (tr("Shape"), shape if sizes.heads else ""),
            (tr("Size"), size(state.bytes)),
            (tr("Since"), day_words(state.note.created)),
        )

    def _say(self, facts: Iterable[tuple[str, str]]) -> None:
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in facts:
            if value:
                said = label(value, wrap=True)
                said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                said.setAccessibleName(f"{name}: {value}")
                self._facts.addRow(label(name, "dim"), said)

    def _paint_mark(self) -> None:
        picture, role = _MARKS[self._fit]
        self._mark.setPixmap(pixmap(picture, role, 18, self.devicePixelRatioF()))

    def _fit_type(self) -> None:
        self._paint_mark()
        self.about.setFixedHeight(_LINES * self._theme.line_px() + 24)

    def _arrange(self) -> None:
        space = self._theme.space
        body = QWidget()
        self.setWidget(body)
        column = QVBoxLayout(body)
        column.setContentsMargins(space("l"), space("m"), space("l"), space("xl"))
        column.setSpacing(space("m"))
        verdict = QWidget()
        beside = QHBoxLayout(verdict)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(space("s"))
        beside.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        beside.addWidget(self._verdict, 1)
        self._facts.setHorizontalSpacing(space("l"))
        self._facts.setVerticalSpacing(space("s"))
        self._facts.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._facts.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._legend = label(tr("A row for each layer, a square for each head"), "small", wrap=True)
        column.addWidget(self.name)
        column.addWidget(self._flow("chat", "open", "restore", "ask", "inspect"))
        column.addWidget(verdict)
        column.addWidget(self.about)
        column.addWidget(self.picture)
        column.addWidget(self._legend)
        column.addWidget(self._flow("duplicate", "export", "check", "bind", "delete", "remove"))
        column.addWidget(rule())
        column.addLayout(self._facts)
        column.addStretch()
        self.show_norms([])
        self._fit_type()

    def _flow(self, *verbs: str) -> QWidget:
        part = QWidget()
        flow = Flow(self._theme.space("s"), part)
        for verb in verbs:
            flow.addWidget(self.verbs[verb])
        return part
