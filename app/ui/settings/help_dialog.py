"""The dialog that shows a report before it is saved; what is not to be shared can be taken out."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from PySide6.QtCore import QDir, QStandardPaths, QUrl
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.errors import Failure
from app.messages.translate import tr
from app.store.paths import Paths
from app.system.atomic_file import writing
from app.system.gpus import Gpu
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask
from app.ui.widgets.parts import button, label

from .help_report import report_text


class ReportDialog(QDialog):
    """Shows ``report``, which can be edited, copied and saved; nothing is sent anywhere."""

    def __init__(self, report: str, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = services.tasks
        self.setWindowTitle(tr("Report of a problem"))
        space = services.theme.space
        self.resize(640, 520)
        self.edit = QPlainTextEdit(report)
        self.edit.setAccessibleName(tr("The report"))
        self.edit.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.edit.setTabChangesFocus(True)
        self.said = label("", "dim", wrap=True)
        self.copy = button(tr("Copy"), "copy")
        self.save = button(tr("Save…"), "save", role="primary")
        self.close_it = button(tr("Close"), role="quiet")
        self.copy.clicked.connect(self._copy)
        self.save.clicked.connect(self._ask_where)
        self.close_it.clicked.connect(self.reject)
        self.save.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(space("s"))
        buttons.addWidget(self.said, 1)
        for one in (self.close_it, self.copy, self.save):
            buttons.addWidget(one)
        column = QVBoxLayout(self)
        column.setContentsMargins(space("xl"), space("xl"), space("xl"), space("l"))
        column.setSpacing(space("m"))
        column.addWidget(label(tr("Look at it before you share it"), "section"))
        words = tr(
            "It tells which versions run on which machine, your settings without passwords, and "
            "what went wrong. Your texts are not in it. Take out what you want to keep to "
            "yourself. It is sent nowhere."
        )
        column.addWidget(label(words, "dim", wrap=True))
        column.addWidget(self.edit, 1)
        column.addLayout(buttons)
        self.edit.setFocus()

    def keep(self, path: Path) -> None:
        """Save what is shown now; says whether that went well."""
        self._tasks.start(self._keep(path, self.edit.toPlainText()))

    async def _keep(self, path: Path, text: str) -> None:
        try:
            await self._tasks.thread(_write, path, text)
        except Failure as failure:
            from app.messages.failures import one_line  # seldom needed

            self.said.setText(one_line(failure))
        else:
            self.said.setText(tr("Saved as {}").format(path.name))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.edit.toPlainText())
        self.said.setText(tr("Copied"))

    def _ask_where(self) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        usual = f"rookery-report-{date.today():%Y%m%d}.txt"
        dialog = QFileDialog(self, tr("Save the report"), folder or QDir.homePath())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(tr("Text (*.txt)"))
        dialog.setDefaultSuffix("txt")
        dialog.selectFile(usual)
        dialog.fileSelected.connect(lambda chosen: self.keep(Path(chosen)))
        ask(dialog)


async def show_report(services: Services, paths: Paths, parent: QWidget) -> None:
    """Make a report of now and show it over ``parent``'s window."""
    gpus: Sequence[Gpu] = services.gpus.found
    chosen = services.settings.now
    text = await services.tasks.thread(report_text, paths, chosen, gpus)
    ask(ReportDialog(text, services, parent))


def open_logs(folder: Path) -> None:
    """Show the folder of the log; it is there even before anything was logged."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = folder.parent  # a folder that cannot be made has nothing in it
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _write(path: Path, text: str) -> None:
    with writing(path, through_links=True) as file:
        file.write(text.encode("utf-8", "replace"))
