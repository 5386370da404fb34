"""One row of a batch in full: what went in, what came out, and how it ended."""

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.messages.units import whole
from app.ui.look.theme import Theme
from app.ui.state.batch.batch_rows import RowState, ShownRow
from app.ui.state.batch.batch_words import end_in_words
from app.ui.widgets.parts import icon_button, label

_LINES = 5


class RowDetails(QWidget):
    """Hidden until there is a row to show, and when it is closed until there is another one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: int | None = None
        self._closed: int | None = None
        self._head = label("", "strong", wrap=True)
        self.input, self.output = _field(tr("Input of the row")), _field(tr("Output of the row"))
        close = icon_button("close", tr("Close the row"), 16)
        close.clicked.connect(self._close)
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        head.addWidget(close)
        texts = QHBoxLayout()
        texts.setSpacing(theme.space("s"))
        texts.addWidget(self.input, 1)
        texts.addWidget(self.output, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("xs"))
        column.addLayout(head)
        column.addLayout(texts)
        theme.changed.connect(self._fit)
        self._fit()
        self.hide()

    def show_row(self, row: ShownRow | None) -> None:
        """Show it, in place of the one before."""
        shown = row is not None and row.number != self._closed
        self.setVisible(shown)
        if row is None or not shown:
            return
        self._shown, self._closed = row.number, None
        said = tr("Row {}: {}").format(whole(row.number), end_in_words(row))
        self._head.setText(said)
        self._head.setProperty("kind", "bad" if row.state is RowState.FAILED else "strong")
        self._head.style().polish(self._head)
        for field, words in ((self.input, row.input), (self.output, row.text)):
            if field.toPlainText() != words:
                field.setPlainText(words)

    def _close(self) -> None:
        self._closed = self._shown
        self.hide()

    def _fit(self) -> None:
        for field in (self.input, self.output):
            field.setFixedHeight(_LINES * self._theme.line_px() + 24)


def _field(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit(readOnly=True)
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    made.setAcceptDrops(False)
    return made
