"""The dialog for what nobody foresaw: says so plainly, with everything to copy into a report."""

import traceback
from types import TracebackType

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.messages.translate import tr
from app.ui.widgets.about import versions

from .parts import button, label


class BugReport(QDialog):
    """Shows one exception; the program goes on."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Something went wrong in Rookery"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(600, 400)
        self._report = QPlainTextEdit(report, readOnly=True)
        self._report.setAccessibleName(tr("Details of the mistake"))
        copy = button(tr("Copy details"), "copy")
        copy.clicked.connect(self._copy)
        carry_on = button(tr("Carry on"), role="primary")
        carry_on.clicked.connect(self.accept)
        carry_on.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addWidget(copy)
        buttons.addStretch()
        buttons.addWidget(carry_on)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(12)
        column.addWidget(label(tr("This is a mistake in Rookery, not yours"), "section"))
        column.addWidget(
            label(
                tr(
                    "What you wrote is kept. You can carry on; if it happens again, these "
                    "details help to mend it."
                ),
                "dim",
                wrap=True,
            )
        )
        column.addWidget(self._report)
        column.addLayout(buttons)

    def append(self, report: str) -> None:
        """One more error that came while this one is being read."""
        self._report.appendPlainText(f"\n{report}")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report.toPlainText())


def report_of(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Versions and traceback as text."""
    lines = traceback.format_exception(kind, error, trace)
    return f"{versions()}\n\n{''.join(lines)}"
