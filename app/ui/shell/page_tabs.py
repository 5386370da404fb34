"""What a screen reader is told of the rail: a list of tabs, one for each page."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleActionInterface, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QPushButton, QWidget

_told: dict[str, str] = {}
"""Names of widget classes and what they are: "list" or "tab"."""


def tell_of_tabs(rail: type[QWidget], button: type[QPushButton]) -> None:
    """From now on a ``rail`` is a list of tabs, and each checkable ``button`` in it a tab."""
    if not _told:
        QAccessible.installFactory(_interface)
    _told.update({rail.__name__: "list", button.__name__: "tab"})


class PageTab(QAccessibleWidget):
    """A button that stays down is a check box to Qt; here it is the tab of a page."""

    def __init__(self, button: QPushButton) -> None:
        super().__init__(button, QAccessible.Role.PageTab)
        self._button = button

    def state(self) -> QAccessible.State:
        now = super().state()
        now.selectable = True
        now.selected = self._button.isChecked()
        return now

    def actionNames(self) -> list[str]:  # noqa: N802 (Qt's name)
        return [QAccessibleActionInterface.pressAction(), *super().actionNames()]

    def doAction(self, name: str) -> None:  # noqa: N802 (Qt's name)
        if name == QAccessibleActionInterface.pressAction():
            self._button.click()
        else:
            super().doAction(name)


def _interface(kind: str, widget: QObject) -> QAccessibleInterface | None:
    """Asked by Qt for each class of a widget; None leaves it to Qt."""
    role = _told.get(kind)
    if role == "list" and isinstance(widget, QWidget):
        return QAccessibleWidget(widget, QAccessible.Role.PageTabList)
    if role == "tab" and isinstance(widget, QPushButton) and widget.isCheckable():
        return PageTab(widget)
    return None
