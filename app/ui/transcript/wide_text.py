"""A document that is not wrapped: it scrolls sideways by itself and upwards with the transcript."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QTextDocument, QWheelEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from app.ui.look.text_style import TextStyle

from .text_block import TextBlock


class WideText(QScrollArea):
    """Code or a table; as high as its document, with a bar below where that is too wide."""

    def __init__(
        self, document: QTextDocument, text_style: TextStyle, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.text = TextBlock(document, text_style, wraps=False)
        self.setWidget(self.text)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self.text.setAutoFillBackground(False)

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        size = self.text.sizeHint()
        bar = self.horizontalScrollBar().sizeHint().height() if size.width() > width else 0
        return size.height() + bar

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return self.text.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        return QSize(40, 10)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        sideways = abs(event.angleDelta().x()) > abs(event.angleDelta().y())
        if sideways and self.horizontalScrollBar().maximum() > 0:
            super().wheelEvent(event)
        else:
            event.ignore()
