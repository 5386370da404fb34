"""The folders that are searched for models, one line each, with a button that gives it up."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.icons import pixmap
from app.ui.look.theme import Theme
from app.ui.state.models.model_library import Library
from app.ui.state.notices import Notices
from app.ui.widgets.parts import Elided, icon_button, label


class Folders(QWidget):
    """Shows the library's folders; a removal can be undone."""

    def __init__(self, theme: Theme, library: Library, notices: Notices) -> None:
        super().__init__()
        self._theme, self._library, self._notices = theme, library, notices
        self._column = QVBoxLayout(self)
        edge = theme.space("l")
        self._column.setContentsMargins(edge, theme.space("s"), theme.space("m"), theme.space("s"))
        self._column.setSpacing(theme.space("xs"))
        library.folders_changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (line := item.widget()) is not None:
                line.hide()
                line.deleteLater()
        for folder in self._library.folders:
            self._column.addWidget(self._line(folder))
        if not self._library.folders:
            words = tr("No folder yet. Add one, or drop it anywhere on this window.")
            self._column.addWidget(label(words, "small", wrap=True))

    def _line(self, folder: Path) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self._theme.space("s"))
        picture = label("")
        picture.setPixmap(pixmap("folder", "text-dim", 16, self.devicePixelRatioF()))
        row.addWidget(picture)
        row.addWidget(Elided(str(folder), mode=Qt.TextElideMode.ElideMiddle), 1)
        drop = icon_button("close", tr("Search {} no more").format(folder), 14)
        drop.clicked.connect(lambda: self._remove(folder))
        row.addWidget(drop)
        return line

    def _remove(self, folder: Path) -> None:
        before = self._library.folders
        self._library.remove_folder(folder)
        said = tr("{} is no longer searched; nothing was deleted.").format(folder)
        self._notices.undo(said, lambda: self._library.restore_folders(before))
