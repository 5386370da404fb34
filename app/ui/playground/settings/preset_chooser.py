"""Chooses settings by a name: those that come with the program, and a person's own."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.documents.document_records import WritingSettings
from app.ui.state.playground.writing_configuration import WritingConfiguration
from app.ui.state.playground.writing_templates import fitting_preset, presets
from app.ui.state.services import Services
from app.ui.widgets.parts import icon_button

_OWN = "own:"
_LONGEST = 60
_SHORTENS = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class PresetChooser(QWidget):
    """``chosen`` carries the settings to be taken.

    The settings of a document are saved under a name; saving under the same name replaces them.
    """

    chosen = Signal(object)

    def __init__(self, services: Services, controller: WritingConfiguration) -> None:
        super().__init__()
        self._services, self._controller = services, controller
        self.list = QComboBox()
        self.list.setAccessibleName(tr("Preset"))
        self.list.setSizeAdjustPolicy(_SHORTENS)
        self.list.setMinimumContentsLength(8)
        self.save = icon_button("save", tr("Save these settings as a preset"), 16)
        self.remove = icon_button("trash", tr("Delete this preset"), 16)
        self.name = _NameField()
        self.name.setPlaceholderText(tr("Name of the preset; Enter saves it"))
        self.name.setAccessibleName(tr("Name of the preset"))
        self.name.setMaxLength(_LONGEST)
        self.name.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.list, 1)
        row.addWidget(self.remove)
        row.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(services.theme.space("s"))
        column.addLayout(row)
        column.addWidget(self.name)
        self.list.activated.connect(self._choose)
        self.save.clicked.connect(self._ask_name)
        self.remove.clicked.connect(self._remove)
        self.name.returnPressed.connect(self._save)
        self.name.given_up.connect(self._leave_name)
        services.shared.changed.connect(self.show_fitting)
        self.show_fitting()

    def show_fitting(self) -> None:
        """Show which preset the document's settings are, if they are one."""
        settings, own = self._controller.settings, self._services.settings.now.writing_presets
        keys = [one.key for one in presets()] + [_OWN + name for name in own]
        if [self.list.itemData(at) for at in range(self.list.count())] != keys:
            self.list.clear()
            for one in presets():
                self.list.addItem(one.title, one.key)
            for name in own:
                self.list.addItem(name, _OWN + name)
        mine = next((_OWN + name for name, kept in own.items() if kept == settings), None)
        fitting = fitting_preset(settings)
        key = mine or (fitting.key if fitting else None)
        self.list.setCurrentIndex(keys.index(key) if key else -1)
        self.list.setPlaceholderText(tr("As set below"))
        self.remove.setVisible(mine is not None)

    def _choose(self) -> None:
        key = str(self.list.currentData())
        if key.startswith(_OWN):
            kept = self._services.settings.now.writing_presets.get(key.removeprefix(_OWN))
            if kept is not None:
                self.chosen.emit(kept)
            return
        preset = next(one for one in presets() if one.key == key)
        self.chosen.emit(preset.onto(self._controller.settings))

    def _ask_name(self) -> None:
        self.name.setVisible(self.name.isHidden())
        if self.name.isVisible():
            self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _save(self) -> None:
        name = " ".join(self.name.text().split())
        if name:
            self._controller.typed_wanted.emit()
            self._keep(name, self._controller.settings)
        self._leave_name()

    def _leave_name(self) -> None:
        self.name.clear()
        self.name.hide()

    def _remove(self) -> None:
        name = str(self.list.currentData() or "").removeprefix(_OWN)
        own = self._services.settings.now.writing_presets
        kept = own.get(name)
        if kept is None:
            return
        others = {one: settings for one, settings in own.items() if one != name}
        self._services.settings.change(writing_presets=others)
        self.show_fitting()
        words = tr("The preset “{}” was deleted.").format(name)
        self._services.notices.undo(words, lambda: self._keep(name, kept))

    def _keep(self, name: str, settings: WritingSettings) -> None:
        own = self._services.settings.now.writing_presets
        self._services.settings.change(writing_presets={**own, name: settings})
        self.show_fitting()


class _NameField(QLineEdit):
    """``given_up`` with Escape."""

    given_up = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)
