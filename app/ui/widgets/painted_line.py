"""Words that are painted, not laid out: one line that is never cut at its top or its foot."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
CENTRE = Qt.AlignmentFlag.AlignCenter


def paint_line(
    painter: QPainter,
    box: QRect,
    words: str,
    align: Qt.AlignmentFlag = LEFT,
    cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    """Paint ``words`` around the middle of ``box``, shortened with … to its width.

    What is higher than the box, such as letters of another script from another font, reaches
    over its edges: Qt would cut it off there.
    """
    shown = painter.fontMetrics().elidedText(words.replace("\n", " "), cut, box.width())
    flags = int(align) | int(Qt.TextFlag.TextSingleLine) | int(Qt.TextFlag.TextDontClip)
    painter.drawText(box, flags, shown)
