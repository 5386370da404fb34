"""Fields for numbers, those of the sampling above all; knows no conversation."""

from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QEvent, QSignalBlocker, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.protocol.prompts import Sampling
from app.ui.widgets.parts import icon_button, label

_WIDTH, _AROUND = 104, 52  # at least; around the digits of a field
_TEXT_PX = 6
_MAX_SEED = 2**31 - 1
_MOST_GB = 4096.0


@dataclass(frozen=True)
class _Number:
    """One field: its name in Sampling, its label, its range and what it does."""

    name: str
    label: str
    most: float
    step: float
    decimals: int
    tip: str


def _numbers() -> tuple[_Number, ...]:
    return (
        _Number(
            "temperature",
            tr("Temperature"),
            5.0,
            0.05,
            2,
            tr("How much chance there is: 0 always takes the likeliest token."),
        ),
        _Number(
            "top_p",
            tr("Top-p"),
            1.0,
            0.05,
            2,
            tr("Keep only the likeliest tokens that together have this probability."),
        ),
        _Number(
            "top_k", tr("Top-k"), 1000, 1, 0, tr("Keep only so many likeliest tokens; 0: all.")
        ),
        _Number(
            "min_p",
            tr("Min-p"),
            1.0,
            0.01,
            2,
            tr("Drop tokens less likely than this share of the likeliest one; 0: none."),
        ),
        _Number(
            "presence",
            tr("Presence penalty"),
            5.0,
            0.1,
            2,
            tr("Makes every token that was already written less likely."),
        ),
        _Number(
            "frequency",
            tr("Frequency penalty"),
            5.0,
            0.1,
            2,
            tr("Makes a token less likely each time it is written."),
        ),
        _Number(
            "decay",
            tr("Penalty decay"),
            1.0,
            0.001,
            3,
            tr("How much of the penalties is left after each further token."),
        ),
    )


class SamplingFields(QWidget):
    """``changed`` carries a Sampling when the person has changed one of its numbers.

    ``seed``: whether that is asked for as well.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, seed: bool = True) -> None:
        super().__init__(parent)
        self._shown = Sampling()
        self._fields: dict[str, QDoubleSpinBox | QSpinBox] = {}
        form = QVBoxLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(8)
        for number in _numbers():
            field = _field(number)
            field.valueChanged.connect(self._changed)
            self._fields[number.name] = field
            _add(form, number.label, field, number.tip)
        self._seed = whole_number(-1, _MAX_SEED, 1, tr("Seed"))
        self._seed.setSpecialValueText(tr("random"))
        self._seed.valueChanged.connect(self._changed)
        dice = icon_button("dice", tr("A new random seed for every reply"), 16)
        dice.clicked.connect(lambda: self._seed.setValue(-1))
        pair = QHBoxLayout()
        pair.setSpacing(2)
        pair.addWidget(dice)
        pair.addWidget(self._seed)
        if seed:
            tip = tr("The same seed and the same words give the same reply.")
            _add(form, tr("Seed"), pair, tip)

    @property
    def sampling(self) -> Sampling:
        """The numbers that are shown."""
        return self._shown

    def show_sampling(self, sampling: Sampling) -> None:
        """Show these numbers; asks for nothing."""
        self._shown = sampling
        for name, field in self._fields.items():
            show_number(field, getattr(sampling, name))
        show_number(self._seed, -1 if sampling.seed is None else min(sampling.seed, _MAX_SEED))

    def keep_typed(self) -> None:
        """Take over a number that is typed and not yet confirmed."""
        for field in (*self._fields.values(), self._seed):
            field.interpretText()

    def _changed(self) -> None:
        values = {name: field.value() for name, field in self._fields.items()}
        seed = self._seed.value()
        self._shown = msgspec.structs.replace(
            self._shown, **values, seed=None if seed < 0 else seed
        )
        self.changed.emit(self._shown)


class _Double(QDoubleSpinBox):
    """As wide as its letters need, also when they change."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            _widen(self)


class _Spin(QSpinBox):
    """As wide as its letters need, also when they change."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            _widen(self)


def whole_number(least: int, most: int, step: int, name: str, zero: str = "") -> QSpinBox:
    """A field for a whole number; ``zero`` are words for the least one."""
    made = _Spin()
    made.setRange(least, most)
    made.setSpecialValueText(zero)
    made.setSingleStep(step)
    made.setAccessibleName(name)
    made.setKeyboardTracking(False)
    _dress(made)
    return made


def gigabytes(name: str) -> QDoubleSpinBox:
    """A field for a limit of memory in GB; 0 is none."""
    made = _Double()
    made.setDecimals(1)
    made.setRange(0.0, _MOST_GB)
    made.setSingleStep(0.5)
    made.setSuffix(tr(" GB"))
    made.setSpecialValueText(tr("no limit"))
    made.setAccessibleName(name)
    made.setKeyboardTracking(False)
    _dress(made)
    return made


def _field(number: _Number) -> QDoubleSpinBox | QSpinBox:
    if not number.decimals:
        field: QDoubleSpinBox | QSpinBox = whole_number(
            0, int(number.most), int(number.step), number.label
        )
    else:
        field = _Double()
        field.setDecimals(number.decimals)
        field.setRange(0.0, number.most)
        field.setSingleStep(number.step)
        field.setAccessibleName(number.label)
        field.setKeyboardTracking(False)
        _dress(field)
    field.setToolTip(number.tip)
    return field


def show_number(field: QDoubleSpinBox | QSpinBox, value: float) -> None:
    """Show it without a signal; what is being typed stays where nothing else is to be shown."""
    if field.value() == value:
        return
    blocked = QSignalBlocker(field)
    if isinstance(field, QSpinBox):
        field.setValue(int(value))
    else:
        field.setValue(value)
    blocked.unblock()


def _dress(field: QDoubleSpinBox | QSpinBox) -> None:
    """Its inner field has the same name, and stands a little off the edge."""
    field.lineEdit().setTextMargins(_TEXT_PX, 0, 0, 0)
    field.lineEdit().setAccessibleName(field.accessibleName())
    _widen(field)


def _widen(field: QDoubleSpinBox | QSpinBox) -> None:
    """Room for its longest number or word; as wide as the others where that is short."""
    longest = field.locale().toString(field.maximum())
    if isinstance(field, QDoubleSpinBox):
        longest = field.locale().toString(field.maximum(), "f", field.decimals())
    words = (longest + field.suffix(), field.specialValueText())
    wide = max(map(field.fontMetrics().horizontalAdvance, words))
    field.setFixedWidth(max(_WIDTH, wide + _AROUND))


def _add(form: QVBoxLayout, words: str, field: QWidget | QHBoxLayout, tip: str) -> None:
    name = label(words, wrap=True)
    name.setToolTip(tip)
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(name, 1)
    if isinstance(field, QWidget):
        row.addWidget(field)
    else:
        row.addLayout(field)
    form.addLayout(row)
