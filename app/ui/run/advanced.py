"""What folds out of the dialog: device, numbers, layers, threads, limits, the strategy as text."""

from collections.abc import Sequence

from PySide6.QtGui import QInputMethodEvent, QTextCharFormat
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.errors import StrategyError
from app.messages.translate import tr
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import Plan
from app.runtime.planning.strategy import Strategy, parse
from app.store.settings import MOST_THREADS
from app.system.threads import physical_cores
from app.ui.look.theme import Theme
from app.ui.state.run.run_planning import ModelPlans, Wishes
from app.ui.state.run.run_state import RunState
from app.ui.state.run.run_words import device_names
from app.ui.state.run.typed_strategy import WrongPart
from app.ui.widgets.parts import label
from app.ui.widgets.sampling_fields import gigabytes, show_number, whole_number

from .combo_rows import fill, format_rows
from .layer_ranges import LayerRanges
from .layer_slider import LayerSlider

_GB = 1_000_000_000


class Advanced(QWidget):
    """Shows a RunState and calls its verbs; either of text and fields follows the other."""

    def __init__(self, theme: Theme, state: RunState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._state = theme, state
        self.device, self.numbers = QComboBox(), QComboBox()
        self.layers, self.ranges = LayerSlider(theme, state), LayerRanges(theme, state)
        self.text = StrategyEdit(theme)
        self.wrong = label("", "bad", wrap=True)
        usual = tr("one a core ({})").format(physical_cores())
        self.threads = whole_number(0, MOST_THREADS, 1, tr("Threads"), usual)
        self.cpu_limit = gigabytes(tr("Most memory of this computer"))
        self.gpu_limit = gigabytes(tr("Most memory of a graphics card"))
        self._gpu_limit_name = label(tr("Limit of a card"), "dim")
        self.placement = label("", "small", wrap=True)
        self._placement_name = label(tr("What is loaded where"), "dim")
        self._arrange()
        self.device.activated.connect(self._pick_device)
        self.numbers.activated.connect(self._pick_numbers)
        self.text.textEdited.connect(state.write)
        self.threads.valueChanged.connect(lambda count: state.wish(threads=count))
        for field in (self.cpu_limit, self.gpu_limit):
            field.valueChanged.connect(self._limit)

    def show_state(self) -> None:
        """Refresh from the state; what is being typed stays."""
        plans, state = self._state.plans, self._state
        self.setEnabled(plans is not None and not state.loading)
        if plans is None:
            return
        self._offer(plans, state.plan)
        if self.text.text() != state.text and not (state.wrong and self.text.hasFocus()):
            self._write(state.text)
        self.text.mark(state.wrong)
        self.wrong.setText(state.wrong.words if state.wrong else "")
        self.wrong.setVisible(state.wrong is not None)
        self.layers.show_state()
        self.ranges.show_state()
        self.placement.setText("\n".join(state.placement))
        for part in (self._placement_name, self.placement):
            part.setVisible(bool(state.placement))
        self._show_wishes(state.wishes, has_gpu=bool(plans.machine.gpus))

    def _write(self, text: str) -> None:
        """The canonical spelling waits while the person is typing another one that means it."""
        if self.text.hasFocus() and _means(self.text.text(), text):
            return
        self.text.setText(text)

    def _offer(self, plans: ModelPlans, plan: Plan | None) -> None:
        names = device_names(plans.machine)
        ways = _wholes(plans)
        chosen = plan.strategy if plan is not None else None
        split = chosen is not None and not chosen.whole
        device = chosen.device if chosen else str(self.device.currentData() or "cpu")
        devices = list(dict.fromkeys(way.device for way in ways))
        rows = [(names.get(one, one), one) for one in devices]
        fill(self.device, rows, None if split else device)
        formats = [way.format for way in ways if way.device == device]
        form = chosen.format if chosen else str(self.numbers.currentData() or "")
        fill(self.numbers, format_rows(formats), None if split else form)

    def _show_wishes(self, wishes: Wishes, *, has_gpu: bool) -> None:
        limits = wishes.limits
        for part in (self.gpu_limit, self._gpu_limit_name):
            part.setVisible(has_gpu)
        for field, value in (
            (self.threads, wishes.threads),
            (self.cpu_limit, (limits.cpu_bytes or 0) / _GB),
            (self.gpu_limit, (limits.gpu_bytes or 0) / _GB),
        ):
            show_number(field, value)

    def _pick_device(self) -> None:
        """The same numbers there, else the first that run there."""
        device, form = self.device.currentData(), self.numbers.currentData()
        plans = self._state.plans
        ways = _wholes(plans) if plans else []
        there = [way for way in ways if way.device == device]
        same = next((way for way in there if way.format == form), there[0] if there else None)
        if same is not None:
            self._state.choose(same.text)

    def _pick_numbers(self) -> None:
        """On the device that is chosen, of a split model on that of its first layers."""
        plan = self._state.plan
        device = self.device.currentData() or (plan.strategy.device if plan else "cpu")
        self._state.choose(f"{device} {self.numbers.currentData()}")

    def _limit(self) -> None:
        cpu, gpu = (round(one.value() * _GB) for one in (self.cpu_limit, self.gpu_limit))
        self._state.wish(limits=Limits(gpu_bytes=gpu or None, cpu_bytes=cpu or None))

    def _arrange(self) -> None:
        space = self._theme.space
        self.text.setAccessibleName(tr("Strategy"))
        self.text.setAccessibleDescription(tr("For example: cpu int8"))
        self.device.setAccessibleName(tr("Device"))
        self.numbers.setAccessibleName(tr("Numbers"))
        for box in (self.device, self.numbers):
            box.setPlaceholderText(tr("split by layers"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(space("m"))
        grid.setVerticalSpacing(space("s"))
        grid.setColumnStretch(1, 1)
        rows: Sequence[tuple[QLabel, QWidget]] = (
            (label(tr("Device"), "dim"), self.device),
            (label(tr("Numbers"), "dim"), self.numbers),
            *self.layers.rows,
            (label(tr("Threads"), "dim"), self.threads),
            (label(tr("Memory limit"), "dim"), self.cpu_limit),
            (self._gpu_limit_name, self.gpu_limit),
            (label(tr("Strategy"), "dim"), self.text),
        )
        for at, (name, field) in enumerate(rows):
            grid.addWidget(name, at, 0)
            grid.addWidget(field, at, 1)
        grid.addWidget(self.wrong, len(rows), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("s"))
        column.addLayout(grid)
        column.addWidget(self.ranges)
        column.addWidget(self._placement_name)
        column.addWidget(self.placement)
        words = tr("Threads and limits hold for every model that is opened from then on.")
        column.addWidget(label(words, "small", wrap=True))


class StrategyEdit(QLineEdit):
    """A line in which the part that is wrong has a red line below it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFont(theme.font("mono"))
        self.marked: tuple[int, int] | None = None

    def mark(self, wrong: WrongPart | None) -> None:
        """Mark this part, or none."""
        self.marked = (wrong.position, wrong.length) if wrong is not None else None
        spans = []
        if wrong is not None:
            look = QTextCharFormat()
            look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SpellCheckUnderline)
            look.setUnderlineColor(self._theme.color("bad"))
            look.setForeground(self._theme.color("bad"))
            kind = QInputMethodEvent.AttributeType.TextFormat
            start = wrong.position - self.cursorPosition()
            spans.append(QInputMethodEvent.Attribute(kind, start, wrong.length, look))
        QApplication.sendEvent(self, QInputMethodEvent("", spans))


def _wholes(plans: ModelPlans) -> list[Strategy]:
    """What can be chosen by device and numbers alone."""
    ways = (one.strategy for one in plans.planned.candidates)
    return [way for way in ways if way.whole]


def _means(typed: str, canonical: str) -> bool:
    """Whether what was typed is another spelling of a strategy."""
    try:
        return parse(typed).text == canonical
    except StrategyError:
        return False
