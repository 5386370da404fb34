"""What models remember on the disk: whether, how much, how exactly, where, and clearing it."""

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QMessageBox

from app.messages.translate import tr
from app.messages.units import size
from app.store.paths import Paths
from app.store.states.kept_states import KeptStates, clear, kept_in
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask
from app.ui.widgets.parts import button
from app.ui.widgets.sampling_fields import gigabytes, show_number

from .sections import Section

_GB = 1_000_000_000
_LEAST_GB = 0.1


class StateSettings(Section):
    """Every change holds at once, also for the model that is open."""

    def __init__(self, services: Services, paths: Paths) -> None:
        super().__init__(services.theme, tr("Remembered conversations"))
        self._services, self._folder = services, paths.states
        self._clearing = False
        self.keep_on, self.half = QCheckBox(), QCheckBox()
        self.budget, self.day, self.named = gigabytes(""), gigabytes(""), gigabytes("")
        self.show_folder = button(tr("Show folder"), "folder")
        self.clear = button(tr("Clear"), "trash")
        self._keep_row()
        self._number_rows()
        self._half_row()
        self._folder_row()
        self._named_row()
        services.session.writing_changed.connect(self._show_use)
        self.follow()

    def follow(self) -> None:
        """Show what is in force, whoever changed it."""
        now = self._services.settings.now
        self.keep_on.setChecked(now.keep_states)
        self.half.setChecked(now.state_half)
        show_number(self.budget, now.state_budget / _GB)
        show_number(self.day, now.state_day_limit / _GB)
        show_number(self.named, now.named_states_budget / _GB)
        for control in (self.half, self.budget, self.day):
            control.setEnabled(now.keep_states)
        self._show_use()

    def _keep_row(self) -> None:
        self.keep_on.setProperty("bare", "true")
        self.keep_on.clicked.connect(lambda on: self._change(keep_states=on))
        words = tr(
            "What a model has read and written is kept as its state, and it goes on at once: after "
            "a restart, on another branch, where it was cut off. Otherwise texts are read again."
        )
        self.add(tr("Remember on the disk"), words, self.keep_on)

    def _number_rows(self) -> None:
        for field, name in ((self.budget, "state_budget"), (self.day, "state_day_limit")):
            field.setMinimum(_LEAST_GB)
            field.setSpecialValueText("")
            field.valueChanged.connect(
                lambda value, name=name: self._change(**{name: round(value * _GB)})
            )
        self._held = self.add(tr("Room on the disk"), " ", self.budget)
        self._written = self.add(tr("Written in a day"), " ", self.day)

    def _named_row(self) -> None:
        self.named.setMinimum(_LEAST_GB)
        self.named.setSpecialValueText("")
        self.named.valueChanged.connect(
            lambda value: self._change(named_states_budget=round(value * _GB))
        )
        words = tr("The states of the States page. None of them goes by itself.")
        self.add(tr("Room for named states"), words, self.named)

    def _half_row(self) -> None:
        self.half.setProperty("bare", "true")
        self.half.clicked.connect(lambda on: self._change(state_half=on))
        words = tr(
            "States in 16 bits take half of the room. What goes on from one is nearly the same: "
            "with the guide the likeliest token stayed the same at 608 of 608 places. A seed does "
            "not repeat from it."
        )
        self.add(tr("Save room by rounding"), words, self.half)

    def _folder_row(self) -> None:
        self.show_folder.setAccessibleName(tr("Show the folder of what is remembered"))
        self.clear.setAccessibleName(tr("Clear what is remembered on the disk"))
        self.show_folder.clicked.connect(self._open_folder)
        self.clear.clicked.connect(self._ask_to_clear)
        about = self.add(tr("Where"), str(self._folder), self.show_folder, self.clear)
        about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _show_use(self) -> None:
        kept = kept_in(self._folder)
        self._held.setText(_held_words(kept))
        day = self._services.settings.now.state_day_limit
        words = tr("{} today. Every write wears a drive a little.")
        if kept.written_today + _GB // 50 > day:
            words = tr("{} today: nothing more is written until tomorrow.")
        self._written.setText(words.format(size(kept.written_today)))
        self._held.show()
        self._written.show()
        self.clear.setEnabled(kept.files > 0 and not self._clearing)

    def _open_folder(self) -> None:
        there = self._folder if self._folder.is_dir() else self._folder.parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(there)))

    def _ask_to_clear(self) -> None:
        box = QMessageBox(self)
        box.setObjectName("clear-states")
        box.setText(tr("Clear what is remembered on the disk?"))
        box.setInformativeText(
            tr(
                "No conversation loses a word. The next message in each takes longer, because the "
                "model reads that conversation once more."
            )
        )
        sure = box.addButton(tr("Clear"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        sure.clicked.connect(self._begin_clearing)
        ask(box)

    def _begin_clearing(self) -> None:
        if not self._clearing:
            self._clearing = True
            self._show_use()
            self._services.tasks.start(self._cleared(), after=self._end_clearing)

    async def _cleared(self) -> None:
        await self._services.tasks.thread(clear, self._folder)

    def _end_clearing(self) -> None:
        self._clearing = False
        self._show_use()

    def _change(self, **values: object) -> None:
        self._services.settings.change(**values)
        self.follow()


def _held_words(kept: KeptStates) -> str:
    if not kept.files:
        return tr("Nothing is kept yet. What was not used for long goes first.")
    words = tr("{} now. What was not used for long and is soon read again goes first.")
    return words.format(size(kept.bytes))
