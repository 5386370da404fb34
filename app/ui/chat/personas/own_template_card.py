"""A card in which the template of a conversation is edited, beside what the model then reads."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.runtime.families.templates import TEMPLATES
from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.prompts import Chat, Turn
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.template_names import template_name
from app.ui.state.playground.known_vocabulary import KnownVocabulary
from app.ui.state.playground.prompt_tokens import PromptTokens
from app.ui.state.playground.token_words import plain_words, written_words
from app.ui.state.services import Services
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.tokens.prompt_view import PromptView

_WIDTH, _FIELDS_PX = 1120, 360
_TYPING_MS = 250
_BETWEEN_STOPS = " | "


class OwnTemplateCard(Overlay):
    """What is typed counts once it is taken; until then only the view follows it."""

    def __init__(
        self, services: Services, controller: ConversationController, parent: QWidget
    ) -> None:
        super().__init__(parent, _WIDTH)
        self._services, self._controller = services, controller
        self._prompt = PromptTokens(services.session, KnownVocabulary(services.session), self)
        self.view = PromptView(services.theme, self._prompt)
        self.begin = QComboBox()
        self.begin.setAccessibleName(tr("Begin with the template"))
        self._form = Template(user="", reply="")
        self.fields = {name: QLineEdit() for name, _ in _names()}
        self.use = button(tr("Use in this conversation"), role="primary")
        self.known = button(tr("Use a known template again"), "undo", role="quiet")
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self._connect()

    def edit(self) -> None:
        """Open the card with the template that is in use."""
        loaded, conversation = self._services.session.loaded, self._controller.conversation
        used = self._controller.template(loaded)
        self.begin.clear()
        for name in loaded.templates if loaded else TEMPLATES:
            self.begin.addItem(template_name(name), name)
        self.begin.setCurrentIndex(max(self.begin.findData(used), 0))
        own = conversation.options.form
        self.known.setVisible(own is not None)
        self._fill(own or TEMPLATES.get(str(self.begin.currentData()), self._form))
        self.open()
        self.begin.setFocus(Qt.FocusReason.PopupFocusReason)
        self._look()

    def template(self) -> Template:
        """What the fields say."""
        values: dict[str, object] = {
            name: plain_words(field.text()) for name, field in self.fields.items()
        }
        written = self.fields["stops"].text().split(_BETWEEN_STOPS.strip())
        values["stops"] = tuple(plain_words(one.strip()) for one in written if one.strip())
        kept = {"marker": self._form.marker, "paragraphs": self._form.paragraphs}
        return Template(**values, **kept)  # type: ignore[arg-type]

    def _fill(self, form: Template) -> None:
        self._form = form
        for name, field in self.fields.items():
            if name == "stops":
                field.setText(_BETWEEN_STOPS.join(written_words(stop) for stop in form.stops))
            else:
                field.setText(written_words(getattr(form, name)))
            field.setCursorPosition(0)

    def _look(self) -> None:
        """What the model reads with this; an example where nothing was said yet."""
        tree = self._controller.tree
        chat, _ = self._controller.requests.chat(tree, tree.leaf)
        turns = chat.turns
        if not any(turn.role == "user" for turn in turns):
            turns = (*turns, Turn("user", tr("Hello!")))
        if turns[-1].role == "assistant":
            turns = (*turns, Turn("user", tr("Your next message")))
        self._prompt.ask(Chat(turns=turns, think=chat.think, form=self.template()))

    def _begin(self) -> None:
        self._fill(TEMPLATES[str(self.begin.currentData())])
        self._look()

    def _use(self) -> None:
        made = self.template()
        known = TEMPLATES.get(str(self.begin.currentData()))
        self.close_card()
        if made == known:
            self._controller.choose_options(form=None)
            self._controller.choose_template(str(self.begin.currentData()))
        else:
            self._controller.choose_options(form=made)

    def _use_known(self) -> None:
        self.close_card()
        self._controller.choose_options(form=None)

    def _connect(self) -> None:
        for field in self.fields.values():
            field.textEdited.connect(self._typing.start)
        self._typing.timeout.connect(self._look)
        self.begin.activated.connect(self._begin)
        self.view.ask_wanted.connect(self._look)
        self.use.clicked.connect(self._use)
        self.known.clicked.connect(self._use_known)

    def _place(self) -> None:
        self._both.setFixedHeight(max(self._window.height() - 240, 200))
        super()._place()

    def _arrange(self) -> None:
        space = self._services.theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(label(tr("How turns are written"), "section"), 1)
        head.addWidget(close)
        words = tr("\\n is a new line. At the right stands what the model reads, to the letter.")
        fields = QWidget()
        form = QFormLayout(fields)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(tr("Begin with the template"), self.begin)
        for name, said in _names():
            self.fields[name].setAccessibleName(said)
            form.addRow(said, self.fields[name])
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(fields)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.viewport().setAutoFillBackground(False)
        fields.setAutoFillBackground(False)
        scroll.setFixedWidth(_FIELDS_PX)
        self._both = QWidget()
        both = QHBoxLayout(self._both)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(space("m"))
        both.addWidget(scroll)
        both.addWidget(self.view, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.known)
        foot.addStretch(1)
        foot.addWidget(self.use)
        column: QVBoxLayout = self.body
        column.setContentsMargins(space("l"), space("m"), space("l"), space("l"))
        column.setSpacing(space("s"))
        column.addLayout(head)
        column.addWidget(label(words, "dim", wrap=True))
        column.addWidget(self._both)
        column.addLayout(foot)


def _names() -> tuple[tuple[str, str], ...]:
    """The fields of a Template that are edited, each with its words."""
    return (
        ("system", tr("Before the system prompt")),
        ("user", tr("Before your words")),
        ("reply", tr("Before a reply")),
        ("join", tr("Between that and the reply")),
        ("between", tr("Behind each turn")),
        ("stops", tr("What ends a reply, with | between")),
        ("open_thought", tr("What begins a thought")),
        ("fake_thought", tr("What stands for a thought that is skipped")),
        ("intro", tr("Before everything, without a system prompt")),
    )
