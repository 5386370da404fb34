"""Chooses a persona for the conversation, saves its settings as one, and deletes one."""

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.chat_defaults import settings_of
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.persona_list import PersonaList
from app.ui.state.services import Services
from app.ui.widgets.parts import icon_button

_LONGEST = 60
_SHORTENS = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class PersonaChooser(QWidget):
    """Saving under a name that is there replaces what has it; all of it can be undone."""

    def __init__(
        self, services: Services, controller: ConversationController, personas: PersonaList
    ) -> None:
        super().__init__()
        self._services, self._controller, self._personas = services, controller, personas
        self.list = QComboBox()
        self.list.setAccessibleName(tr("Persona"))
        self.list.setSizeAdjustPolicy(_SHORTENS)
        self.list.setMinimumContentsLength(8)
        self.save = icon_button("save", tr("Save these settings as a persona"), 16)
        self.remove = icon_button("trash", tr("Delete this persona"), 16)
        self.name = _NameField()
        self.name.setPlaceholderText(tr("Name of the persona; Enter saves it"))
        self.name.setAccessibleName(tr("Name of the persona"))
        self.name.setMaxLength(_LONGEST)
        self.name.hide()
        self._arrange()
        self.list.activated.connect(self._choose)
        self.save.clicked.connect(self._ask_name)
        self.remove.clicked.connect(self._remove)
        self.name.returnPressed.connect(self._save)
        self.name.given_up.connect(self._leave_name)
        personas.changed.connect(self.show_fitting)
        controller.configured.connect(self.show_fitting)
        self.show_fitting()

    def show_fitting(self) -> None:
        """Show which persona the conversation's settings are of, if they are one's."""
        idents = [one.id for one in self._personas.all]
        if [self.list.itemData(at) for at in range(self.list.count())] != ["", *idents]:
            self.list.clear()
            self.list.addItem(tr("None: the defaults"), "")
        for at, one in enumerate(self._personas.all, 1):
            if at < self.list.count():
                self.list.setItemText(at, one.name)
            else:
                self.list.addItem(one.name, one.id)
        mine = self._personas.of(self._controller.conversation)
        plain = settings_of(self._controller.conversation) == self._controller.defaults
        at = self.list.findData(mine.id) if mine else 0 if plain else -1
        self.list.setCurrentIndex(at)
        self.list.setPlaceholderText(tr("As set below"))
        self.remove.setVisible(mine is not None)

    def _choose(self) -> None:
        ident, controller = str(self.list.currentData()), self._controller
        chosen = next((one for one in self._personas.all if one.id == ident), None)
        controller.typed_wanted.emit()
        before, shown = settings_of(controller.conversation), controller.conversation.id
        after = chosen.settings if chosen else controller.defaults
        if after == before:
            return
        controller.configure(**msgspec.structs.asdict(after))
        words = tr("The conversation has the default settings again.")
        if chosen:
            words = tr("The conversation has the settings of “{}”.").format(chosen.name)

        def back() -> None:
            if controller.conversation.id == shown:
                controller.configure(**msgspec.structs.asdict(before))

        self._services.notices.undo(words, back)

    def _ask_name(self) -> None:
        self.name.setVisible(self.name.isHidden())
        if self.name.isVisible():
            mine = self._personas.of(self._controller.conversation)
            self.name.setText(mine.name if mine else "")
            self.name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _save(self) -> None:
        name = " ".join(self.name.text().split())
        if name:
            self._controller.typed_wanted.emit()
            before = self._personas.named(name)
            made = self._personas.save(name, self._controller.conversation)
            self._controller.choose_options(persona=made.id)
            if before is not None and before.settings != made.settings:
                words = tr("The persona “{}” has these settings now.").format(name)
                self._services.notices.undo(words, lambda: self._personas.keep(before))
        self._leave_name()

    def _leave_name(self) -> None:
        self.name.clear()
        self.name.hide()

    def _remove(self) -> None:
        mine = self._personas.of(self._controller.conversation)
        if mine is not None:
            self._personas.remove(mine)
            words = tr("The persona “{}” was deleted.").format(mine.name)
            self._services.notices.undo(words, lambda: self._personas.keep(mine))

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.list, 1)
        row.addWidget(self.remove)
        row.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self._services.theme.space("s"))
        column.addLayout(row)
        column.addWidget(self.name)


class _NameField(QLineEdit):
    """``given_up`` with Escape."""

    given_up = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)
