"""How many layers stay on the card, by a slider, and whether the others are streamed."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.run.run_state import RunState
from app.ui.widgets.parts import label

_PAGES = 8
_LEAST_PX, _HIGH_PX = 120, 24  # the handle is higher than the style says


class LayerSlider:
    """Two rows of the advanced part: each has a name, and a field that calls the state's verbs."""

    def __init__(self, theme: Theme, state: RunState) -> None:
        self._state = state
        self.name, self.streaming_name = label("", "dim"), label(tr("Streaming"), "dim")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.setMinimumSize(_LEAST_PX, _HIGH_PX)
        self.count = label("", "small")
        self.streaming = QCheckBox(tr("Bring the other layers for each token"))
        self.streaming.setToolTip(
            tr("Runs what does not fit: to a card they come from memory, else from the disk")
        )
        self.field = QWidget()
        row = QHBoxLayout(self.field)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space("s"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.count)
        self.slider.valueChanged.connect(state.stay)
        self.streaming.clicked.connect(state.stream)

    @property
    def rows(self) -> tuple[tuple[QLabel, QWidget], ...]:
        """Names and fields."""
        return (self.name, self.field), (self.streaming_name, self.streaming)

    def show_state(self) -> None:
        """Refresh from the state; without a card and a stream there is nothing to slide."""
        share, ground = self._state.share, self._state.ground
        layers = ground.layers if ground is not None else 0
        for part in (self.name, self.field):
            part.setVisible(share.possible)
        said = tr("Layers in memory") if share.of_memory else tr("Layers on the card")
        if ground is not None and len(ground.machine.gpus) > 1 and not share.of_memory:
            said = tr("Layers on the cards")
        self.name.setText(said)
        blocked = QSignalBlocker(self.slider)
        self.slider.setRange(0, layers)
        self.slider.setPageStep(max(1, layers // _PAGES))
        self.slider.setValue(share.staying)
        blocked.unblock()
        told = tr("{} of {}").format(share.staying, layers)
        self.count.setText(told)
        self.count.setMinimumWidth(self._widest(layers))
        self.slider.setAccessibleName(said)
        self.slider.setAccessibleDescription(told)
        self.streaming.setChecked(share.streams)

    def _widest(self, layers: int) -> int:
        """So that the slider keeps its length while it moves."""
        return self.count.fontMetrics().horizontalAdvance(tr("{} of {}").format(layers, layers)) + 2
