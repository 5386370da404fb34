"""How a dialog is opened over a window: one at a time; knows no dialog by name."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QDialog, QFileDialog, QWidget


def ask(dialog: QDialog) -> None:
    """Show ``dialog`` over its parent's window, until it is answered; it ends by itself.

    Where one is open there already, as after two presses at once, that one stays alone.
    """
    dialog.finished.connect(dialog.deleteLater)
    parent = dialog.parentWidget()
    others = parent.window().findChildren(QDialog) if parent is not None else []
    if any(other.isVisible() for other in others if other is not dialog):
        dialog.deleteLater()
    else:
        dialog.open()


def ask_where(page: QWidget, title: str, name: str, save: Callable[[Path], None]) -> None:
    """Let the person choose a place for a file that would be called ``name``."""
    dialog = QFileDialog(page, title, str(Path.home() / name))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda place: save(Path(place)))
    ask(dialog)
