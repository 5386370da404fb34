"""Pictures of the state: norms along the text, the numbers of one head, and what differs."""

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSpinBox,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.messages.failures import say
from app.messages.translate import tr, tr_n
from app.messages.units import whole
from app.ui.look.theme import Theme
from app.ui.state.playground.state_inspection import StateInspection
from app.ui.widgets.blank import Blank
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, icon_button, label

from .number_picture import NumberPicture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NARROW_PX = 720
_MATRIX_PX = 300


class StateInspector(QWidget):
    """Shows a StateInspection; ``read_wanted`` when the text that is edited shall be read."""

    read_wanted = Signal()

    def __init__(self, theme: Theme, inspection: StateInspection) -> None:
        super().__init__()
        self._theme, self._inspection = theme, inspection
        self._empty = False
        self._blank = Blank(theme, "states")
        self.layers = NumberPicture(theme, tr("Norm of each layer"), tr("text"), tr("layers"))
        self.heads = NumberPicture(theme, "", tr("text"), tr("heads"))
        self.matrix = NumberPicture(theme, "", tr("columns"), tr("rows"))
        self._layer, self._head = QSpinBox(), QSpinBox()
        self._head_name = label(tr("Head"), "small")
        self.compare = button(tr("Compare"), role="toggle")
        self.compare.setToolTip(tr("Show how other places differ from this one"))
        self._again = icon_button("refresh", tr("Read the text again"))
        self._stop = icon_button("stop", tr("Stop reading"))
        self._bar = QProgressBar()
        self._told = label("", "small", wrap=True)
        self._stack = QStackedLayout()
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._arrange()
        self._connect()
        self.refresh()

    def take_keyboard(self) -> None:
        """Put the keyboard on what can be changed."""
        blank = self._stack.currentWidget() is self._blank
        self._blank.take_keyboard() if blank else self._layer.setFocus()

    def note_text(self, *, empty: bool) -> None:
        """Whether there is nothing that could be read."""
        if empty != self._empty:
            self._empty = empty
            self._show_blank()

    def refresh(self) -> None:
        """Show what is known now."""
        one = self._inspection
        reading = one.reading
        self._bar.setVisible(reading)
        self._stop.setVisible(reading)
        self._again.setVisible(not reading)
        if one.progress is not None:
            self._bar.setRange(0, max(1, one.progress[1]))
            self._bar.setValue(one.progress[0])
        self._set_ranges()
        self._show_blank()
        if one.samples or one.shown is not None:
            self._show_norms()
        self._show_matrix()

    # Qt

    def resizeEvent(self, event: object) -> None:  # noqa: N802 (Qt's name)
        narrow = self.width() < _NARROW_PX
        direction = QBoxLayout.Direction
        self._body.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)

    # inside

    def _arrange(self) -> None:
        theme = self._theme
        self.matrix.square = True
        self.matrix.setMinimumHeight(_MATRIX_PX)
        self.matrix.setMaximumHeight(3 * _MATRIX_PX)
        for one in (self.layers, self.heads):
            one.setMaximumHeight(_MATRIX_PX)
        self.compare.setCheckable(True)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(120)
        self._layer.setAccessibleName(tr("Layer"))
        self._head.setAccessibleName(tr("Head"))
        head = Flow(theme.space("s"))
        for parts in ((label(tr("Layer"), "small"), self._layer), (self._head_name, self._head)):
            head.addWidget(_row(theme.space("xs"), *parts))
        for part in (self.compare, self._again, self._stop, self._bar):
            head.addWidget(part)
        norms = QVBoxLayout()
        norms.setSpacing(theme.space("m"))
        norms.addWidget(self.layers, 1)
        norms.addWidget(self.heads, 1)
        norms.addStretch(0)
        self._body.setSpacing(theme.space("l"))
        self._body.addLayout(norms, 1)
        right = QVBoxLayout()
        right.addWidget(self.matrix, 1)
        right.addStretch(0)
        self._body.addLayout(right, 1)
        body = QWidget()
        column = QVBoxLayout(body)
        space = theme.space("l")
        column.setContentsMargins(space, theme.space("s"), space, theme.space("s"))
        column.setSpacing(theme.space("s"))
        pictures = QWidget()
        pictures.setLayout(self._body)
        self._body.setContentsMargins(0, 0, 0, 0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(pictures)
        column.addLayout(head)
        column.addWidget(area, 1)
        column.addWidget(self._told)
        self._stack.addWidget(self._blank)
        self._stack.addWidget(body)
        self.setLayout(self._stack)

    def _connect(self) -> None:
        one = self._inspection
        one.changed.connect(self.refresh)
        one.ended.connect(self.refresh)
        self._layer.valueChanged.connect(self._chose)
        self._head.valueChanged.connect(self._chose)
        self._again.clicked.connect(self.read_wanted)
        self._blank.pressed.connect(self.read_wanted)
        self._stop.clicked.connect(one.stop)
        self.compare.clicked.connect(one.pin)
        self.layers.chosen.connect(self._choose_layer)
        self.heads.chosen.connect(self._choose_head)
        self.layers.pointed.connect(self._tell_norm)
        self.heads.pointed.connect(self._tell_head)
        self.matrix.pointed.connect(self._tell_number)

    def _set_ranges(self) -> None:
        spec = self._inspection.spec
        if spec is None:
            return
        for field, most, value in (
            (self._layer, spec.layers - 1, self._inspection.layer),
            (self._head, max(0, spec.heads - 1), self._inspection.head),
        ):
            field.blockSignals(True)  # noqa: FBT003
            field.setMaximum(most)
            field.setValue(value)
            field.blockSignals(False)  # noqa: FBT003
        for part in (self._head, self._head_name):
            part.setVisible(bool(spec.heads))

    def _show_blank(self) -> None:
        one = self._inspection
        if one.failure is not None:
            words = say(one.failure)
            self._blank.say(words.title, words.sentences, tr("Try again"), picture="alert")
        elif one.samples or one.shown is not None:
            self._stack.setCurrentIndex(1)
            return
        elif one.reading:
            self._blank.say(tr("The text is being read"), "", picture="clock")
        elif self._empty:
            title, words_below = tr("There is no text yet"), tr("Write or paste one first.")
            self._blank.say(title, words_below, picture="edit")
        else:
            words_below = tr("What a model remembers of a text is a few matrices a layer.")
            self._blank.say(
                tr("Look into the state"), words_below, tr("Read the text"), picture="states"
            )
        self._stack.setCurrentIndex(0)

    def _show_norms(self) -> None:
        import numpy as np

        one = self._inspection
        norms = one.norms()  # (S, L, H)
        if not len(norms):
            return
        vectors = one.spec is not None and not one.spec.heads
        known = np.where(norms < 1e29, norms, 0.0).astype(np.float64)
        summed = known[:, :, 0] if vectors else np.sqrt(np.square(known).sum(2))
        self.layers.show_numbers(summed.T)
        words = tr("Vectors of layer {}") if vectors else tr("Norm of each head of layer {}")
        layer = min(one.layer, norms.shape[1] - 1)
        self.heads.show_numbers(known[:, layer].T, title=words.format(one.layer))
        at = self._sample_shown()
        self.layers.mark(one.layer, at)
        self.heads.mark(-1 if vectors else one.head, at)

    def _show_matrix(self) -> None:
        one = self._inspection
        self.compare.setChecked(one.pinned is not None)
        self.compare.setEnabled(one.pinned is not None or one.shown is not None)
        difference = one.difference()
        shown = one.matrix(one.shown) if difference is None else difference
        self.matrix.square = one.spec is None or bool(one.spec.heads)
        self.matrix.show_numbers(shown, signed=True, title=self._matrix_title())
        self._tell_default()

    def _matrix_title(self) -> str:
        one = self._inspection
        if one.shown is None:
            return tr("One head")
        place = tr_n("after {} token", "after {} tokens", one.shown.tokens)
        words = place.format(whole(one.shown.tokens))
        if one.pinned is not None and one.difference() is not None:
            other = tr_n("after {} token", "after {} tokens", one.pinned.tokens)
            less = tr("State {now} less state {before}")
            return less.format(now=words, before=other.format(whole(one.pinned.tokens)))
        return tr("State {place}").format(place=words)

    def _sample_shown(self) -> int:
        one = self._inspection
        if one.shown is None:
            return -1
        tokens = [sample.tokens for sample in one.samples]
        return tokens.index(one.shown.tokens) if one.shown.tokens in tokens else -1

    def _chose(self) -> None:
        self._inspection.choose(self._layer.value(), self._head.value())

    def _choose_layer(self, row: int, column: int) -> None:
        self._inspection.choose(row, self._inspection.head)
        self._choose_place(column)

    def _choose_head(self, row: int, column: int) -> None:
        one = self._inspection
        one.choose(one.layer, row if one.spec is not None and one.spec.heads else 0)
        self._choose_place(column)

    def _choose_place(self, column: int) -> None:
        one = self._inspection
        if column < len(one.samples) and column != self._sample_shown():
            one.look_at(one.samples[column].tokens)

    def _tell_norm(self, row: int, column: int) -> None:
        numbers = self.layers.numbers
        if row < 0 or numbers is None:
            self._tell_default()
            return
        self._tell_one(tr("Layer {row}").format(row=row), column, numbers[row, column])

    def _tell_head(self, row: int, column: int) -> None:
        numbers, spec = self.heads.numbers, self._inspection.spec
        if row < 0 or numbers is None or spec is None:
            self._tell_default()
            return
        names = (tr("numerator"), tr("denominator"), tr("peak"))
        name = tr("head {row}").format(row=row) if spec.heads else names[row]
        words = tr("Layer {layer}, {name}").format(layer=self._inspection.layer, name=name)
        self._tell_one(words, column, numbers[row, column])

    def _tell_one(self, words: str, column: int, norm: float) -> None:
        tokens = self._inspection.samples[column].tokens
        place = tr_n("after {} token", "after {} tokens", tokens).format(whole(tokens))
        told = tr("{what} {place}: norm {norm}")
        self._told.setText(told.format(what=words, place=place, norm=f"{norm:.4g}"))

    def _tell_number(self, row: int, column: int) -> None:
        numbers = self.matrix.numbers
        if row < 0 or numbers is None:
            self._tell_default()
            return
        told = tr("Row {row}, column {column}: {value}")
        self._told.setText(told.format(row=row, column=column, value=f"{numbers[row, column]:.5g}"))

    def _tell_default(self) -> None:
        """The norm of what is shown, and how large a part of it the difference is."""
        one = self._inspection
        shown, difference = one.matrix(one.shown), one.difference()
        if shown is None:
            self._told.setText(tr("Choose a place in a picture to see the numbers there."))
            return
        norm = _norm(shown)
        if difference is None:
            self._told.setText(tr("Norm {norm}").format(norm=f"{norm:.4g}"))
            return
        share = _norm(difference) / norm if norm else math.nan
        words = tr("The difference has the norm {norm}, {share} of the state's own.")
        self._told.setText(
            words.format(norm=f"{_norm(difference):.4g}", share=f"{100 * share:.1f} %")
        )


def _row(gap: int, *parts: QWidget) -> QWidget:
    """Widgets that stay beside each other."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(gap)
    for part in parts:
        row.addWidget(part)
    return made


def _norm(numbers: "NDArray[np.floating[Any]]") -> float:
    import numpy as np

    known = np.where(np.abs(numbers) < 1e29, numbers, 0.0)
    return float(np.sqrt(np.square(known, dtype=np.float64).sum()))
