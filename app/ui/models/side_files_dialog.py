"""Asks which files go with a model: those of it are named, all others stay unless ticked."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.library.file_groups import FileGroup
from app.messages.translate import tr
from app.messages.units import size
from app.ui.look.theme import Theme
from app.ui.widgets.parts import Elided, button, label

_WIDE = 480
_BESIDE = 190  # for the box, the size and the edges
_HIGHEST = 320
_MOST_NAMED = 4


class SideFilesDialog(QDialog):
    """``heading`` says what is done, ``verb`` is the button; ``ticked`` are ticked at first."""

    def __init__(
        self, theme: Theme, group: FileGroup, words: tuple[str, str], ticked: Iterable[Path] = ()
    ) -> None:
        super().__init__()
        heading, verb = words
        self.setWindowTitle(heading)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(_WIDE)
        first = set(ticked)
        beside = sorted((*group.shared, *group.others), key=lambda file: file.name.casefold())
        self.boxes = {file: self._box(file, on=file in first) for file in beside}
        edge = theme.space("l")
        column = QVBoxLayout(self)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(theme.space("m"))
        column.addWidget(label(heading, "section", wrap=True))
        column.addWidget(self._files(theme, group))
        asked = tr("These lie beside it, and stay there unless you tick them:")
        column.addWidget(label(asked, wrap=True))
        folder = str(group.files[0].parent)
        column.addWidget(Elided(folder, "small", Qt.TextElideMode.ElideMiddle))
        column.addWidget(self._choice(theme))
        column.addLayout(self._buttons(theme, verb))

    @property
    def chosen(self) -> tuple[Path, ...]:
        """The files that were ticked."""
        return tuple(file for file, box in self.boxes.items() if box.isChecked())

    def _files(self, theme: Theme, group: FileGroup) -> QWidget:
        """What goes in any case, by name and size."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("xs"))
        for line in named_lines(group.all):
            column.addWidget(Elided(line, "mono", Qt.TextElideMode.ElideMiddle))
        return part

    def _box(self, file: Path, *, on: bool) -> QCheckBox:
        box = QCheckBox()
        room = _WIDE - _BESIDE
        shown = box.fontMetrics().elidedText(file.name, Qt.TextElideMode.ElideMiddle, room)
        box.setText(shown.replace("&", "&&"))
        box.setToolTip(file.name if shown != file.name else "")
        box.setAccessibleName(f"{file.name}, {_size(file)}")
        box.setChecked(on)
        return box

    def _choice(self, theme: Theme) -> QScrollArea:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, theme.space("m"), 0)
        column.setSpacing(theme.space("xs"))
        for file, box in self.boxes.items():
            row = QHBoxLayout()
            row.addWidget(box, 1)
            row.addWidget(label(_size(file), "small"))
            column.addLayout(row)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        scroll.setFixedHeight(min(_HIGHEST, body.sizeHint().height()))
        return scroll

    def _buttons(self, theme: Theme, verb: str) -> QHBoxLayout:
        cancel, go = button(tr("Cancel")), button(verb, role="primary")
        cancel.clicked.connect(self.reject)
        go.clicked.connect(self.accept)
        go.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(theme.space("s"))
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(go)
        return row


def named_lines(files: Iterable[Path]) -> list[str]:
    """Each file's name and size; of many the first, and how many and how large the rest are."""
    listed = list(files)
    lines = [f"{file.name}  ·  {_size(file)}" for file in listed[:_MOST_NAMED]]
    if rest := listed[_MOST_NAMED:]:
        whole = size(sum(map(_bytes, rest)))
        more = tr("and {} more  ·  {}")
        lines.append(more.format(len(rest), whole))
    return lines


def _size(file: Path) -> str:
    return size(_bytes(file))


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
