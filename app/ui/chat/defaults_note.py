"""What a conversation has of its own beside the defaults, and the ways from one to the other."""

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.messages.translate import tr
from app.store.chat_defaults import (
    ChatDefaults,
    defaults_in,
    different,
    keep_defaults,
    settings_of,
)
from app.store.records import Conversation
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.services import Services
from app.ui.widgets.parts import button, label


class DefaultsNote(QWidget):
    """Both ways can be undone; ``defaults_wanted`` asks for the place where the defaults are."""

    defaults_wanted = Signal()

    def __init__(
        self,
        services: Services,
        controller: ConversationController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._services, self._controller = services, controller
        self.words = label("", "small", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.use = button(tr("Use for new conversations"), role="link")
        self.back = button(tr("Back to the defaults"), role="link")
        self.change = button(tr("Change the defaults"), role="link")
        self.use.clicked.connect(self._use)
        self.back.clicked.connect(self._back)
        self.change.clicked.connect(self.defaults_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.words)
        for link in (self.use, self.change, self.back):
            column.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        kept = self.back.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # what stands below does not move under the hand
        self.back.setSizePolicy(kept)
        services.theme.changed.connect(self._keep_room)
        self._keep_room()
        self.show_difference()

    def show_difference(self) -> None:
        """Say what is different now."""
        own = different(self._controller.conversation, self._controller.defaults)
        for link in (self.use, self.back):
            link.setVisible(bool(own))
        self.change.setVisible(not own)
        if own:
            names = ", ".join(_names()[name] for name in own)
            words = tr("Of its own: {}. All else is as in the defaults.").format(names)
        else:
            words = tr(
                "As in the defaults. What you change here is for this conversation, "
                "the template for the model as well."
            )
        self.words.setText(words)

    def _keep_room(self) -> None:
        """For three lines always, whatever is said."""
        self.words.ensurePolished()
        self.words.setMinimumHeight(3 * self.words.fontMetrics().lineSpacing())

    def _use(self) -> None:
        self._controller.typed_wanted.emit()
        settings = self._services.settings
        before = defaults_in(settings)
        keep_defaults(settings, settings_of(self._controller.conversation))
        said = tr("New conversations begin with these settings.")
        self._services.notices.undo(said, lambda: keep_defaults(settings, before))

    def _back(self) -> None:
        self._controller.typed_wanted.emit()
        before = self._controller.conversation.id, settings_of(self._controller.conversation)
        self._controller.configure(**msgspec.structs.asdict(self._controller.defaults))
        said = tr("The conversation has the default settings again.")
        self._services.notices.undo(said, lambda: self._undo(*before))

    def _undo(self, conversation: str, before: ChatDefaults) -> None:
        """Another conversation may be shown by now."""
        values = msgspec.structs.asdict(before)
        if self._controller.conversation.id == conversation:
            self._controller.configure(**values)
        else:
            self._services.conversations.configure(Conversation(id=conversation, **values))


def _names() -> dict[str, str]:
    return {
        "system": tr("system prompt"),
        "template": tr("prompt template"),
        "think": tr("thinking"),
        "limit": tr("longest reply"),
        "sampling": tr("sampling"),
        "options": tr("answers, thoughts, template"),
    }
