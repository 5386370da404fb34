"""The tone of a model's words in the editor; changes no text."""

from collections.abc import Callable

from PySide6.QtGui import QSyntaxHighlighter, QTextCharFormat

from app.ui.look.theme import Theme
from app.ui.state.playground.document_text import DocumentText

from .text_editor import TextEditor


class OriginTones(QSyntaxHighlighter):
    """Paints the paragraphs that change, from who wrote them as ``text`` tells it then."""

    def __init__(self, editor: TextEditor, theme: Theme, text: Callable[[], DocumentText]) -> None:
        super().__init__(editor.document())
        self._editor, self._theme, self._text = editor, theme, text
        self._written = QTextCharFormat()
        self._seen: list[int] = []
        theme.changed.connect(self._dress)
        self._dress()

    def look_again(self) -> None:
        """Paint anew where other words are a model's than before, though the text is the same."""
        text = self._text()
        now = [one.end - one.start for one in text.runs(0, len(text)) if one.written]
        if now != self._seen:
            self._seen = now
            self.rehighlight()

    def highlightBlock(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """One paragraph; Qt counts in units of UTF-16."""
        units, begin = self._editor.units, self.currentBlock().position()
        start, end = units.place(begin), units.place(begin + self.currentBlock().length() - 1)
        whole = self._text()
        for run in whole.runs(start, min(end, len(whole))):
            if run.written:
                first, last = units.of(run.start), units.of(run.end)
                self.setFormat(first - begin, last - first, self._written)

    def _dress(self) -> None:
        self._written.setForeground(self._theme.color("accent"))
        self.rehighlight()
