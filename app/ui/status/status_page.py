"""The Status page: how busy the machine was in the last minutes, and the benchmark."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.paths import Paths
from app.ui.state.commands import Command
from app.ui.state.services import Services
from app.ui.state.status.benchmark import Benchmark
from app.ui.widgets.page import Page
from app.ui.widgets.parts import label

from .benchmark_card import BenchmarkCard
from .history import History

_WIDEST = 960


class StatusPage(Page):
    """The benchmark goes on while another page is in front."""

    def __init__(self, services: Services, paths: Paths) -> None:
        super().__init__()
        self._services = services
        self.benchmark = Benchmark(services, paths, self)
        self.history = History(services)
        self.card = BenchmarkCard(services, self.benchmark)
        self.gpu_note = label("", "small", wrap=True)
        self._arrange()
        services.gpus.changed.connect(self._tell_of_gpus)
        self._tell_of_gpus()

    def arrived(self) -> None:
        self._services.gpus.look()
        super().arrived()

    def take_keyboard(self) -> None:
        self.card.take_keyboard()

    def commands(self) -> Sequence[Command]:
        group = tr("Status page")
        return (
            Command(tr("Begin the benchmark"), self.benchmark.begin, "", "play", group),
            Command(tr("Cancel the benchmark"), self.benchmark.cancel, "", "stop", group),
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        super().showEvent(event)
        self.benchmark.watch()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        super().hideEvent(event)
        self.benchmark.leave()

    def _tell_of_gpus(self) -> None:
        """That there is none on which models run, and why."""
        gpus, words = self._services.gpus, ""
        if gpus.known:
            from app.messages.gpu_status import without_gpu_in_words  # seldom needed

            words = without_gpu_in_words(gpus.found, gpus.others)
        self.gpu_note.setText(words)
        self.gpu_note.setVisible(bool(words))

    def _arrange(self) -> None:
        space = self._services.theme.space
        body = QWidget()
        body.setMaximumWidth(_WIDEST + 2 * space("xl"))
        column = QVBoxLayout(body)
        column.setContentsMargins(space("xl"), space("xl"), space("xl"), space("xl"))
        column.setSpacing(space("m"))
        column.addWidget(label(tr("Status"), "title"))
        column.addWidget(label(tr("The last five minutes"), "section"))
        column.addWidget(self.history)
        column.addWidget(self.gpu_note)
        column.addSpacing(space("m"))
        column.addWidget(label(tr("Benchmark"), "section"))
        column.addWidget(self.card)
        column.addStretch(1)
        across = QWidget()
        middle = QHBoxLayout(across)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addStretch(1)
        middle.addWidget(body, 1000)
        middle.addStretch(1)
        self.scroll_area = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName(tr("Status"))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(across)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(scroll)
