"""The playground: documents at the left, the text in the middle, its settings at the right.

What else can be done with texts stands behind tabs beside that.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.checkpoint.file_names import name_of
from app.ui.look.icons import icon
from app.ui.state.commands import Command, Habit
from app.ui.state.models.model_names import plain_name
from app.ui.state.playground.as_conversation import become_conversation
from app.ui.state.playground.open_document import OpenDocument
from app.ui.state.playground.playground_controller import PlaygroundController
from app.ui.state.playground.writing_templates import preset_of, variables_in
from app.ui.state.services import Services
from app.ui.widgets.page import Page
from app.ui.widgets.parts import keep_words_whole

from .batch.batch_view import BatchView
from .compare.compare_part import ComparePart
from .documents.documents_pane import DELETE_KEYS, RENAME_KEYS, DocumentsPane
from .playground_head import PlaygroundHead
from .playground_part import PlaygroundPart
from .playground_tabs import PlaygroundTabs
from .settings.writing_settings_panel import WritingSettingsPanel
from .sight.sight_views import SightViews
from .template_card import TemplateCard
from .text_view import TextView
from .writing_columns import WritingColumns
from .writing_foot import WritingFoot

_TEXT = "text"


class PlaygroundPage(Page):
    """Puts the parts together; the controller holds what is true.

    Other views of the same text (its tokens, the exact prompt, the state) are given to
    ``add_view``: they stand in the place of the text, and a switch at the foot goes from one to
    another.  They are told of changes by the controller's signals, as the text is.
    """

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.controller = PlaygroundController(services, self)
        self.pane = DocumentsPane(services, self.controller)
        self.head = PlaygroundHead(services.theme)
        self.text = TextView(services, self.controller)
        self.foot = WritingFoot(services.theme)
        self.panel = WritingSettingsPanel(services, self.controller)
        self._views = QStackedWidget()
        self._keys: list[str] = []
        self._templates: TemplateCard | None = None
        self._arrange()
        self._connect()
        self.add_view(_TEXT, tr("Text"), self.text)
        self.sight = SightViews(services.theme, services.session, self.controller, self)
        for view in self.sight.views:
            self.add_view(*view)
        self.compare = ComparePart(services)
        self.add_part("compare", tr("Compare"), self.compare)
        self.batch = BatchView(services)
        self.add_part("batch", tr("Batch"), self.batch)
        shown = services.settings.now
        self._show_model()
        self._show_document()
        if shown.document:
            QTimer.singleShot(0, self, lambda: self.open(shown.document))

    def add_view(self, key: str, title: str, widget: QWidget) -> None:
        """One more view of the text, with its place in the switch at the foot."""
        self._keys.append(key)
        self._views.addWidget(widget)
        self.foot.add_view(key, title)

    def add_part(self, key: str, title: str, part: PlaygroundPart) -> None:
        """One more tab."""
        part.wanted.connect(self.wanted)
        self.tabs.add(key, title, part)

    def go_on_with_batches(self) -> None:
        """Those that were cut when the window closed."""
        self.tabs.show_part("batch")
        self.batch.start_interrupted()

    def show_view(self, key: str) -> None:
        """Show a view, and give it the keyboard."""
        if key in self._keys:
            self.tabs.show_part()
            self._views.setCurrentIndex(self._keys.index(key))
            self.foot.mark_view(key)
            self.sight.show(key)
            self.take_keyboard()

    def open(self, document: str) -> None:
        """Show a stored document."""
        if not self._services.tasks.ended:
            self._services.tasks.start(self.controller.open(document))

    def begin(self, text: str = "", preset: str = "") -> None:
        """A new document, with a text and the settings that suit it.

        An empty one goes on with the settings of the document before it.
        """
        now = self.controller.settings
        settings = preset_of(preset).onto(now) if preset else None if text else now
        self.controller.begin(text, settings)
        self.show_view(_TEXT)

    def take(self, shown: OpenDocument) -> None:
        """Show a new document that another page has made."""
        self.controller.take(shown)
        self.show_view(_TEXT)

    def arrived(self) -> None:
        super().arrived()
        self._look_again()
        if self.tabs.front is not None:
            self.tabs.front.arrived()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        """Also when the window closes: what is typed is stored before the store is closed."""
        self.panel.keep_typed()
        self.controller.keeper.now()
        super().hideEvent(event)

    def take_keyboard(self) -> None:
        if self.tabs.front is not None:
            self.tabs.front.take_keyboard()
        elif not self.sight.take_keyboard(self._views.currentWidget()):
            self.text.editor.setFocus()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self._look_again()
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize) and self.isVisible():
            keep_words_whole(self)
        return super().event(event)

    def commands(self) -> Sequence[Command]:
        front = self.tabs.front
        own = self._writing_commands() if front is None else front.commands()
        return (*own, *self.tabs.commands())

    def key_commands(self) -> Sequence[tuple[QWidget, Sequence[Command]]]:
        """Each part has its own, so that the same key may do one thing here and another there."""
        parts = [(part, part.commands()) for part in self.tabs.parts]
        own = self._columns, self._writing_commands()
        return (own, *parts, (self, self.tabs.commands()))

    def _writing_commands(self) -> Sequence[Command]:
        group = tr("Playground")
        text, controller, columns = self.text, self.controller, self._columns
        return (
            Command(
                *(tr("Go on at the end of the text"), controller.write, "Ctrl+Return"),
                *("continue", group, ("Ctrl+Enter",)),
            ),
            Command(
                *(tr("Write at the caret"), text.write_at_caret, "Ctrl+Shift+Return"),
                *("edit", group, ("Ctrl+Shift+Enter",)),
            ),
            Command(
                *(tr("Go on from the caret, as another version"), text.write_from_caret),
                *("Alt+Return", "branch", group),
            ),
            Command(
                *(tr("Write the last piece again"), controller.write_again, "Ctrl+R"),
                *("regenerate", group),
            ),
            Command(
                *(tr("Keep the last piece up to the caret"), text.keep_up_to_caret),
                *("Ctrl+Shift+K", "check", group),
            ),
            Command(tr("Find in the text"), self._find, "Ctrl+F", "search", group),
            Command(tr("New document"), self.begin, "Ctrl+Shift+N", "plus", group),
            Command(tr("Begin with a template"), self._offer_templates, "Ctrl+T", "file", group),
            Command(tr("Fill in the fields of the text"), self._fill_in, "", "edit", group),
            Command(tr("Make a conversation of it"), self._to_chat, "", "chat", group),
            Command(tr("Search all documents"), self._search, "Ctrl+Shift+F", "search", group),
            Command(tr("Show or hide documents"), columns.toggle_pane, "Ctrl+B", "sidebar", group),
            Command(tr("Settings of the text"), columns.toggle_panel, "Ctrl+.", "sliders", group),
            Command(tr("Rename the document"), self.pane.rename_open, RENAME_KEYS, "edit", group),
            Command(tr("Delete the document"), self._delete, DELETE_KEYS, "trash", group),
            Command(tr("Show the text"), partial(self.show_view, _TEXT), "Alt+1", "edit", group),
            *self.sight.commands(group, self.show_view),
        )

    def habits(self) -> Sequence[Habit]:
        if self.tabs.front is not None:
            return self.tabs.front.habits()
        group = tr("Playground")
        return (
            Habit(tr("Stop writing"), "Esc", group),
            Habit(tr("Undo, in the text and its versions"), "Ctrl+Z", group),
            Habit(tr("Redo"), "Ctrl+Shift+Z", group),
            Habit(tr("Delete the document, in the list"), "Del", group),
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        escapes = event.key() == Qt.Key.Key_Escape and self.tabs.front is None
        if escapes and self.controller.writing is not None:
            self.controller.stop()
        elif escapes and self.text.finding.isVisible():
            self.text.finding.close_line()
        else:
            event.ignore()

    # verbs

    def _offer_templates(self) -> None:
        self.template_card().open_templates()

    def _fill_in(self) -> None:
        self.template_card().open_for(self.controller.text.text)

    def template_card(self) -> TemplateCard:
        """The card over the window from which a template is chosen."""
        if self._templates is None:
            self._templates = TemplateCard(self._services.theme, self.window())
            self._templates.used.connect(self._begin_with)
        return self._templates

    def _begin_with(self, text: str, preset: str) -> None:
        """In the document that is shown where that is empty, else in a new one."""
        self.begin(text, preset)

    def _find(self) -> None:
        self.show_view(_TEXT)
        self.text.finding.open_line()

    def _to_chat(self) -> None:
        if self.controller.text.text.strip():
            self.controller.stop()
            become_conversation(self._services, self.controller.open_document)

    def _delete(self) -> None:
        if self.controller.open_document.version is not None:
            self.pane.delete(self.controller.document)

    def _menu(self, place: QPoint) -> None:
        menu = self.pane.menu(self.controller.document)
        first = menu.actions()[0]
        chat = QAction(icon("chat", "text-dim"), tr("Make a conversation of it"), menu)
        chat.triggered.connect(self._to_chat)
        fill = QAction(icon("edit", "text-dim"), tr("Fill in the fields of the text"), menu)
        fill.triggered.connect(self._fill_in)
        fill.setEnabled(bool(variables_in(self.controller.text.text)))
        menu.insertActions(first, [chat, fill])
        menu.insertSeparator(first)
        menu.popup(place)

    def _search(self) -> None:
        self.pane.show()
        self.pane.search.setFocus()
        self.pane.search.selectAll()

    def _look_again(self) -> None:
        if not self._services.tasks.ended:
            self._services.tasks.start(self._take_over())

    async def _take_over(self) -> None:
        """Another window may have stored something."""
        asked = self._services.conversations.look_again()
        if await asyncio.wrap_future(asked):
            self.pane.refresh()
            await self.controller.look_again()

    # what is shown

    def _show_model(self) -> None:
        session = self._services.session
        loaded, coming = session.loaded, session.opening
        name = plain_name(loaded.name, loaded.spec.parameters) if loaded else ""
        opening = plain_name(name_of(coming), 0) if coming else ""
        self.head.show_model((name or opening).partition(",")[0])
        self.text.show_model()
        self._show_verbs()

    def _show_document(self) -> None:
        document = self.controller.document
        self.head.title.setText(document.title or tr("New document"))
        kept = document.id if self.controller.open_document.version is not None else ""
        self.head.more.setVisible(bool(kept))
        if self._services.settings.now.document != kept:
            self._services.settings.change(document=kept)
        self._show_verbs()

    def _show_verbs(self) -> None:
        controller = self.controller
        self.foot.show_state(writing=controller.writing is not None, ready=controller.can_write)
        shown = controller.open_document
        self.foot.show_verbs(back=shown.can_undo, again=shown.last_written is not None)
        self.foot.words.setText(self.text.state_in_words())

    def _connect(self) -> None:
        controller, foot = self.controller, self.foot
        for signal in (controller.opened, controller.configured, controller.versions_changed):
            signal.connect(self._show_document)
        for signal in (
            *(controller.changed, controller.typed, controller.encoded, controller.grew),
            *(controller.writing_changed, self.text.editor.caret_moved),
        ):
            signal.connect(self._show_verbs)
        foot.went_on.connect(controller.write)
        foot.stopped.connect(controller.stop)
        foot.again.connect(controller.write_again)
        foot.back.connect(controller.undo)
        foot.view_chosen.connect(self.show_view)
        self.text.models_wanted.connect(lambda: self.wanted.emit("models"))
        self.text.templates_wanted.connect(self._offer_templates)
        self.text.begun.connect(self.begin)
        self.pane.chosen.connect(self.open)
        self.pane.new_wanted.connect(self.begin)
        self.panel.closed.connect(self._columns.toggle_panel)
        self.head.sidebar.clicked.connect(self._columns.toggle_pane)
        self.head.sliders.clicked.connect(self._columns.toggle_panel)
        self.head.templates.clicked.connect(self._offer_templates)
        self.head.menu_wanted.connect(self._menu)
        self.head.switch_wanted.connect(self.switch_wanted)
        self._services.session.changed.connect(self._show_model)
        self.tabs.part_changed.connect(self._turn)

    def _turn(self) -> None:
        """Another part has come to the front."""
        self.panel.keep_typed()
        if self.tabs.front is not None:
            self.tabs.front.arrived()
        self.take_keyboard()

    def _arrange(self) -> None:
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.head)
        middle.addWidget(self._views, 1)
        middle.addWidget(self.foot)
        columns = self._columns = WritingColumns(
            self._services.settings, self.pane, middle, self.panel
        )
        self.tabs = PlaygroundTabs(self._services.theme, columns, tr("Write"))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.tabs)
