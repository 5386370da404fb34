"""Tab goes where the eye goes: from the layouts' order, not from the order things were made in."""

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QSplitter, QStackedWidget, QWidget


def follow_reading(root: QWidget) -> None:
    """Let Tab go through ``root`` as its layouts show it; once, when it has been built."""
    for before, after in pairwise(stops_in(root)):
        QWidget.setTabOrder(before, after)


def stops_in(root: QWidget) -> Iterator[QWidget]:
    """What takes the keyboard inside ``root``, shown or not, in the order it is read."""
    if root.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield root
        return
    if isinstance(root, QScrollArea):
        parts = [root.widget()]
    elif isinstance(root, QSplitter | QStackedWidget):
        parts = [root.widget(at) for at in range(root.count())]
    else:
        parts = list(_in_layout(root.layout()))
    for part in parts:
        if part is not None:
            yield from stops_in(part)


def _in_layout(layout: QLayout | None) -> Iterator[QWidget]:
    for at in range(layout.count() if layout is not None else 0):
        item = layout.itemAt(at)  # type: ignore[union-attr]
        if item is None:
            continue
        if (widget := item.widget()) is not None:
            yield widget
        else:
            yield from _in_layout(item.layout())
