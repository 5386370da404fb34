"""Which layers lie where, in which numbers: one row for each run of layers."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.planning.segments import Place, Residency
from app.ui.look.theme import Theme
from app.ui.state.run.layer_runs import Arrangement, Ground
from app.ui.state.run.run_state import RunState
from app.ui.state.run.run_words import device_names
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.sampling_fields import show_number, whole_number

from .combo_rows import fill, format_rows

_MOST_LAYERS = 1 << 20


class LayerRanges(QWidget):
    """Shows the arrangement of a RunState; each change is written as a strategy."""

    def __init__(self, theme: Theme, state: RunState) -> None:
        super().__init__()
        self._theme, self._state = theme, state
        self.rows: list[RangeRow] = []
        self.add = button(tr("Another range"), "plus", role="link")
        self.add.clicked.connect(self._add)
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.space("s"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("s"))
        column.addWidget(label(tr("Layer by layer"), "dim"))
        column.addLayout(self._column)
        column.addWidget(self.add)

    def show_state(self) -> None:
        """Refresh from the state."""
        now, ground = self._state.arrangement, self._state.ground
        self.setVisible(now is not None)
        if now is None or ground is None:
            return
        while len(self.rows) < len(now.runs):
            self._add_row()
        for at, row in enumerate(self.rows):
            row.setVisible(at < len(now.runs))
            if at < len(now.runs):
                row.show_run(now, ground)
        self.add.setEnabled(any(run.layers > 1 for run in now.runs))

    def _add_row(self) -> None:
        row = RangeRow(self._theme, len(self.rows))
        row.ended.connect(lambda last: self._change(lambda now: now.ending(row.at, last)))
        row.placed.connect(lambda place: self._change(lambda now: now.placed(row.at, place)))
        row.remove.clicked.connect(lambda: self._change(lambda now: now.without(row.at)))
        self.rows.append(row)
        self._column.addWidget(row)

    def _add(self) -> None:
        """The longest run is parted; its second half gets the next numbers."""
        now, ground = self._state.arrangement, self._state.ground
        if now is None or ground is None:
            return
        at = max(range(len(now.runs)), key=lambda one: now.runs[one].layers)
        place = now.runs[at].place
        formats = ground.formats(place.device)
        form = formats[(formats.index(place.format) + 1) % len(formats)]
        other = Place("cpu", place.format) if form == place.format else Place(place.device, form)
        if other != place:
            self._state.write(now.parted(at, other).text)

    def _change(self, changed: Callable[[Arrangement], Arrangement]) -> None:
        now = self._state.arrangement
        if now is not None:
            self._state.write(changed(now).text)


class RangeRow(QWidget):
    """``ended`` carries another last layer, counted from 1, ``placed`` another Place."""

    ended = Signal(int)
    placed = Signal(object)

    def __init__(self, theme: Theme, at: int) -> None:
        super().__init__()
        self.at = at
        number = at + 1
        self.first = label("")
        self.last = whole_number(1, _MOST_LAYERS, 1, tr("Last layer of range {}").format(number))
        self.place, self.numbers = QComboBox(), QComboBox()
        self.place.setAccessibleName(tr("Device of range {}").format(number))
        self.numbers.setAccessibleName(tr("Numbers of range {}").format(number))
        self.remove = icon_button("close", tr("Remove range {}").format(number), 14)
        fields = QWidget()
        self._flow = Flow(theme.space("s"), fields)
        for part in (self.first, self.last, self.place, self.numbers):
            self._flow.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space("xs"))
        row.addWidget(fields, 1)
        row.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        for box in (self.place, self.numbers):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(self._choose)
        self.last.valueChanged.connect(self.ended)

    def show_run(self, now: Arrangement, ground: Ground) -> None:
        """Its own of these runs."""
        run, end = now.runs[self.at], self.at == len(now.runs) - 1
        first = now.last_of(self.at) - run.layers + 1
        self.first.setText(tr("Layers {} to").format(first))
        widest = tr("Layers {} to").format(ground.layers)  # so that the fields stand in columns
        self.first.setMinimumWidth(self.first.fontMetrics().horizontalAdvance(widest) + 2)
        show_number(self.last, now.last_of(self.at))
        self.last.setEnabled(not end)
        fill(self.place, _places(ground), _said(run.place))
        fill(self.numbers, format_rows(ground.formats(run.place.device)), run.place.format)
        self.remove.setVisible(len(now.runs) > 1)
        self._flow.invalidate()

    def _choose(self) -> None:
        device, _, way = str(self.place.currentData()).partition(" ")
        residency: Residency = "resident"
        if way:
            residency = "mapped" if device == "cpu" else "streamed"
        self.placed.emit(Place(device, str(self.numbers.currentData()), residency))


def _places(ground: Ground) -> list[tuple[str, str]]:
    """Each device twice: layers stay there, or come there for each token."""
    rows = []
    for device, name in device_names(ground.machine).items():
        rows += [(name, device), (tr("{}, streamed").format(name), f"{device} streamed")]
    return rows


def _said(place: Place) -> str:
    return place.device if place.residency == "resident" else f"{place.device} streamed"
