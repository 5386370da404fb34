"""Files and folders dragged onto the window, whatever page is open; says which, opens nothing."""

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.runtime.checkpoint.file_names import MODEL_ENDINGS
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.widgets.parts import label


class DropZone(QWidget):
    """Covers its parent while something is dragged over it; ``dropped`` carries the paths."""

    dropped = Signal(list)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme, self._window = theme, parent
        self._frame = QFrame()
        self._frame.setObjectName("drop")
        self._art = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._words = label("", "section")
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._arrange()
        parent.setAcceptDrops(True)
        parent.installEventFilter(self)
        self.hide()

    def watch(self, page: QWidget) -> None:
        """Let no text field of ``page`` swallow a model: it would insert the path as text."""
        for line in page.findChildren(QLineEdit):
            line.installEventFilter(self)
        for kind in (QTextEdit, QPlainTextEdit):
            for field in page.findChildren(kind):
                field.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        if watched is not self._window:
            return isinstance(event, QDropEvent) and bool(models_in(event.mimeData()))
        match event:
            case QDragEnterEvent() | QDragMoveEvent():
                return self._offer(event)
            case QDropEvent():
                return self._take(event)
            case QDragLeaveEvent():
                self.hide()
            case QResizeEvent() if self.isVisible():
                self.setGeometry(self._window.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        veil = self._theme.color("window")
        veil.setAlphaF(0.85)
        painter = QPainter(self)
        painter.fillRect(self.rect(), veil)
        painter.end()

    def _offer(self, event: QDragMoveEvent) -> bool:
        paths = paths_in(event.mimeData())
        if not paths:
            return False
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if self.isHidden():
            self._say(paths)
            self.setGeometry(self._window.rect())
            self.show()
            self.raise_()
        return True

    def _take(self, event: QDropEvent) -> bool:
        self.hide()
        paths = paths_in(event.mimeData())
        if paths:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.dropped.emit(paths)
        return bool(paths)

    def _say(self, paths: list[Path]) -> None:
        folder = paths[0].is_dir()
        words = tr("Drop to add this folder") if folder else tr("Drop to open this model")
        self._words.setText(words)
        picture = "folder-plus" if folder else "models"
        self._art.setPixmap(pixmap(picture, "accent", 40, self.devicePixelRatioF()))

    def _arrange(self) -> None:
        space = self._theme.space("xl")
        inside = QVBoxLayout(self._frame)
        inside.addStretch()
        inside.addWidget(self._art)
        inside.addWidget(self._words)
        inside.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(space, space, space, space)
        column.addWidget(self._frame, 0, Qt.AlignmentFlag.AlignCenter)
        self._frame.setMinimumSize(420, 200)  # larger where its words are


def paths_in(mime: QMimeData) -> list[Path]:
    """The local files and folders of a drag."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def models_in(mime: QMimeData) -> list[Path]:
    """Those that are a folder or named like a model."""
    named = [path for path in paths_in(mime) if path.suffix.casefold() in MODEL_ENDINGS]
    return named or [path for path in paths_in(mime) if path.is_dir()]
