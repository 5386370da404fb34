"""The machine as bars: one a device, with what takes its memory, each part named below it."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.messages.units import size
from app.ui.look.theme import Theme
from app.ui.state.run.device_use import DeviceUse, Kind, Use
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.parts import Elided, label

_HIGH, _DOT = 10, 9
_LEAST_PX = 2  # of a part that is there, however small
ROLES: dict[Kind, str] = {
    "weights": "part-weights",
    "state": "part-state",
    "workspace": "part-workspace",
    "base": "part-engine",
    "others": "part-others",
    "free": "line",
}


class DeviceBars(QWidget):
    """Shows what is handed to it; a screen reader reads each device as one sentence."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[DeviceBar] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.space("m"))

    @property
    def rows(self) -> tuple["DeviceBar", ...]:
        """Those that are shown, from the top."""
        return tuple(self._rows)

    def show_devices(self, devices: Sequence[DeviceUse]) -> None:
        """One row a device; rows that are there are used again."""
        while len(self._rows) > len(devices):
            row = self._rows.pop()
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self._rows) < len(devices):
            row = DeviceBar(self._theme)
            self._rows.append(row)
            self._column.addWidget(row)
        for row, device in zip(self._rows, devices, strict=True):
            row.show_device(device)


class DeviceBar(QWidget):
    """Name and facts, the bar, and its parts in words."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._facts = Elided("", "strong"), label("", "small", wrap=True)
        self._used = label("", "small")
        self._bar = _Bar(theme)
        self._parts = QWidget()
        self._flow = Flow(theme.space("s"), self._parts)
        self._entries = [_Entry(theme, kind) for kind in ROLES]
        for entry in self._entries:
            self._flow.addWidget(entry)
        head = QHBoxLayout()
        head.setSpacing(theme.space("m"))
        head.addWidget(self._name, 1)
        head.addWidget(self._used)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("xs"))
        column.addLayout(head)
        column.addWidget(self._facts)
        column.addWidget(self._bar)
        column.addWidget(self._parts)

    def show_device(self, device: DeviceUse) -> None:
        """Another device, or other numbers of it."""
        used = tr("{} of {} used").format(size(device.used_bytes), size(device.total_bytes))
        self._name.setText(device.name)
        self._facts.setText(device.facts)
        self._facts.setVisible(bool(device.facts))
        self._used.setText(over_words(device) or used)
        kind = "bad" if device.over_bytes else "small"
        if self._used.property("kind") != kind:
            self._used.setProperty("kind", kind)
            self._used.style().polish(self._used)
        self._bar.show_uses(device.uses, device.total_bytes)
        there = {use.kind: use.bytes for use in device.uses}
        for entry in self._entries:
            entry.show_bytes(there.get(entry.kind, 0))
        said = [f"{kind_words(use.kind)}: {size(use.bytes)}" for use in device.uses]
        self.setAccessibleName(f"{device.name}. {self._used.text()}. {', '.join(said)}")


class _Bar(QWidget):
    """The parts side by side, of the whole memory or of all that is wanted if that is more."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._uses: Sequence[Use] = ()
        self._total = 1
        self.setFixedHeight(_HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_uses(self, uses: Sequence[Use], total_bytes: int) -> None:
        if (uses, total_bytes) != (self._uses, self._total):
            self._uses, self._total = uses, max(1, total_bytes)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        whole = max(self._total, sum(use.bytes for use in self._uses))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), _HIGH / 2, _HIGH / 2)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), self._theme.color("line"))
        left = 0.0
        for use in self._uses:
            wide = max(_LEAST_PX, self.width() * use.bytes / whole)
            painter.fillRect(QRectF(left, 0, wide, _HIGH), self._theme.color(ROLES[use.kind]))
            left += wide
        if whole > self._total:  # where the memory ends
            painter.setPen(QPen(self._theme.color("bad"), 2))
            end = round(self.width() * self._total / whole)
            painter.drawLine(end, 0, end, _HIGH)
        painter.end()


class _Entry(QWidget):
    """A square in the colour of a part, its name and its bytes."""

    def __init__(self, theme: Theme, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._words = label("", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(_Square(theme, ROLES[kind]), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._words)

    def show_bytes(self, count: int) -> None:
        self.setVisible(count > 0)
        self._words.setText(f"{kind_words(self.kind)} {size(count)}")


class _Square(QWidget):
    def __init__(self, theme: Theme, role: str) -> None:
        super().__init__()
        self._theme, self._role = theme, role
        self.setFixedSize(QSize(_DOT, _DOT))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("edge"), 1) if self._role == "line" else _NONE)
        painter.setBrush(self._theme.color(self._role))
        painter.drawRoundedRect(QRectF(0.5, 0.5, _DOT - 1, _DOT - 1), 2, 2)
        painter.end()


_NONE = QPen(Qt.PenStyle.NoPen)


def kind_words(kind: Kind) -> str:
    """What a part of a bar is called."""
    return {
        "weights": tr("Weights"),
        "state": tr("Memory of the text"),
        "workspace": tr("Room to compute"),
        "base": tr("Engine"),
        "others": tr("Other programs"),
        "free": tr("Free"),
    }[kind]


def over_words(device: DeviceUse) -> str:
    """By how much it does not fit; "" where it does."""
    if not device.over_bytes:
        return ""
    if device.used_bytes <= device.total_bytes:
        return tr("{} more than you allow").format(size(device.over_bytes))
    return tr("{} more than there is").format(size(device.over_bytes))
