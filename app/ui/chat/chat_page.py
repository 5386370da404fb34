"""The chat: conversations at the left, the words in the middle, their settings at the right."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.runtime.checkpoint.describe import embedded_model
from app.runtime.checkpoint.file_names import name_of
from app.store.chat.personas import Persona
from app.store.chat_defaults import KEYS, ChatDefaults
from app.store.search import terms_of
from app.ui.state.chat.conversation import ConversationController
from app.ui.state.chat.draft_reading import DraftReading
from app.ui.state.chat.persona_list import PersonaList
from app.ui.state.commands import Command, Habit
from app.ui.state.models.model_names import plain_name
from app.ui.state.services import Services
from app.ui.transcript.transcript import Transcript
from app.ui.widgets.dialogs import ask_where
from app.ui.widgets.page import Page
from app.ui.widgets.parts import button

from .branches.branch_cards import BranchCards
from .chat_head import ChatHead
from .chat_settings import SettingsPanel
from .composer import Composer
from .conversations.conversation_commands import conversation_commands
from .conversations.conversations_pane import ConversationsPane
from .conversations.trash_card import TrashCard
from .draft_keeper import Drafting, Drafts
from .finding import Finding
from .no_tokenizer import why_no_words
from .saved_code import write_file
from .sending import Sending
from .start.start_pill import StartPill
from .tokens_read import TokensRead
from .welcome import Welcome

_WORDS_ALONE, _WORDS_BESIDE_PANEL = 572, 408  # so wide they have to be beside the conversations
_MOST_WRITTEN = 0.55  # of its height for what is being written


class ChatPage(Page):
    """Puts the parts together; the talk holds what is true."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.controller = ConversationController(services, self)
        self.pane = ConversationsPane(services, self.controller)
        self.transcript = Transcript(services, self.controller)
        self.finding = Finding(services.theme, self.controller, self.transcript, self.take_keyboard)
        self.welcome = Welcome(services)
        self.composer = Composer(services.theme)
        self.personas = PersonaList(services, self)
        self.panel = SettingsPanel(services, self.controller, self.personas)
        self.drafts = Drafts(services.conversations.drafts, self)
        self._drafting = Drafting(self.drafts, self.controller, self.composer, self.pane)
        reading = DraftReading(services, self.controller, self)
        to_end = self.transcript.go_to_end
        self.sending = Sending(self.controller, self.composer, reading, to_end)
        self.branches = BranchCards(services, self.controller, self)
        self.head = ChatHead(services.theme)
        self._trash: TrashCard | None = None
        self._think = self._think_pill()
        self.composer.add_pill(self._think)
        self.start = StartPill(services, self.controller)
        self.composer.add_pill(self.start)
        self.composer.add_pill(self.composer.start.pill)
        self.composer.add_figure(TokensRead(services, self.controller))
        self._middle = QStackedWidget()
        self._room = True
        self._arrange()
        self._connect()
        shown = services.settings.now
        self.pane.setVisible(shown.conversations_shown)
        self.panel.setVisible(shown.chat_settings_shown)
        self._show_model()
        self._show_talk()
        if shown.conversation:
            QTimer.singleShot(0, self, lambda: self.open(shown.conversation))

    def open(self, conversation: str) -> None:
        """Show a stored conversation."""
        self.panel.keep_typed()
        self._services.tasks.start(self.controller.open(conversation))

    def open_found(self, conversation: str, message: str, words: str) -> None:
        """Show a stored conversation where a search found ``words``."""
        self.panel.keep_typed()
        self._services.tasks.start(self._show_found(conversation, message, terms_of(words)))

    async def _show_found(self, conversation: str, message: str, terms: list[str]) -> None:
        if conversation != self.controller.conversation.id or self.controller.writing is None:
            await self.controller.open(conversation, message)
        self.finding.places.show_first(message, terms)

    def begin(self, settings: ChatDefaults | None = None) -> None:
        """An empty conversation, with these settings or the defaults."""
        self.panel.keep_typed()
        if settings is not None:
            self._drafting.forget_system()
        self.controller.begin(settings)
        self.composer.edit.setFocus()

    def arrived(self) -> None:
        super().arrived()
        self.personas.look()
        self._look_again()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        """Also when the window closes: what is typed is stored before the store is closed."""
        if self._services.conversations.drafts.open:
            self.panel.keep_typed()
            self.drafts.keep()
        super().hideEvent(event)

    def take_keyboard(self) -> None:
        self.composer.edit.setFocus()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self._look_again()
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:  # words have become wider or narrower
            self._make_room()
        return done

    def commands(self) -> Sequence[Command]:
        group = tr("Chat")
        return (
            *self.finding.commands(group),
            Command(
                *(tr("Search all conversations"), self._search, "Ctrl+Shift+F"),
                *("search", group),
            ),
            Command(
                tr("Show or hide conversations"), self._toggle_pane, "Ctrl+B", "sidebar", group
            ),
            Command(tr("Chat settings"), self._toggle_panel, "Ctrl+.", "sliders", group),
            Command(tr("Write the last reply again"), self._again, "Ctrl+R", "regenerate", group),
            Command(tr("Copy the last reply"), self._copy_last, "Ctrl+Shift+C", "copy", group),
            *self.branches.commands(group),
            *(self._new_with(persona, group) for persona in self.personas.all),
            *conversation_commands(self.pane, lambda: bool(len(self.controller.tree)), group),
        )

    def _new_with(self, persona: Persona, group: str) -> Command:
        words = tr("New conversation with “{}”").format(persona.name)
        return Command(words, lambda: self.begin(persona.settings), "", "plus", group)

    def habits(self) -> Sequence[Habit]:
        group = tr("Chat")
        return (
            Habit(tr("Send"), "Return", group),
            Habit(tr("New line"), "Shift+Return", group),
            Habit(tr("Stop the reply"), "Esc", group),
            Habit(tr("Edit your last message, in an empty field"), "Up", group),
            Habit(tr("Delete the conversation, in the list"), "Del", group),
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape and self.controller.writing is not None:
            self.controller.stop()
        elif event.key() == Qt.Key.Key_Escape and self.finding.bar.isVisible():
            self.finding.close()
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        self._make_room()
        self.composer.edit.limit_height(int(self.height() * _MOST_WRITTEN))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Without the conversations, which are hidden where there is no room for them."""
        least = super().minimumSizeHint()
        beside = 0 if self.pane.isHidden() else self.pane.minimumWidth()
        return QSize(least.width() - beside, least.height())

    def _make_room(self) -> None:
        """Where there is no room for all columns, the words come first."""
        panel = 0 if self.panel.isHidden() else self.panel.minimumWidth()
        words = _WORDS_BESIDE_PANEL + panel if panel else _WORDS_ALONE
        words = max(words, self.minimumSizeHint().width())
        room = self.width() >= self.pane.minimumWidth() + words
        if room != self._room:
            self._room = room
            self.pane.setVisible(room and self._services.settings.now.conversations_shown)

    # verbs

    def _ask(self, question: str) -> None:
        self.panel.keep_typed()
        self.controller.send(question)
        self.composer.edit.setFocus()

    def _replies(self) -> list[str]:
        return [one.id for one in self.controller.tree.path() if one.role == "assistant"]

    def _again(self) -> None:
        if replies := self._replies():
            self.controller.regenerate(replies[-1])

    def _copy_last(self) -> None:
        if replies := self._replies():
            self.transcript.copy_message(replies[-1])

    def _menu(self, place: QPoint) -> None:
        self.pane.menu_of_open().popup(place)

    def show_trash(self) -> None:
        """Show the deleted conversations, over the window."""
        if self._trash is None:
            self._trash = TrashCard(self._services, self.window())
            self._trash.chosen.connect(self.open)
            self._trash.restored.connect(self.controller.take_back)
        self._trash.show_trash()

    def _look_again(self) -> None:
        if not self._services.tasks.ended:
            self.drafts.look()
            self._services.tasks.start(self._take_over())

    async def _take_over(self) -> None:
        """Another window may have stored something: show it, and stay where the reader is."""
        asked = self._services.conversations.look_again()
        settings = self._services.settings
        await self._services.tasks.thread(settings.look_again, "templates", *KEYS.values())
        if not await asyncio.wrap_future(asked):
            return
        at_end, value = self.transcript.at_end, self.transcript.verticalScrollBar().value()
        await self.controller.look_again()
        if not at_end:
            self.transcript.verticalScrollBar().setValue(value)

    def _search(self) -> None:
        self.pane.show()
        self.pane.search.setFocus()
        self.pane.search.selectAll()

    def _toggle_pane(self) -> None:
        shown = self.pane.isHidden()
        self.pane.setVisible(shown)
        if self._room:
            self._services.settings.change(conversations_shown=shown)
        elif shown:
            self.panel.hide()

    def _toggle_panel(self) -> None:
        shown = self.panel.isHidden()
        self.panel.setVisible(shown)
        self._services.settings.change(chat_settings_shown=shown)
        if shown and not self._room:
            self.pane.hide()
        self._make_room()

    def _save(self, code: str, name: str) -> None:
        ask_where(self, tr("Save the code"), name, lambda place: self._write(place, code))

    def _write(self, place: Path, code: str) -> None:
        self._services.tasks.start(self._services.tasks.thread(write_file, place, code))

    # what is shown

    def _closed(self) -> bool:
        session = self._services.session
        return session.loaded is None and session.opening is None and not session.waits

    def _show_model(self) -> None:
        session = self._services.session
        loaded = session.loaded
        opening = loaded is None and session.opening is not None
        name = plain_name(loaded.name, loaded.spec.parameters) if loaded else ""
        self.composer.show_model(
            name.partition(",")[0],
            closed=self._closed(),
            opening=opening,
            stopped=session.waits,
            has_tokenizer=loaded is None or loaded.has_tokenizer,
        )
        coming = plain_name(name_of(session.opening), 0) if session.opening else ""
        self.head.show_model((name or coming).partition(",")[0])
        if opening:
            self.welcome.show_opening()
        elif loaded is None:
            self.welcome.show_nothing()
        elif not loaded.has_tokenizer:
            self.welcome.show_without_tokenizer(name.partition(",")[0], why_no_words(loaded))
        elif Path(loaded.path) == embedded_model():
            self.welcome.show_guide()
        else:
            self.welcome.show_model(name)
        self._show_think()

    def _show_talk(self) -> None:
        conversation = self.controller.conversation
        self.head.title.setText(conversation.title or tr("New conversation"))
        empty = not len(self.controller.tree)
        self.head.show_kept(kept=not empty)
        self._middle.setCurrentWidget(self.welcome if empty else self.transcript)
        kept = "" if empty else conversation.id
        if self._services.settings.now.conversation != kept:
            self._services.settings.change(conversation=kept)

    def _put_in_order(self) -> None:
        """Tab goes on from the head to the welcome or the words, as read, then to the composer."""
        before: QWidget = self.head.sliders
        for stop in (
            *self.finding.bar.stops,
            *self.welcome.stops,
            self.transcript,
            self.composer.edit,
        ):
            QWidget.setTabOrder(before, stop)
            before = stop

    def _show_writing(self) -> None:
        self.composer.show_writing(writing=self.controller.writing is not None)

    def _show_think(self) -> None:
        self._think.setVisible(self.controller.can_think)
        self._think.setChecked(self.controller.conversation.think == "on")

    def _think_pill(self) -> QPushButton:
        pill = button(tr("Think"), "brain", role="toggle")
        pill.setCheckable(True)
        pill.setToolTip(tr("Let the model think before it answers"))
        pill.clicked.connect(
            lambda: self.controller.configure(think="on" if pill.isChecked() else "off")
        )
        return pill

    def _connect(self) -> None:
        controller, composer = self.controller, self.composer
        controller.opened.connect(self._show_talk)
        controller.added.connect(self._show_talk)
        controller.configured.connect(self._show_talk)
        controller.configured.connect(self._show_think)
        controller.writing_changed.connect(self._show_writing)
        composer.stopped.connect(controller.stop)
        for part in (composer, self.welcome, self.transcript):
            part.models_wanted.connect(lambda: self.wanted.emit("models"))
        self.welcome.arranged.connect(self._put_in_order)
        self.welcome.asked.connect(self._ask)
        self.welcome.opened.connect(self._services.planning.open)
        self.transcript.edit_wanted.connect(self.sending.edit)
        self.transcript.save_wanted.connect(self._save)
        self.transcript.compare_wanted.connect(self.branches.show_versions)
        self.transcript.menu_wanted.connect(self.branches.add_to_menu)
        self.pane.chosen.connect(self.open)
        self.pane.hit_chosen.connect(self.open_found)
        self.pane.left.connect(self.take_keyboard)
        self.pane.new_wanted.connect(lambda: self.begin())
        self.pane.trash_wanted.connect(self.show_trash)
        self.panel.closed.connect(self._toggle_panel)
        self.panel.defaults_wanted.connect(lambda: self.wanted.emit("settings"))
        self.head.sidebar.clicked.connect(self._toggle_pane)
        self.head.find_button.clicked.connect(self.finding.open)
        self.head.sliders.clicked.connect(self._toggle_panel)
        self.head.switch_wanted.connect(self.switch_wanted)
        self.head.menu_wanted.connect(self._menu)
        self._services.session.changed.connect(self._show_model)

    def _arrange(self) -> None:
        theme = self._services.theme
        space = theme.space
        self._middle.addWidget(self.welcome)
        self._middle.addWidget(self.transcript)
        foot = QHBoxLayout()
        foot.setContentsMargins(space("l"), space("xs"), space("l"), space("l"))
        foot.addStretch(1)
        foot.addWidget(self.composer, 100)
        foot.addStretch(1)
        self.composer.setMaximumWidth(theme.column + 2 * space("m"))
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.head)
        middle.addWidget(self.finding.bar)
        middle.addWidget(self._middle, 1)
        middle.addLayout(foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.pane)
        row.addLayout(middle, 1)
        row.addWidget(self.panel)
