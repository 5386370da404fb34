"""Device and memory: what models run on, how much they may take, and how long they stay."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox

from app.messages.translate import tr
from app.store.settings import MOST_THREADS
from app.system.threads import physical_cores
from app.ui.state.model_opener import ModelOpener
from app.ui.state.services import Services
from app.ui.widgets.parts import button
from app.ui.widgets.sampling_fields import gigabytes, show_number, whole_number

from .sections import Section

_GB = 1_000_000_000
_MOST_MINUTES = 10_080
_WIDEST_PX = 220


class DeviceSettings(Section):
    """Limits, policy, card and threads hold when a model is opened next, which it says."""

    def __init__(self, services: Services, opening: ModelOpener) -> None:
        super().__init__(services.theme, tr("Device and memory"))
        self._services, self._opening = services, opening
        self.policy, self.gpu = QComboBox(), QComboBox()
        self.cpu_limit, self.gpu_limit = gigabytes(""), gigabytes("")
        usual = tr("one a core ({})").format(physical_cores())
        self.threads = whole_number(0, MOST_THREADS, 1, "", usual)
        self.keep = whole_number(0, _MOST_MINUTES, 5, "", tr("never"))
        self.park = QCheckBox()
        self.reopen = button(tr("Reopen now"), "refresh")
        self._policy_row()
        self._device_rows()
        self._limit_rows()
        self._keep_row()
        self._reopen_row()
        services.gpus.changed.connect(self.follow)
        services.planning.changed.connect(self._show_use)
        services.session.changed.connect(self._show_use)
        services.session.writing_changed.connect(self._show_use)
        self.follow()

    def follow(self) -> None:
        """Show what is in force, whoever changed it."""
        now = self._services.settings.now
        self.policy.setCurrentIndex(max(0, self.policy.findData(now.run_policy)))
        self._show_gpus()
        fields = (
            (self.cpu_limit, now.cpu_limit / _GB),
            (self.gpu_limit, now.gpu_limit / _GB),
            (self.threads, now.threads),
            (self.keep, now.keep_minutes),
        )
        for field, value in fields:
            show_number(field, value)
        self.park.setChecked(now.park_model)
        self.park_row.setEnabled(now.keep_minutes > 0)
        self._show_use()

    def _policy_row(self) -> None:
        for name, said in (
            ("quality", tr("Quality")),
            ("balanced", tr("Balanced")),
            ("speed", tr("Speed")),
        ):
            self.policy.addItem(said, name)
        self.policy.activated.connect(lambda: self._keep(run_policy=self.policy.currentData()))
        words = tr(
            "How a model runs where you have chosen nothing for it. Quality takes the most exact "
            "numbers that fit, Balanced the most exact that are no slower than you read, Speed the "
            "quickest."
        )
        self.add(tr("What matters most"), words, self.policy)

    def _device_rows(self) -> None:
        self.gpu.setMaximumWidth(_WIDEST_PX)
        self.gpu.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.gpu.activated.connect(lambda: self._keep(gpu=self.gpu.currentData()))
        self.found = self.add(tr("Graphics card"), tr("Looking for cards…"), self.gpu)
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.threads.valueChanged.connect(lambda count: self._keep(threads=count))
        words = tr("Fewer leave more of the processor to other programs; more are seldom faster.")
        self.add(tr("Threads"), words, self.threads)

    def _limit_rows(self) -> None:
        for field, name in ((self.cpu_limit, "cpu_limit"), (self.gpu_limit, "gpu_limit")):
            field.valueChanged.connect(
                lambda value, name=name: self._keep(**{name: round(value * _GB)})
            )
        words = tr("A model that would take more memory is not run that way.")
        self.add(tr("Most memory for a model"), words, self.cpu_limit)
        words = tr("The same for the memory of the graphics card.")
        self.limit_row = self.part(tr("Most memory on the card"), words, self.gpu_limit)

    def _keep_row(self) -> None:
        self.keep.setSuffix(tr(" min"))
        self.keep.valueChanged.connect(lambda minutes: self._keep(keep_minutes=minutes))
        words = tr(
            "After so many minutes without a message its memory is free for other programs. Your "
            "next message opens it again."
        )
        self.add(tr("Let a model go"), words, self.keep)
        self.park.setProperty("bare", "true")
        self.park.clicked.connect(lambda on: self._keep(park_model=on))
        words = tr(
            "What was let go is back sooner. On the processor its weights stay in memory, and only "
            "the rest is freed. A graphics card is freed wholly; the file stays in memory while no "
            "other program needs the room."
        )
        self.park_row = self.part(tr("Park it in memory"), words, self.park)

    def _reopen_row(self) -> None:
        self.reopen.clicked.connect(self._reopen)
        words = tr("The open model still runs as before. Your choice is used at the next opening.")
        self.reopen_row = self.part(tr("Not in use yet"), words, self.reopen)

    def _show_gpus(self) -> None:
        gpus, chosen = self._services.gpus, self._services.settings.now.gpu
        self.gpu.clear()
        self.gpu.addItem(tr("The best that is there"), "")
        for gpu in gpus.usable:
            self.gpu.addItem(gpu.name, gpu.device)
        self.gpu.addItem(tr("None, the processor only"), "cpu")
        self.gpu.setCurrentIndex(max(0, self.gpu.findData(chosen)))
        self.gpu.setVisible(bool(gpus.usable))
        self.limit_row.setVisible(bool(gpus.usable))
        if gpus.known:
            from app.messages.gpu_status import gpus_in_words  # seldom needed

            self.found.setText(gpus_in_words(gpus.found, gpus.others))

    def _show_use(self) -> None:
        session = self._services.session
        stale = self._services.planning.stale
        self.reopen_row.setVisible(stale)
        self.reopen.setEnabled(not session.writing and session.opening is None)

    def _reopen(self) -> None:
        loaded = self._services.session.loaded
        if loaded is not None:
            self._opening.reopen(Path(loaded.path))

    def _keep(self, **values: object) -> None:
        self._services.settings.change(**values)
        self.park_row.setEnabled(self._services.settings.now.keep_minutes > 0)
        self._show_use()
