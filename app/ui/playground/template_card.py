"""A card over the page: choose a template, fill in its fields, and begin a text with it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.state.playground.writing_templates import (
    Template,
    filled,
    templates,
    variables_in,
)
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import button, icon_button, label

_WIDTH, _LIST_PX = 640, 190
_LONG = ("text", "instruction")  # variables that get a field of several lines


class TemplateCard(Overlay):
    """``used`` carries the text with its fields filled in, and the key of the preset for it.

    A text that a person has written may have variables such as {{name}} too: ``open_for`` offers
    its fields, and its key of a preset is "".
    """

    used = Signal(str, str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._theme = theme
        self._text, self._preset = "", ""
        self._fields: dict[str, QLineEdit | QPlainTextEdit] = {}
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Templates"))
        self.list.setFixedWidth(_LIST_PX)
        self._title = label("", "section", wrap=True)
        self._words = label("", "dim", wrap=True)
        self._form = QWidget()
        self._form_column = QVBoxLayout(self._form)
        self.use = button(tr("Begin with this"), role="primary")
        self._arrange()
        self.use.clicked.connect(self._use)
        self.list.currentRowChanged.connect(self._choose)

    def open_templates(self) -> None:
        """Offer the templates that come with the program."""
        self._all = templates()
        self.list.clear()
        for one in self._all:
            item = QListWidgetItem(one.title)
            item.setToolTip(one.words)
            item.setSizeHint(QSize(0, self._theme.line_px() + 12))
            self.list.addItem(item)
        self.list.show()
        self.list.setCurrentRow(0)
        self.open()
        self.list.setFocus(Qt.FocusReason.PopupFocusReason)

    def open_for(self, text: str) -> None:
        """Offer the fields of a text of the person's own."""
        self.list.hide()
        words = tr("A new document gets the text with what stands in the fields.")
        self._offer(tr("Fill in the fields"), words, text, "")
        self.open()
        for field in list(self._fields.values())[:1]:
            field.setFocus(Qt.FocusReason.PopupFocusReason)

    def field(self, name: str) -> QLineEdit | QPlainTextEdit:
        """The field of a variable."""
        return self._fields[name]

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._all):
            one: Template = self._all[row]
            self._offer(one.title, one.words, one.text, one.preset, dict(one.examples))

    def _offer(
        self,
        title: str,
        words: str,
        text: str,
        preset: str,
        examples: "dict[str, str] | None" = None,
    ) -> None:
        self._text, self._preset = text, preset
        self._title.setText(title)
        self._words.setText(words)
        while (item := self._form_column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._fields = {}
        for name in variables_in(text):
            field = self._field(name, (examples or {}).get(name, ""))
            self._fields[name] = field
            above = label(name, "strong")
            above.setBuddy(field)
            self._form_column.addWidget(above)
            self._form_column.addWidget(field)
        self._form_column.addStretch()
        self._place()

    def _field(self, name: str, example: str) -> QLineEdit | QPlainTextEdit:
        field: QLineEdit | QPlainTextEdit
        if name in _LONG or len(example) > 60:
            field = QPlainTextEdit(example)
            field.setTabChangesFocus(True)
            field.setFixedHeight(3 * self._theme.line_px() + 20)
        else:
            field = QLineEdit(example)
        field.setAccessibleName(name)
        return field

    def _use(self) -> None:
        fields = {
            name: field.text() if isinstance(field, QLineEdit) else field.toPlainText()
            for name, field in self._fields.items()
        }
        text, preset = filled(self._text, fields), self._preset
        self.close_card()
        self.used.emit(text, preset)

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(close)
        self._form_column.setContentsMargins(0, 0, space("s"), 0)
        self._form_column.setSpacing(space("xs"))
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(self._form)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumHeight(240)
        scroll.viewport().setAutoFillBackground(False)
        self._form.setAutoFillBackground(False)
        right = QVBoxLayout()
        right.setSpacing(space("s"))
        right.addWidget(self._words)
        right.addWidget(scroll, 1)
        right.addWidget(self.use, 0, Qt.AlignmentFlag.AlignRight)
        both = QHBoxLayout()
        both.setSpacing(space("l"))
        both.addWidget(self.list)
        both.addLayout(right, 1)
        self.body.setContentsMargins(space("xl"), space("l"), space("xl"), space("l"))
        self.body.setSpacing(space("s"))
        self.body.addLayout(head)
        self.body.addLayout(both, 1)
