"""What new conversations begin with; every change holds at once, for those that come."""

import msgspec
from PySide6.QtCore import QSignalBlocker, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QPlainTextEdit, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.runtime.families.templates import TEMPLATES
from app.store.chat_defaults import ChatDefaults, defaults_in, keep_defaults
from app.ui.state.chat.template_names import template_name
from app.ui.state.services import Services
from app.ui.widgets.parts import button
from app.ui.widgets.sampling_fields import SamplingFields, whole_number

from .sections import Section

_TYPING_MS = 400


class ChatSettings(Section):
    """System prompt, template, thinking, longest reply and sampling of conversations to come."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.theme, tr("New conversations"))
        self._services = services
        self.system = QPlainTextEdit()
        self.template, self.think, self.sampling = QComboBox(), QComboBox(), QComboBox()
        self.titles, self.read_drafts = QComboBox(), QCheckBox()
        self.limit = whole_number(1, 100_000, 256, tr("Longest reply, in tokens"))
        self.fields = SamplingFields()
        self.reset = button(tr("Reset"), "undo")
        self._own = QWidget()
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._system_row()
        self._choice_rows()
        self._sampling_rows()
        self._reset_row()
        self._title_row()
        self.follow()

    def follow(self) -> None:
        """Show what is in force, whoever changed it; what is being typed stays."""
        now = defaults_in(self._services.settings)
        parts = (self.system, self.template, self.think, self.limit, self.sampling)
        blocked = [QSignalBlocker(part) for part in parts]
        if not self._typing.isActive() and self.system.toPlainText() != now.system:
            self.system.setPlainText(now.system)
        self.template.setCurrentIndex(max(self.template.findData(now.template), 0))
        self.think.setCurrentIndex(self.think.findData(now.think))
        if self.limit.value() != now.limit:
            self.limit.setValue(now.limit)
        self.sampling.setCurrentIndex(int(now.sampling is not None))
        for block in blocked:
            block.unblock()
        self._own.setVisible(now.sampling is not None)
        if now.sampling is not None:
            self.fields.show_sampling(now.sampling)
        self.reset.setEnabled(now != ChatDefaults())
        titles = self._services.settings.now.automatic_titles
        self.titles.setCurrentIndex(self.titles.findData(titles))
        self.read_drafts.setChecked(self._services.settings.now.read_drafts)

    def keep_typed(self) -> None:
        """Take over what is typed and not yet confirmed."""
        self._typing.stop()
        self.limit.interpretText()
        self.fields.keep_typed()
        self._keep(system=self.system.toPlainText())

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self.keep_typed()

    def _system_row(self) -> None:
        words = tr(
            "New conversations begin with what is chosen here. Each keeps its own settings from "
            "then on: those you have begun stay as they are."
        )
        self.add(tr("System prompt"), words)
        self.system.setPlaceholderText(tr("What the model should be, know or keep to"))
        self.system.setAccessibleName(tr("System prompt of new conversations"))
        self.system.setTabChangesFocus(True)
        self.system.setFixedHeight(88)
        self.system.textChanged.connect(self._typing.start)
        self._typing.timeout.connect(self.keep_typed)
        self.add_wide(self._inset(self.system), line=False)

    def _choice_rows(self) -> None:
        self.template.addItem(tr("The model’s own"), "")
        for name in TEMPLATES:
            self.template.addItem(template_name(name), name)
        words = tr("How turns are written. A model that does not know it takes its own.")
        self._choice(tr("Prompt template"), words, self.template)
        self.template.activated.connect(lambda: self._keep(template=self.template.currentData()))
        for mode, said in (
            ("off", tr("Off")),
            ("on", tr("Think first")),
            ("fake", tr("Skip the thought")),
        ):
            self.think.addItem(said, mode)
        words = tr("For models that have learned to think before they answer.")
        self._choice(tr("Thinking"), words, self.think)
        self.think.activated.connect(lambda: self._keep(think=self.think.currentData()))
        words = tr("In tokens; a reply that reaches it stops and can be continued.")
        self.add(tr("Longest reply"), words, self.limit)
        self.limit.valueChanged.connect(lambda value: self._keep(limit=value))

    def _sampling_rows(self) -> None:
        self.sampling.addItem(tr("As each model recommends"))
        self.sampling.addItem(tr("My own numbers"))
        words = tr("How the next token is chosen.")
        self._choice(tr("Sampling"), words, self.sampling)
        self.sampling.activated.connect(self._choose_sampling)
        self.fields.changed.connect(lambda sampling: self._keep(sampling=sampling))
        self.fields.setMaximumWidth(360)
        inside = QVBoxLayout(self._own)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._inset(self.fields))
        self.add_wide(self._own, line=False)

    def _reset_row(self) -> None:
        self.reset.setAccessibleName(tr("Reset what new conversations begin with"))
        self.reset.clicked.connect(self._reset)
        words = tr("No system prompt, the model’s own template and sampling, 2,048 tokens.")
        self.add(tr("As Rookery comes"), words, self.reset)

    def _title_row(self) -> None:
        for way, said in (
            ("first", tr("From the first message")),
            ("model", tr("Written by the model")),
            ("off", tr("None")),
        ):
            self.titles.addItem(said, way)
        words = tr("A title that you give yourself is never changed.")
        self._choice(tr("Titles"), words, self.titles)
        self.read_drafts.setProperty("bare", "true")
        words = tr("The reply begins at once, and the processor has more to do while you type.")
        self.add(tr("Read messages while they are typed"), words, self.read_drafts)
        self.read_drafts.clicked.connect(
            lambda: self._services.settings.change(read_drafts=self.read_drafts.isChecked())
        )
        change = self._services.settings.change
        self.titles.activated.connect(lambda: change(automatic_titles=self.titles.currentData()))

    def _choice(self, name: str, words: str, choice: QComboBox) -> None:
        self.add(name, words, choice)

    def _inset(self, part: QWidget) -> QWidget:
        space = self._services.theme.space
        box = QWidget()
        row = QVBoxLayout(box)
        row.setContentsMargins(space("l"), 0, space("m"), space("m"))
        row.addWidget(part)
        return box

    def _choose_sampling(self) -> None:
        own = self.sampling.currentIndex() == 1
        loaded = self._services.session.loaded
        if own and loaded is not None:  # begin where the person is now
            self._keep(sampling=loaded.sampling)
        else:
            self._keep(sampling=self.fields.sampling if own else None)

    def _keep(self, **values: object) -> None:
        settings = self._services.settings
        keep_defaults(settings, msgspec.structs.replace(defaults_in(settings), **values))
        self.follow()

    def _reset(self) -> None:
        settings = self._services.settings
        before = defaults_in(settings)
        self._typing.stop()
        keep_defaults(settings, ChatDefaults())
        self.follow()

        def back() -> None:
            keep_defaults(settings, before)
            self.follow()

        said = tr("New conversations begin as Rookery comes.")
        self._services.notices.undo(said, back)
