"""Questions and their answers as rows of a table; asks nobody."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.messages.translate import tr
from app.ui.state.states.many_questions import Answer, Answered, ManyQuestions

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class QuestionsModel(QAbstractTableModel):
    """Question and answer; an answer that failed says why."""

    def __init__(self, questions: ManyQuestions) -> None:
        super().__init__()
        self._questions = questions
        questions.begun.connect(self._begin)
        questions.changed.connect(self._change)

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else len(self._questions.answers)

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 (Qt's name)
        return 0 if parent.isValid() else 2

    def headerData(  # noqa: N802 (Qt's name)
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return (tr("Question"), tr("Answer"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        answer = self._questions.answers[index.row()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return answer.question if index.column() == 0 else answer_words(answer)

    def _begin(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _change(self) -> None:
        if rows := self.rowCount():
            self.dataChanged.emit(self.index(0, 1), self.index(rows - 1, 1))


def answer_words(answer: Answer) -> str:
    """What was answered, or why nothing was."""
    if answer.failure is not None:
        from app.messages.failures import say  # the sentences are read only when one is needed

        return say(answer.failure).sentences
    if answer.text:
        return answer.text
    return {
        Answered.WAITING: tr("waiting"),
        Answered.BEGUN: "…",
        Answered.STOPPED: tr("stopped"),
    }.get(answer.status, tr("nothing was answered"))
