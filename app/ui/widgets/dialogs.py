"""How a dialog is opened over a window: one at a time; knows no dialog by name."""

from PySide6.QtWidgets import QDialog


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
