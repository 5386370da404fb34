"""The right side of the playground: how the model goes on with this document."""

import msgspec
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.store.documents.document_records import WritingSettings
from app.ui.state.playground.token_words import biases_in, plain_words, written_words
from app.ui.state.playground.writing_configuration import WritingConfiguration
from app.ui.state.services import Services
from app.ui.widgets.parts import button, icon_button, label
from app.ui.widgets.sampling_fields import SamplingFields, whole_number

from .grammar_section import GrammarSection
from .preset_chooser import PresetChooser

_WIDTH, _LINES = 296, 2
_TYPING_MS = 400


class WritingSettingsPanel(QWidget):
    """Shows what the document says and changes it; ``closed`` when it shall go away.

    ``add_section`` is where more settings of a piece are put, such as a grammar: they stand
    between the sampling and what ends a text.
    """

    closed = Signal()

    def __init__(
        self, services: Services, controller: WritingConfiguration, title: str = ""
    ) -> None:
        super().__init__()
        self.setObjectName("chatSettings")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = title or tr("Settings of the text")
        self._services, self._controller = services, controller
        self.presets = PresetChooser(services, controller)
        self.limit = whole_number(1, 100_000, 64, tr("Longest piece, in tokens"))
        self.fields = SamplingFields()
        self.reset = button(tr("Reset to recommended"), "undo", role="link")
        self.stops = _lines(tr("Stop texts"), tr("One a line; \\n is a new line"))
        self.bans = _lines(tr("Banned tokens"), tr("One a line: a word, or #id"))
        self.biases = _lines(tr("Logit bias"), tr("One a line: word = -2.5"))
        self.grammar = GrammarSection(services, controller)
        self._wrong = label("", "bad", wrap=True)
        self._sections = QVBoxLayout()
        self._inside, self._scroll = QWidget(), QScrollArea(widgetResizable=True)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._arrange()
        self.add_section(self.grammar)
        self._connect()
        self.show_settings()

    def add_section(self, widget: QWidget) -> None:
        """One more group of settings."""
        self._sections.addWidget(widget)
        self._fit()

    def allow_changes(self, *, allowed: bool) -> None:
        """Whether the fields can be changed now."""
        self._inside.setEnabled(allowed)

    def show_settings(self) -> None:
        """Show how the document stands."""
        settings = self._controller.settings
        blocked = QSignalBlocker(self.limit)
        if self.limit.value() != settings.limit:
            self.limit.setValue(settings.limit)
        blocked.unblock()
        self.presets.show_fitting()
        if not self._typing.isActive():
            _show(self.stops, [written_words(stop) for stop in settings.stops])
            _show(self.bans, list(settings.bans))
            _show(self.biases, [f"{one.words} = {one.value:g}" for one in settings.biases])
        self.grammar.show_grammar(settings.grammar)
        self.fields.show_sampling(self._controller.sampling)
        self.reset.setEnabled(settings.sampling is not None)

    def keep_typed(self) -> None:
        """Take over what is typed, before it counts or another document is shown."""
        self._typing.stop()
        self.limit.interpretText()
        self.fields.keep_typed()
        self.grammar.keep_typed()
        settings = self._controller.settings
        biases, wrong = biases_in(self.biases.toPlainText())
        self._say_wrong(wrong)
        typed: dict[str, object] = {
            "stops": tuple(plain_words(line) for line in _written(self.stops)),
            "bans": tuple(_written(self.bans)),
            "biases": settings.biases if wrong else biases,
        }
        changed = {name: now for name, now in typed.items() if getattr(settings, name) != now}
        if changed:
            self._controller.configure(**changed)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        self.keep_typed()

    def _show_wrong_grammar(self) -> None:
        """Scroll to it once it has its height."""
        reveal = self._scroll.ensureWidgetVisible
        QTimer.singleShot(0, self, lambda: reveal(self.grammar.wrong))

    def _say_wrong(self, lines: tuple[str, ...]) -> None:
        said = tr("“{}” is no bias: write a word, = and a number from -1000 to 1000.")
        self._wrong.setText(said.format(lines[0].strip()) if lines else "")
        self._wrong.setVisible(bool(lines))

    def _take(self, settings: WritingSettings) -> None:
        """All of a preset; what is typed and not handed in yet is replaced as well."""
        self._typing.stop()
        self._controller.configure(**msgspec.structs.asdict(settings))

    def _connect(self) -> None:
        controller = self._controller
        self.presets.chosen.connect(self._take)
        self.limit.valueChanged.connect(lambda value: controller.configure(limit=value))
        self.fields.changed.connect(lambda sampling: controller.configure(sampling=sampling))
        self.reset.clicked.connect(lambda: controller.configure(sampling=None))
        self._typing.timeout.connect(self.keep_typed)
        for lines in (self.stops, self.bans, self.biases):
            lines.textChanged.connect(self._typing.start)
        self.grammar.told.connect(self._show_wrong_grammar)
        controller.configured.connect(self.show_settings)
        controller.typed_wanted.connect(self.keep_typed)
        self._services.session.changed.connect(self.show_settings)
        self._services.theme.changed.connect(self._fit)

    def _arrange(self) -> None:
        space = self._services.theme.space
        close = icon_button("close", tr("Close the settings (Ctrl+.)"), 16)
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.setContentsMargins(space("l"), 0, space("s"), 0)
        head.addWidget(label(self._title, "strong"), 1)
        head.addWidget(close)
        body = QVBoxLayout(self._inside)
        body.setContentsMargins(space("l"), space("s"), space("l"), space("l"))
        body.setSpacing(space("s"))
        body.addWidget(_named(tr("Preset"), self.presets.list))
        body.addWidget(self.presets)
        limit = QHBoxLayout()
        limit.addWidget(label(tr("Longest piece, in tokens"), wrap=True), 1)
        limit.addWidget(self.limit)
        body.addSpacing(space("s"))
        body.addLayout(limit)
        body.addSpacing(space("s"))
        body.addWidget(label(tr("Sampling"), "strong"))
        body.addWidget(self.fields)
        body.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignLeft)
        self._sections.setSpacing(space("s"))
        body.addLayout(self._sections)
        for words, lines in (
            (tr("Stop texts"), self.stops),
            (tr("Banned tokens"), self.bans),
            (tr("Logit bias"), self.biases),
        ):
            body.addSpacing(space("xs"))
            body.addWidget(_named(words, lines))
            body.addWidget(lines)
        body.addWidget(self._wrong)
        self._wrong.hide()
        body.addStretch()
        scroll = self._scroll
        scroll.setWidget(self._inside)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        self._inside.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, space("s"), 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        self._fit()

    def _fit(self) -> None:
        """Wide enough for every field, in any type."""
        high = _LINES * self._services.theme.line_px() + 24
        for lines in (self.stops, self.bans, self.biases):
            lines.setFixedHeight(high)
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        self.setFixedWidth(max(_WIDTH, self._inside.minimumSizeHint().width() + bar))


def _lines(name: str, hint: str) -> QPlainTextEdit:
    made = QPlainTextEdit(placeholderText=hint)
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    return made


def _written(field: QPlainTextEdit) -> list[str]:
    """Its lines, but for empty ones; spaces count within quotes only."""
    return [line.strip() for line in field.toPlainText().splitlines() if line.strip()]


def _show(field: QPlainTextEdit, lines: list[str]) -> None:
    """Without a signal; what is being typed stays where it means the same."""
    if _written(field) == lines:
        return
    blocked = QSignalBlocker(field)
    field.setPlainText("\n".join(lines))
    blocked.unblock()


def _named(words: str, part: QWidget) -> QLabel:
    name = label(words, "strong")
    name.setBuddy(part)
    return name
