"""What is said above the list of folders that are gone."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, button


class MissingFolders(QFrame):
    """Folders that were chosen and are not there now: a drive that is not plugged in, perhaps."""

    given_up = Signal(Path)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self._shown: tuple[Path, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(
            theme.space("m"), theme.space("xs"), theme.space("xs"), theme.space("xs")
        )
        self.hide()

    def show_folders(self, folders: tuple[Path, ...]) -> None:
        """One line a folder, with a button that searches it no more."""
        self.setVisible(bool(folders))
        if folders == self._shown:
            return
        self._shown = folders
        while (item := self._column.takeAt(0)) is not None:
            if (line := item.widget()) is not None:
                line.deleteLater()
        for folder in folders:
            self._column.addWidget(self._line(folder))

    def _line(self, folder: Path) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        said = tr("Not there now: {}").format(folder)
        row.addWidget(Elided(said, "small", Qt.TextElideMode.ElideMiddle), 1)
        drop = button(tr("Remove"), role="link")
        drop.setAccessibleName(tr("Search {} no more").format(folder))
        drop.clicked.connect(lambda: self.given_up.emit(folder))
        row.addWidget(drop)
        return line
