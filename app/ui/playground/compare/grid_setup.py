"""What is to be compared, as fields: the start, prompts, models, settings and seeds."""

import msgspec
from PySide6.QtCore import QSize, QTimer
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.store.comparisons.comparison_records import Grid
from app.store.documents.document_records import WritingSettings
from app.ui.look.icons import icon
from app.ui.state.comparison.comparison_words import settings_in_words
from app.ui.state.comparison.grid_controller import GridController
from app.ui.state.playground.writing_templates import presets
from app.ui.state.services import Services
from app.ui.widgets.flow_layout import Flow
from app.ui.widgets.focus import tab_through
from app.ui.widgets.parts import button, icon_button, label

from .settings_card import SettingsCard
from .way_adder import WayAdder

_START_LINES, _PROMPT_LINES = 4, 2
_TYPING_MS = 400
_MOST_PROMPTS = 32
_MOST_SEED = 2**31 - 1


class GridSetup(QWidget):
    """Shows the controller's draft and changes it."""

    def __init__(self, services: Services, controller: GridController) -> None:
        super().__init__()
        self._services, self._controller = services, controller
        self.start = _lines(tr("Start"), tr("The text that every model goes on with"))
        self.prompts: list[QPlainTextEdit] = []
        self.add_prompt = button(tr("Add a prompt"), "plus", role="link")
        self.hint = label(
            tr("Each prompt stands in the start where {{text}} is, or follows it."),
            "small",
            wrap=True,
        )
        self.ways = WayAdder(services)
        self.chips: list[QPushButton] = []
        self.add_settings = button(tr("Add settings"), "plus", role="link")
        self.seeds = QLineEdit()
        self.seeds.setAccessibleName(tr("Seeds"))
        self.seeds.setPlaceholderText(tr("Whole numbers: 1, 2, 3"))
        self.wrong = label("", "bad", wrap=True)
        self._card: SettingsCard | None = None
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._rows: list[QWidget] = []
        self._chip_box = QWidget()
        self._flow = Flow(services.theme.space("s"), self._chip_box)
        self._prompt_column = QVBoxLayout()
        self._arrange()
        self._connect()
        self._note_prompts()
        self.show_draft()

    def show_draft(self) -> None:
        """Show what is set; what is being typed stays where it means the same."""
        draft = self._controller.draft
        if not self._typing.isActive():
            self._show_texts(draft)
        self.ways.show_ways(draft.ways)
        self._show_settings(draft.settings)
        self._order_keyboard()

    def _show_texts(self, draft: Grid) -> None:
        if self.start.toPlainText() != draft.start:
            self.start.setPlainText(draft.start)
        if self._typed_prompts() != draft.prompts:
            self._show_prompts(draft.prompts)
        if _seeds_in(self.seeds.text())[0] != draft.seeds:
            self.seeds.setText(", ".join(map(str, draft.seeds)))
        self._typing.stop()

    def keep_typed(self) -> None:
        """Take over what is typed."""
        self._typing.stop()
        seeds, wrong = _seeds_in(self.seeds.text())
        said = tr("“{}” is no seed: write whole numbers with commas between them.")
        self.wrong.setText(said.format(wrong) if wrong else "")
        self.wrong.setVisible(bool(wrong))
        self._controller.configure(
            start=self.start.toPlainText(),
            prompts=self._typed_prompts(),
            seeds=self._controller.draft.seeds if wrong else seeds,
        )

    def settings_card(self) -> SettingsCard:
        """The card over the window in which settings are changed."""
        if self._card is None:
            self._card = SettingsCard(self._services.theme, self.window())
            self._card.taken.connect(self._take_settings)
        return self._card

    def _order_keyboard(self) -> None:
        """The keyboard goes through all of it as it is read."""
        prompts = [
            part
            for row, field in zip(self._rows, self.prompts, strict=True)
            for part in (field, row.findChild(QToolButton))
            if part is not None
        ]
        ways = self.ways
        tab_through(
            [
                *(self.start, *prompts, self.add_prompt),
                *(*ways.chips, ways.model, ways.way, ways.add),
                *(*self.chips, self.add_settings, self.seeds),
            ]
        )

    # prompts

    def _typed_prompts(self) -> tuple[str, ...]:
        texts = (field.toPlainText() for field in self.prompts)
        return tuple(text for text in texts if text.strip())

    def _show_prompts(self, prompts: tuple[str, ...]) -> None:
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows, self.prompts = [], []
        for prompt in prompts:
            self._add_field(prompt)
        self._note_prompts()

    def _add_field(self, words: str = "") -> QPlainTextEdit:
        number = len(self.prompts) + 1
        field = _lines(tr("Prompt {}").format(number), tr("A prompt"))
        field.setPlainText(words)
        field.setFixedHeight(_PROMPT_LINES * self._services.theme.line_px() + 20)
        field.textChanged.connect(self._typing.start)
        remove = icon_button("close", tr("Take prompt {} away").format(number), 14)
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(field, 1)
        line.addWidget(remove)
        remove.clicked.connect(lambda: self._remove_field(row, field))
        self._rows.append(row)
        self.prompts.append(field)
        self._prompt_column.addWidget(row)
        self._note_prompts()
        self._order_keyboard()
        return field

    def _note_prompts(self) -> None:
        self.add_prompt.setEnabled(len(self.prompts) < _MOST_PROMPTS)
        self.hint.setVisible(bool(self.prompts))

    def _remove_field(self, row: QWidget, field: QPlainTextEdit) -> None:
        if field in self.prompts:  # a second press finds it gone
            self.prompts.remove(field)
            self._rows.remove(row)
            row.hide()
            row.deleteLater()
            self._note_prompts()
            self.keep_typed()
            (self.prompts[-1] if self.prompts else self.add_prompt).setFocus()

    # settings

    def _show_settings(self, settings: tuple[WritingSettings, ...]) -> None:
        for chip in self.chips:
            chip.hide()
            chip.deleteLater()
        self.chips = [self._chip(number, one) for number, one in enumerate(settings)]
        self._flow.takeAt(self._flow.count() - 1)
        for part in (*self.chips, self.add_settings):
            self._flow.addWidget(part)

    def _chip(self, number: int, settings: WritingSettings) -> QPushButton:
        words = settings_in_words(settings)
        chip = QPushButton(words)
        chip.setProperty("role", "chip")
        chip.setIcon(icon("sliders", "text-dim", 12))
        chip.setIconSize(QSize(18, 12))
        chip.setToolTip(tr("Change these settings, or take them away"))
        chip.setAccessibleName(tr("Settings: {}").format(words))
        chip.clicked.connect(lambda: self._open_menu(number, chip))
        return chip

    def _open_menu(self, number: int, chip: QPushButton) -> None:
        settings = self._controller.draft.settings
        menu = _menu(chip)
        change = menu.addAction(icon("edit", "text-dim"), tr("Change…"))
        change.triggered.connect(lambda: self.settings_card().open_for(number, settings[number]))
        away = menu.addAction(icon("trash", "text-dim"), tr("Take away"))
        away.setEnabled(len(settings) > 1)
        others = (*settings[:number], *settings[number + 1 :])
        away.triggered.connect(lambda: self._controller.configure(settings=others))
        menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))

    def _offer_settings(self) -> None:
        """Those that come with the program, each as long as the last ones, and the person's own."""
        menu = _menu(self.add_settings)
        settings = self._controller.draft.settings
        limit = settings[-1].limit
        offered = [
            (one.title, msgspec.structs.replace(one.onto(WritingSettings()), limit=limit))
            for one in presets()
        ]
        own = self._services.settings.now.writing_presets
        for title, more in (*offered, *own.items()):
            action = menu.addAction(title.replace("&", "&&"))
            action.triggered.connect(lambda _on=False, more=more: self._add_these(more))
            action.setEnabled(more not in settings)
        menu.popup(self.add_settings.mapToGlobal(self.add_settings.rect().bottomLeft()))

    def _add_these(self, settings: WritingSettings) -> None:
        there = self._controller.draft.settings
        self._controller.configure(settings=tuple(dict.fromkeys((*there, settings))))

    def _take_settings(self, number: int, settings: WritingSettings) -> None:
        all_of_them = list(self._controller.draft.settings)
        if number < len(all_of_them):
            all_of_them[number] = settings
            self._controller.configure(settings=tuple(dict.fromkeys(all_of_them)))

    def _connect(self) -> None:
        for field in (self.start, self.seeds):
            field.textChanged.connect(self._typing.start)
        self._typing.timeout.connect(self.keep_typed)
        self.add_prompt.clicked.connect(lambda: self._add_field().setFocus())
        self.add_settings.clicked.connect(self._offer_settings)
        self.ways.changed.connect(lambda ways: self._controller.configure(ways=ways))
        self._controller.typed_wanted.connect(self.keep_typed)
        self._controller.configured.connect(self.show_draft)
        self._services.theme.changed.connect(self._fit)

    def _arrange(self) -> None:
        space = self._services.theme.space
        self._flow.addWidget(self.add_settings)
        self._prompt_column.setSpacing(space("xs"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space("xs"))
        column.addWidget(_named(tr("Start"), self.start))
        column.addWidget(self.start)
        column.addLayout(self._prompt_column)
        column.addWidget(self.hint)
        column.addWidget(self.add_prompt, 0)
        column.addSpacing(space("xs"))
        column.addWidget(_named(tr("Models"), self.ways.model))
        column.addWidget(self.ways)
        column.addSpacing(space("xs"))
        column.addWidget(_named(tr("Settings"), self.add_settings))
        column.addWidget(self._chip_box)
        column.addSpacing(space("xs"))
        column.addWidget(_named(tr("Seeds"), self.seeds))
        column.addWidget(self.seeds)
        column.addWidget(self.wrong)
        self.wrong.hide()
        self._fit()

    def _fit(self) -> None:
        line = self._services.theme.line_px()
        self.start.setFixedHeight(_START_LINES * line + 20)
        for field in self.prompts:
            field.setFixedHeight(_PROMPT_LINES * line + 20)


def _seeds_in(text: str) -> tuple[tuple[int, ...], str]:
    """The seeds of a line, each once, and the first word that is none."""
    words = text.replace(";", ",").replace(",", " ").split()
    wrong = next((word for word in words if not _is_seed(word)), "")
    return tuple(dict.fromkeys(int(word) for word in words if _is_seed(word))), wrong


def _is_seed(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word[:12]) <= _MOST_SEED and len(word) < 11


def _lines(name: str, hint: str) -> QPlainTextEdit:
    made = QPlainTextEdit(placeholderText=hint)
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    return made


def _menu(parent: QWidget) -> QMenu:
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _named(words: str, part: QWidget) -> QLabel:
    name = label(words, "strong")
    name.setBuddy(part)
    return name
