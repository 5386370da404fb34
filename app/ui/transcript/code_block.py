"""A block of code: its language, copy, save, and the code itself."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.icons import icon
from app.ui.look.text_style import TextStyle
from app.ui.markdown.blocks import Block
from app.ui.markdown.document import document_of, plain_document
from app.ui.markdown.highlight import language_name, suffix
from app.ui.widgets.parts import icon_button, label

from .code_colours import CodeColours
from .text_block import TextBlock
from .wide_text import WideText

_HEAD, _EDGE = 34, 12
_THANKS_MS = 1500


class CodeBlock(QFrame):
    """Shows code that may still grow; ``save_wanted`` carries all of it and a name for a file."""

    save_wanted = Signal(str, str)

    def __init__(self, block: Block, text_style: TextStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("code", "true")
        self._text_style = text_style
        self._language = block.language
        self._source = ""
        self._wide = WideText(plain_document("", text_style), text_style)
        self._colours = CodeColours(self._wide.text, block.language, text_style)
        self._copy = icon_button("copy", tr("Copy the code"), 16)
        self.save = save = icon_button("save", tr("Save the code as a file"), 16)
        self._copy.clicked.connect(self.copy)
        save.clicked.connect(self._save)
        name = label(language_name(block.language) or tr("Text"), "small")
        self._head = head = QHBoxLayout()
        head.setContentsMargins(_EDGE, 4, 4, 0)
        head.setSpacing(0)
        head.addWidget(name, 1)
        head.addWidget(self._copy)
        head.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, _EDGE - 2)
        column.setSpacing(2)
        column.addLayout(head)
        inner = QHBoxLayout()
        inner.setContentsMargins(_EDGE, 0, _EDGE, 0)
        inner.addWidget(self._wide)
        column.addLayout(inner, 1)
        self.show_block(block)

    @property
    def text(self) -> TextBlock:
        """Where the code is painted."""
        return self._wide.text

    def show_block(self, block: Block) -> None:
        """Show the code as it is now: plain at once, and in its colours when they are known."""
        source = block.source.removesuffix("\n")
        text = self._wide.text
        if self._source and source.startswith(self._source):
            cursor = QTextCursor(text.document)
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(source[len(self._source) :], self._text_style.code("text"))
            text.show_document(text.document)
        else:
            text.show_document(document_of(block, self._text_style))
            self._colours.begin_anew()
        self._source = source
        self._colours.show(source)
        self.updateGeometry()

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        head = max(_HEAD, self._head.sizeHint().height() + 4)
        return self._wide.heightForWidth(width - 2 * _EDGE) + head + _EDGE

    def copy(self) -> None:
        """Put the code on the clipboard, and say so for a moment."""
        QGuiApplication.clipboard().setText(self._source)
        self._copy.setIcon(icon("check", "good", 16))
        QTimer.singleShot(_THANKS_MS, self._copy, self._restore_icon)

    def _restore_icon(self) -> None:
        self._copy.setIcon(icon("copy", "text-dim", 16))

    def _save(self) -> None:
        self.save_wanted.emit(self._source + "\n", tr("code") + suffix(self._language))
