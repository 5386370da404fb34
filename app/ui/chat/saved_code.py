"""Saving a block of code of a reply as a file of the person's choice."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.system.atomic_file import writing
from app.ui.widgets.dialogs import ask


def ask_where(page: QWidget, title: str, name: str, save: Callable[[Path], None]) -> None:
    """Let the person choose a place for a file that would be called ``name``."""
    dialog = QFileDialog(page, title, str(Path.home() / name))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda place: save(Path(place)))
    ask(dialog)


def write_file(place: Path, text: str) -> None:
    """Write a text file, whole or not at all.  Raises StoreError, DiskFull."""
    with writing(place) as file:
        file.write(text.encode("utf-8"))
