"""The Settings page: one column of sections; every change holds at once."""

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.messages.translate import tr
from app.store.paths import Paths
from app.ui.state.appearance import SCALES, choose_scale, choose_theme, nearest
from app.ui.state.model_opener import ModelOpener
from app.ui.state.models.model_library import Library
from app.ui.state.services import Services
from app.ui.widgets.about import LICENCE_URL, PARTS, versions
from app.ui.widgets.page import Page
from app.ui.widgets.parts import button, label

from .chat_defaults_settings import ChatSettings
from .device_settings import DeviceSettings
from .download_settings import DownloadSettings
from .folders import Folders
from .help_settings import HelpSettings
from .sections import Section
from .state_settings import StateSettings

_WIDEST = 640


class SettingsPage(Page):
    """Shows the settings and follows them when they are changed elsewhere."""

    def __init__(
        self, services: Services, library: Library, opening: ModelOpener, paths: Paths
    ) -> None:
        super().__init__()
        self._services, self._library = services, library
        self._opening, self._paths = opening, paths
        self.theme_choice, self.size_choice = QComboBox(), QComboBox()
        self.open_last = QCheckBox()
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._arrange(body)
        self.chat = ChatSettings(services)
        self.downloads = DownloadSettings(services)
        self.device = DeviceSettings(services, opening)
        self.help, self.states = HelpSettings(services, paths), StateSettings(services, paths)
        own = (self._look(), self._models(), self.device, self.chat, self.states, self.downloads)
        sections = (*own, self._data(), self.help, self._about())
        for section in sections:
            self._column.addWidget(section)
        self._column.addStretch()
        services.theme.changed.connect(self._follow)
        services.shared.changed.connect(self._follow_others)
        self._follow()

    def arrived(self) -> None:
        self._follow()
        self._services.gpus.look()
        super().arrived()

    def show_section(self, section: QWidget) -> None:
        """Scroll so that it begins at the top, where there is enough below it."""
        self._scroll.verticalScrollBar().setValue(section.y() - self._services.theme.space("l"))

    def take_keyboard(self) -> None:
        self.theme_choice.setFocus(Qt.FocusReason.OtherFocusReason)

    def _look(self) -> Section:
        section = Section(self._services.theme, tr("Appearance"))
        for mode, words in (
            ("system", tr("Like the system")),
            ("light", tr("Light")),
            ("dark", tr("Dark")),
        ):
            self.theme_choice.addItem(words, mode)
        for scale in SCALES:
            self.size_choice.addItem(f"{scale * 100:.0f} %", scale)
        self.theme_choice.activated.connect(self._dress)
        self.size_choice.activated.connect(self._scale)
        section.add(tr("Theme"), "", self.theme_choice)
        keys = tr("Ctrl++ and Ctrl+- do the same on every page.")
        section.add(tr("Text size"), keys, self.size_choice)
        return section

    def _models(self) -> Section:
        section = Section(self._services.theme, tr("Models"))
        self.open_last.setProperty("bare", "true")
        self.open_last.clicked.connect(self._set_open_last)
        words = tr("Otherwise the small guide that ships with Rookery is opened.")
        section.add(tr("Open the last model at start"), words, self.open_last)
        add = button(tr("Add folder"), "folder-plus")
        add.clicked.connect(self._opening.ask_folder)
        words = tr("Searched with all folders inside, and watched for what comes and goes.")
        section.add(tr("Folders with models"), words, add)
        services = self._services
        section.add_wide(Folders(services.theme, self._library, services.notices))
        return section

    def _data(self) -> Section:
        section = Section(self._services.theme, tr("Your data"))
        show = button(tr("Show folder"), "folder")
        show.setAccessibleName(tr("Show the folder of your conversations"))
        show.clicked.connect(self._show_data)
        lasting = self._services.conversations.lasting
        words = str(self._paths.data) if lasting else tr("Kept in memory only this time.")
        about = section.add(tr("Conversations"), words, show)
        about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = tr(
            "Models run on this machine. What you write and what they answer is sent nowhere. The "
            "network is used for the list of models, their pages, and downloads."
        )
        section.add(tr("Privacy"), words)
        return section

    def _about(self) -> Section:
        section = Section(self._services.theme, tr("About"))
        copy = button(tr("Copy versions"), "copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(versions()))
        section.add("Rookery", versions(), copy)
        licence = button(tr("Read"), "external", role="quiet")
        licence.setAccessibleName(tr("Read the licence in the browser"))
        licence.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(LICENCE_URL)))
        words = tr("Apache License 2.0. Built with {}.").format(PARTS)
        section.add(tr("Licence"), words, licence)
        return section

    def _follow(self) -> None:
        """Show what is in force, whoever changed it."""
        theme = self._services.theme
        self.theme_choice.setCurrentIndex(self.theme_choice.findData(theme.mode))
        self.size_choice.setCurrentIndex(nearest(theme.scale))
        self.open_last.setChecked(self._services.settings.now.open_last_model)
        self.device.follow()
        self.chat.follow()
        self.downloads.follow()
        self.states.follow()

    def _follow_others(self, _before: object, _now: object) -> None:
        """Another window chose something; what is being typed here stays."""
        if not isinstance(QApplication.focusWidget(), QLineEdit):
            self._follow()

    def _dress(self) -> None:
        choose_theme(self._services, str(self.theme_choice.currentData()))

    def _scale(self) -> None:
        choose_scale(self._services, float(self.size_choice.currentData()))

    def _set_open_last(self) -> None:
        self._services.settings.change(open_last_model=self.open_last.isChecked())

    def _show_data(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._paths.data)))

    def _arrange(self, body: QWidget) -> None:
        space = self._services.theme.space
        self._column.setContentsMargins(space("xl"), space("xl"), space("xl"), space("xl"))
        self._column.setSpacing(space("xl"))
        self._column.addWidget(label(tr("Settings"), "title"))
        body.setMaximumWidth(_WIDEST + 2 * space("xl"))  # heights of wrapped words depend on it
        across = QWidget()
        middle = QHBoxLayout(across)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addStretch(1)
        middle.addWidget(body, 1000)
        middle.addStretch(1)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setAccessibleName(tr("Settings"))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(across)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(scroll)
