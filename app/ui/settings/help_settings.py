"""Where the log is, and a report of a problem that a person looks at before it is saved."""

from PySide6.QtCore import Qt

from app.messages.translate import tr
from app.store.paths import Paths
from app.system.log import NAME
from app.ui.state.services import Services
from app.ui.widgets.parts import button

from .help_dialog import open_logs, show_report
from .sections import Section


class HelpSettings(Section):
    """Opens the folder of the log, and makes a report."""

    def __init__(self, services: Services, paths: Paths) -> None:
        super().__init__(services.theme, tr("Help"))
        self._services, self._paths = services, paths
        self._making = False
        self.show_folder = button(tr("Show folder"), "folder")
        self.show_folder.setAccessibleName(tr("Show the folder of the log"))
        self.show_folder.clicked.connect(lambda: open_logs(paths.logs))
        words = tr("What Rookery did and what failed; your texts are not in it.\n{}")
        about = self.add(tr("Log"), words.format(paths.logs / NAME), self.show_folder)
        about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.make = button(tr("Make a report"), "bug")
        self.make.clicked.connect(self._make)
        words = tr(
            "Versions, this machine, settings without passwords, and the end of the log. You see "
            "it before it is saved, and it is sent nowhere."
        )
        self.add(tr("Report of a problem"), words, self.make)

    def _make(self) -> None:
        services = self._services
        if not self._making:
            self._making = True
            services.tasks.start(show_report(services, self._paths, self), after=self._made)

    def _made(self) -> None:
        self._making = False
