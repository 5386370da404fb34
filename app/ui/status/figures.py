"""The live figures of the strip as one button: speed, processor, card and memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.messages.translate import tr
from app.messages.units import size, speed
from app.runtime.planning.strategy import understood
from app.system.gpus import Gpu
from app.ui.look.theme import Theme
from app.ui.state.status.readings import Sample
from app.ui.widgets.parts import label

from .gauges import Level, Sparkline

_SPEED_PX = 72  # at least
_EDGE = 8


@dataclass(frozen=True)
class Said:
    """The words for one sample; "" where there is nothing to say.

    ``engine`` is ``memory`` with what the worker takes.
    """

    cpu: str = ""
    gpu: str = ""
    memory: str = ""
    engine: str = ""

    @property
    def choices(self) -> tuple[tuple[str, str, str], ...]:
        """Processor, card and memory, each time with less: what matters most stays longest."""
        whole = (self.cpu, self.gpu, self.engine)
        short = (self.cpu, self.gpu, self.memory)
        return (whole, short, ("", self.gpu, self.memory), ("", "", self.memory), ("", "", ""))


def words_for(sample: Sample, gpu: Gpu | None) -> Said:
    """What the figures say; ``gpu`` is the card to tell of."""
    now = sample.memory
    text = tr("Memory {} of {}").format(size(now.used_bytes), size(now.total_bytes))
    taken = now.worker_bytes
    return Said(
        cpu=tr("CPU {} %").format(round(sample.cpu * 100)),
        gpu=_of_gpu(gpu) if gpu is not None else "",
        memory=text,
        engine=tr("Engine {} · {}").format(size(taken), text) if taken else text,
    )


def gpu_shown(strategy: str, gpus: Sequence[Gpu]) -> Gpu | None:
    """The card on which the model runs, else the first."""
    way = understood(strategy)
    own = [gpu for gpu in gpus if way is not None and gpu.device == way.device]
    return next(iter([*own, *gpus]), None)


def _of_gpu(gpu: Gpu) -> str:
    used = size(gpu.total_bytes - gpu.free_bytes)
    text = tr("GPU {} of {}").format(used, size(gpu.total_bytes))
    return text if gpu.load is None else tr("{} · {} %").format(text, round(gpu.load * 100))


class Figures(QPushButton):
    """Shows what it is told in as much room as it gets; pressed it leads to the Status page."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "pill")
        self.setToolTip(tr("Show the history, and measure models"))
        self._theme = theme
        self._said, self._writing = Said(), False
        self.spark, self.speed = Sparkline(theme), label("")
        self.levels = [Level(theme) for _ in range(3)]
        self.words = [label("") for _ in range(3)]
        self.speed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(_EDGE, 0, _EDGE, 0)
        row.setSpacing(theme.space("s"))
        row.addWidget(self.spark)
        row.addWidget(self.speed)
        for level, words in zip(self.levels, self.words, strict=True):
            row.addWidget(level)
            row.addWidget(words)
        for part in self.findChildren(QWidget):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.show_writing(writing=False)
        self._name_it()

    def show_writing(self, *, writing: bool) -> None:
        """A text is being written, or none is any more: the last speeds are forgotten."""
        self._writing = writing
        self.spark.clear()
        self.speed.clear()
        for part in (self.spark, self.speed):
            part.setVisible(writing)

    def show_sample(self, sample: Sample, gpu: Gpu | None) -> bool:
        """Show one; whether words have changed, so that they may need other room."""
        if sample.tokens_per_s is not None:
            self.spark.add(sample.tokens_per_s)
            self.speed.setText(speed(sample.tokens_per_s))
        memory, whole = sample.memory, sample.memory.total_bytes
        taken = 1 - gpu.free_bytes / max(1, gpu.total_bytes) if gpu is not None else 0.0
        shares = (
            (0.0, sample.cpu),
            (0.0, taken),
            (memory.worker_bytes / whole, memory.used_bytes / whole),
        )
        for level, (ours, used) in zip(self.levels, shares, strict=True):
            level.show_shares(ours, used)
        before, self._said = self._said, words_for(sample, gpu)
        self._name_it()
        return before != self._said

    def fit(self, room: int) -> int:
        """Show as much as there is room for; how wide that is."""
        choice = next((one for one in self._said.choices if self._width_of(one) <= room), None)
        shown = choice or self._said.choices[-1]
        for text, level, words in zip(shown, self.levels, self.words, strict=True):
            words.setText(text)
            words.setVisible(bool(text))
            level.setVisible(bool(text))
        self.setVisible(self._writing or any(shown))
        self.updateGeometry()
        return self._width_of(shown)

    @property
    def words_px(self) -> int:
        """The height of its words."""
        return max(part.sizeHint().height() for part in (self.speed, *self.words))

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.layout().totalSizeHint()  # type: ignore[union-attr]

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.layout().totalMinimumSize()  # type: ignore[union-attr]

    def _width_of(self, texts: Sequence[str]) -> int:
        gap, letters = self._theme.space("s"), self.words[0].fontMetrics()
        level = self.levels[0].width()
        shown = [text for text in texts if text]
        width = sum(letters.horizontalAdvance(text) + level + 2 * gap for text in shown)
        if self._writing:
            fastest = letters.horizontalAdvance(speed(8888.8))
            width += self.spark.width() + max(fastest, _SPEED_PX) + 2 * gap
        return width + 2 * _EDGE if width else 0

    def _name_it(self) -> None:
        told = (self.speed.text(), self._said.cpu, self._said.gpu, self._said.engine)
        name = tr("Status: {}").format(" · ".join(filter(None, told)))
        if name != self.accessibleName():
            self.setAccessibleName(name)
