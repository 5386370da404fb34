"""The right side of the chat: how the replies of this conversation are made."""

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.runtime.protocol.messages import Loaded
from app.ui.state.chat.answering import MOST_ANSWERS
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.persona_list import PersonaList
from app.ui.state.chat.template_choice import chosen_template
from app.ui.state.chat.template_names import template_name
from app.ui.state.services import Services
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.sampling_fields import SamplingFields, whole_number

from .defaults_note import DefaultsNote
from .personas.persona_chooser import PersonaChooser

_WIDTH, _LINES = 304, 4  # at least; of the system prompt in sight
_TYPING_MS = 400
_SHORTENS = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class SettingsPanel(QWidget):
    """Shows what the talk says and changes it; ``closed`` when it shall go away.

    ``defaults_wanted`` asks for the place where the defaults are.
    """

    closed = Signal()
    defaults_wanted = Signal()

    def __init__(
        self,
        services: Services,
        controller: ConversationController,
        personas: PersonaList,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("chatSettings")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._services, self._controller = services, controller
        self.system = QPlainTextEdit(
            placeholderText=tr("What the model should be, know or keep to")
        )
        self.system.setAccessibleName(tr("System prompt"))
        self.system.setTabChangesFocus(True)
        self.template = QComboBox()
        self.template.setAccessibleName(tr("Prompt template"))
        self.usual = label("", "small", wrap=True)
        self.persona = PersonaChooser(services, controller, personas)
        self.edit_template = button(tr("Edit how turns are written"), "edit", role="link")
        self.think = QComboBox()
        self.think.setAccessibleName(tr("Thinking"))
        for mode, words in (
            ("off", tr("Off")),
            ("on", tr("Think first")),
            ("fake", tr("Skip the thought")),
        ):
            self.think.addItem(words, mode)
        for choice in (self.template, self.think):
            choice.setSizeAdjustPolicy(_SHORTENS)
            choice.setMinimumContentsLength(10)
        self.limit = whole_number(1, 100_000, 256, tr("Longest reply, in tokens"))
        self.thought_limit = whole_number(0, 100_000, 256, tr("Longest thought, in tokens"))
        self.thought_limit.setSpecialValueText(tr("No limit"))
        self.answers = whole_number(1, MOST_ANSWERS, 1, tr("Answers at once"))
        self.fields = SamplingFields()
        self.reset = button(tr("Reset to recommended"), "undo", role="link")
        self.note = DefaultsNote(services, controller)
        self._think_row = QWidget()
        self._inside, self._scroll = QWidget(), QScrollArea(widgetResizable=True)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self._connect()
        self.show_settings()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        self._fit()
        super().showEvent(event)

    def show_settings(self) -> None:
        """Show how the talk stands."""
        conversation, loaded = self._controller.conversation, self._services.session.loaded
        blocked = [QSignalBlocker(part) for part in (self.system, self.template, self.think)]
        blocked += [QSignalBlocker(part) for part in (self.limit, self.thought_limit, self.answers)]
        if not self._typing.isActive() and self.system.toPlainText() != conversation.system:
            self.system.setPlainText(conversation.system)
        self._show_templates(loaded)
        self.think.setCurrentIndex(self.think.findData(conversation.think))
        self._think_row.setVisible(self._controller.can_think)
        if self.limit.value() != conversation.limit:
            self.limit.setValue(conversation.limit)
        _show_number(self.thought_limit, conversation.options.thought_limit)
        _show_number(self.answers, conversation.options.answers)
        for block in blocked:
            block.unblock()
        self.fields.show_sampling(self._controller.sampling())
        self.reset.setEnabled(conversation.sampling is not None)
        self.note.show_difference()

    def _show_templates(self, loaded: Loaded | None) -> None:
        """Those that fit the model, and the one in use."""
        self.template.clear()
        templates = loaded.templates if loaded else ()
        if templates:
            self.template.addItem(tr("As the model says"), "")
        for name in templates:
            self.template.addItem(template_name(name), name)
        kept = chosen_template(self._services.settings, loaded) if loaded else ""
        used = self._controller.template(loaded)
        conversation = self._controller.conversation
        as_it_says = not kept and conversation.template not in templates
        self.edit_template.setVisible(bool(templates))
        if conversation.options.form is not None:
            self.template.addItem(tr("A text of its own"), None)
            self.template.setCurrentIndex(self.template.count() - 1)
            self.template.setEnabled(True)
            self.usual.hide()
            return
        self.template.setCurrentIndex(0 if as_it_says else self.template.findData(used))
        self.template.setEnabled(len(templates) > 1)
        if as_it_says and templates:
            self.usual.setText(tr("It says: {}.").format(template_name(used)))
        else:
            self.usual.setText(tr("New conversations with this model use it too."))
        self.usual.setVisible(bool(templates) and (as_it_says or kept == used))

    def keep_typed(self) -> None:
        """Take over what is typed, before it counts or another conversation is shown."""
        self._typing.stop()
        for number in (self.limit, self.thought_limit, self.answers):
            number.interpretText()
        self.fields.keep_typed()
        text = self.system.toPlainText()
        if text != self._controller.conversation.system:
            self._controller.configure(system=text)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self.keep_typed()

    def _choose_template(self) -> None:
        chosen = self.template.currentData()
        if chosen is None:
            return
        if self._controller.conversation.options.form is not None:
            self._controller.choose_options(form=None)
        self._controller.choose_template(chosen)

    def _edit_template(self) -> None:
        """The card, with what it is made of, is loaded when it is first asked for."""
        from .personas.own_template_card import OwnTemplateCard

        self.keep_typed()
        card = OwnTemplateCard(self._services, self._controller, self.window())
        card.closed.connect(card.deleteLater)
        card.edit()

    def _connect(self) -> None:
        self._typing.timeout.connect(self.keep_typed)
        self.system.textChanged.connect(self._typing.start)
        self.template.activated.connect(self._choose_template)
        self.edit_template.clicked.connect(self._edit_template)
        self.think.activated.connect(
            lambda: self._controller.configure(think=self.think.currentData())
        )
        for number, name in ((self.thought_limit, "thought_limit"), (self.answers, "answers")):
            number.valueChanged.connect(
                lambda value, name=name: self._controller.choose_options(**{name: value})
            )
        self.limit.valueChanged.connect(lambda value: self._controller.configure(limit=value))
        self.fields.changed.connect(lambda sampling: self._controller.configure(sampling=sampling))
        self.reset.clicked.connect(lambda: self._controller.configure(sampling=None))
        self._controller.configured.connect(self.show_settings)
        self._controller.typed_wanted.connect(self.keep_typed)
        self.note.defaults_wanted.connect(self.defaults_wanted)
        self._services.session.changed.connect(self.show_settings)
        self._services.theme.changed.connect(self._fit)

    def _arrange(self) -> None:
        space = self._services.theme.space
        close = icon_button("close", tr("Close the chat settings (Ctrl+.)"), 16)
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(label(tr("Chat settings"), "strong"), 1)
        head.addWidget(close)
        inside = self._inside
        body = QVBoxLayout(inside)
        body.setContentsMargins(space("l"), space("s"), space("l"), space("l"))
        body.setSpacing(space("s"))
        body.addWidget(self.note)
        body.addSpacing(space("xs"))
        body.addWidget(_named(tr("Persona"), self.persona.list))
        body.addWidget(self.persona)
        body.addSpacing(space("xs"))
        body.addWidget(_named(tr("System prompt"), self.system))
        body.addWidget(self.system)
        body.addSpacing(space("xs"))
        body.addWidget(_named(tr("Prompt template"), self.template))
        body.addWidget(self.template)
        body.addWidget(self.usual)
        body.addWidget(self.edit_template, 0, Qt.AlignmentFlag.AlignLeft)
        thinking = QVBoxLayout(self._think_row)
        thinking.setContentsMargins(0, space("xs"), 0, 0)
        thinking.setSpacing(space("s"))
        thinking.addWidget(_named(tr("Thinking"), self.think))
        thinking.addWidget(self.think)
        thinking.addLayout(_beside(tr("Longest thought, in tokens"), self.thought_limit))
        body.addWidget(self._think_row)
        body.addSpacing(space("s"))
        body.addLayout(_beside(tr("Longest reply, in tokens"), self.limit))
        body.addLayout(_beside(tr("Answers at once"), self.answers))
        body.addSpacing(space("s"))
        body.addWidget(label(tr("Sampling"), "strong"))
        body.addWidget(self.fields)
        body.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignLeft)
        body.addStretch()
        scroll = self._scroll
        scroll.setWidget(inside)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, space("s"), 0, 0)
        column.setSpacing(0)
        head.setContentsMargins(space("l"), 0, space("s"), 0)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        self._fit()

    def _fit(self) -> None:
        """Wide enough for every field, and the system prompt a few lines high, in any type."""
        self.system.setFixedHeight(max(104, _LINES * self._services.theme.line_px() + 24))
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        self.setFixedWidth(max(_WIDTH, self._inside.minimumSizeHint().width() + bar))


def _beside(words: str, part: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(label(words, wrap=True), 1)
    row.addWidget(part)
    return row


def _show_number(field: QSpinBox, value: int) -> None:
    if field.value() != value:
        field.setValue(value)


def _named(words: str, part: QWidget) -> QLabel:
    name = label(words, "strong")
    name.setBuddy(part)
    return name
