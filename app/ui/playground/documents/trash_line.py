"""What can be done with the trash of documents: remove for good, which is asked about first."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.messages.translate import tr, tr_n
from app.store.documents.document_records import Document
from app.ui.look.theme import Theme
from app.ui.widgets.parts import button, label


class TrashLine(QWidget):
    """``agreed`` carries the ids of documents to remove; ``empty_wanted`` asks for all of them.

    What is removed cannot come back, so it is asked here, in another place than where it began.
    ``settled`` when the question is answered.
    """

    agreed = Signal(tuple)
    empty_wanted = Signal()
    settled = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._asked: tuple[str, ...] = ()
        self._said = label("", "strong", wrap=True)
        self.empty = button(tr("Empty the trash"), "trash", role="danger")
        self.keep = button(tr("Keep"))
        self.sure = button(tr("Delete for good"), role="danger")
        self.empty.clicked.connect(self.empty_wanted)
        self.keep.clicked.connect(self.settle)
        self.sure.clicked.connect(self._agree)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space("s"))
        for part in (self._said, self.sure, self.keep, self.empty):
            column.addWidget(part)
        self.settle()

    @property
    def asking(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self._asked)

    def ask(self, documents: list[Document]) -> None:
        """Ask whether these shall go for good."""
        if not documents or self._asked:
            return
        self._asked = tuple(one.id for one in documents)
        said = tr_n("Delete {} document for good?", "Delete {} documents for good?", len(documents))
        words = said.format(len(documents))
        if len(documents) == 1:
            title = documents[0].title or tr("Untitled")
            words = tr("Delete “{}” for good?").format(title)
        self._said.setText(words)
        self._show_parts()
        self.keep.setFocus(Qt.FocusReason.OtherFocusReason)

    def settle(self) -> None:
        """Nothing is asked any more."""
        asked, self._asked = self._asked, ()
        self._show_parts()
        if asked:
            self.settled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        if event.key() == Qt.Key.Key_Escape and self._asked:
            self.settle()
        else:
            super().keyPressEvent(event)

    def _agree(self) -> None:
        asked = self._asked
        self.settle()
        if asked:
            self.agreed.emit(asked)

    def _show_parts(self) -> None:
        asking = bool(self._asked)
        for part in (self._said, self.sure, self.keep):
            part.setVisible(asking)
        self.empty.setVisible(not asking)
