"""Rows of a drop-down list that follow what is shown, without a flicker."""

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox

from app.messages.run_plans import BITS
from app.messages.translate import tr


def fill(box: QComboBox, rows: Sequence[tuple[str, str]], chosen: str | None) -> None:
    """These entries, and the chosen one or none; nothing is touched where they are there already.

    For a choice that is not among them the first one is shown.
    """
    if [(box.itemText(at), box.itemData(at)) for at in range(box.count())] != list(rows):
        box.clear()
        for words, data in rows:
            box.addItem(words, data)
    box.setCurrentIndex(-1 if chosen is None else max(0, box.findData(chosen)))


def format_rows(formats: Sequence[str]) -> list[tuple[str, str]]:
    """One for each format of numbers: its bits in words, and its name."""
    return [(tr("{}-bit · {}").format(BITS[one], one), one) for one in formats]
