"""The settings of hub and downloads: where from, how fast, how many at once, and where to."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
)

from app.errors import Failure, KeyringLocked
from app.hub.sources.proxies import completed, keep_proxy, kept_password, parted, shown, whole_proxy
from app.messages.translate import tr
from app.ui.state.hub_access import endpoint_in
from app.ui.state.services import Services
from app.ui.widgets.dialogs import ask
from app.ui.widgets.parts import button

from .sections import Section

_MB = 1_000_000
_MOST_AT_ONCE, _MOST_CONNECTIONS, _FASTEST_MB = 6, 16, 10_000
_FIELD = 260


class DownloadSettings(Section):
    """Every change holds at once; addresses hold when their field is left."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.theme, tr("Downloads"))
        self._services = services
        self._kept = ""  # the proxy whose password the keyring has
        self._proxy_shown = ""
        self.source = QComboBox()
        self.mirror, self.proxy = QLineEdit(), QLineEdit()
        self.token = QLineEdit()
        self.at_once, self.connections, self.limit = QSpinBox(), QSpinBox(), QSpinBox()
        for number in (self.at_once, self.connections, self.limit):
            # the style sheet's padding does not reach the number inside
            number.lineEdit().setTextMargins(8, 0, 0, 0)
        self._source_row()
        self._mirror_row()
        self._proxy_row()
        self._token_row()
        self._number_rows()
        self._folder_row()
        self.follow()
        if "@" in services.settings.now.hub_proxy:
            services.tasks.start(self._look_for_password())

    def follow(self) -> None:
        """Show what is in force, whoever changed it."""
        now = self._services.settings.now
        self.source.setCurrentIndex(max(0, self.source.findData(now.hub_source)))
        self.mirror.setText(now.hub_mirror)
        self._show_proxy(now.hub_proxy)
        self.at_once.setValue(now.downloads_at_once)
        self.connections.setValue(now.download_connections)
        self.limit.setValue(now.download_limit // _MB)
        self._folder.setText(str(self._services.downloads.folder))
        self._usual.setVisible(bool(now.download_folder))
        self._mirror_part.setVisible(now.hub_source == "mirror")
        self._say_endpoint()

    # where from

    def _source_row(self) -> None:
        for source, words in (
            ("huggingface", "Hugging Face"),
            ("mirror", tr("A mirror")),
            ("modelscope", "ModelScope"),
        ):
            self.source.addItem(words, source)
        self.source.activated.connect(self._choose_source)
        self._endpoint = self.add(tr("Source"), " ", self.source)

    def _mirror_row(self) -> None:
        self.mirror.setPlaceholderText("https://hf-mirror.com")
        self.mirror.editingFinished.connect(
            lambda: self._turn(hub_mirror=self.mirror.text().strip())
        )
        words = tr("A site that answers as Hugging Face does.")
        self.mirror.setFixedWidth(_FIELD)
        self._mirror_part = self.part(tr("Mirror"), words, self.mirror)

    def _proxy_row(self) -> None:
        self.proxy.setPlaceholderText(tr("as the system says"))
        self.proxy.editingFinished.connect(self._choose_proxy)
        self.proxy.setFixedWidth(_FIELD)
        self._proxy_words = self.add(tr("Proxy"), " ", self.proxy)

    def _token_row(self) -> None:
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("hf_…")
        self.token.setFixedWidth(_FIELD - 84)
        self.keep = button(tr("Keep"))
        self.keep.setAccessibleName(tr("Keep the access token in the keyring"))
        self.keep.clicked.connect(self._keep_token)
        self.token.returnPressed.connect(self._keep_token)
        words = tr(
            "For private and gated repositories only. Kept in the system's keyring, never in a "
            "file. An empty one forgets it."
        )
        self.add(tr("Access token"), words, self.token, self.keep)

    # how fast

    def _number_rows(self) -> None:
        rows = (
            (self.at_once, 1, _MOST_AT_ONCE, tr("Downloads at once"), ""),
            (
                self.connections,
                1,
                _MOST_CONNECTIONS,
                tr("Connections for each file"),
                tr("More can be faster where the network slows down each one."),
            ),
            (
                self.limit,
                0,
                _FASTEST_MB,
                tr("Speed limit"),
                tr("For all downloads together."),
            ),
        )
        for field, least, most, name, words in rows:
            field.setRange(least, most)
            field.setMinimumWidth(110)
            field.setKeyboardTracking(False)
            self.add(name, words, field)
        self.limit.setSuffix(tr(" MB/s"))
        self.limit.setSpecialValueText(tr("none"))
        self.at_once.valueChanged.connect(lambda count: self._pace(downloads_at_once=count))
        self.connections.valueChanged.connect(lambda count: self._pace(download_connections=count))
        self.limit.valueChanged.connect(lambda count: self._pace(download_limit=count * _MB))

    # where to

    def _folder_row(self) -> None:
        self._usual = button(tr("Usual folder"), role="quiet")
        change = button(tr("Change"), "folder")
        change.setAccessibleName(tr("Change the folder of downloads"))
        self._usual.clicked.connect(lambda: self._put(""))
        change.clicked.connect(self._ask_folder)
        self._folder = self.add(tr("Download folder"), " ", self._usual, change)
        self._folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _choose_source(self) -> None:
        self._turn(hub_source=str(self.source.currentData()))

    def _choose_proxy(self) -> None:
        before = self._services.settings.now.hub_proxy
        if self.proxy.text() == self._proxy_shown:
            return
        address = completed(self.proxy.text(), before)
        if refused := _refused(address):
            self._proxy_words.setText(refused)
            return
        if "@" in address or "@" in before:
            self._services.tasks.start(self._keep_proxy(address, before))
        else:
            self._turn(hub_proxy=address)

    async def _keep_proxy(self, address: str, before: str) -> None:
        had, typed = bool(parted(before)[1] or self._kept), self.proxy.text()
        try:
            kept = await self._services.tasks.thread(keep_proxy, address, before)
        except KeyringLocked:
            if self.proxy.text() == typed or not self.proxy.hasFocus():
                self._show_proxy(self._services.settings.now.hub_proxy)
            raise
        self._services.settings.change(hub_proxy=kept)
        await self._look_for_password()
        if had and kept and not (parted(kept)[1] or self._kept):
            await self._say_forgotten(before, kept)
        self._look_anew()

    async def _say_forgotten(self, *addresses: str) -> None:
        """No password is known any more, which can also be because the keyring does not say."""
        words = tr("The proxy's password is forgotten.")
        try:
            for address in addresses:
                if await self._services.tasks.thread(kept_password, parted(address)[0]):
                    return
        except KeyringLocked:
            words = tr("The keyring is locked: it may still have the proxy's password.")
        self._services.notices.news(words)

    async def _look_for_password(self) -> None:
        """Ask the keyring whether it has one for the proxy, and show it as dots."""
        bare = parted(self._services.settings.now.hub_proxy)[0]
        whole = await self._services.tasks.thread(whole_proxy, bare)
        self._kept = bare if parted(whole)[1] else ""
        if self.proxy.text() == self._proxy_shown or not self.proxy.hasFocus():
            self.follow()

    def _show_proxy(self, address: str) -> None:
        self._proxy_shown = shown(address, kept=parted(address)[0] == self._kept)
        self.proxy.setText(self._proxy_shown)
        self._say_proxy(address)

    def _say_proxy(self, address: str) -> None:
        bare, password = parted(address)
        words = tr(
            "Only if the network asks for one, such as http://host:3128 or socks5://host:1080."
        )
        if refused := _refused(address):
            words = refused
        elif password:
            words = tr(
                "The password stands in the settings file, which only your account may read: this "
                "system has no keyring. Write another one over the dots, or delete them to remove "
                "it."
            )
        elif bare and bare == self._kept:
            words = tr(
                "The password is kept in the system's keyring. Write another one over the dots, or "
                "delete them to remove it."
            )
        elif "@" in bare:
            words = tr("A password goes behind the name: http://name:password@host:3128.")
        self._proxy_words.setText(words)

    def _turn(self, **values: object) -> None:
        """Another source, or another way to it."""
        before = self._services.settings.now
        self._services.settings.change(**values)
        self.follow()
        if self._services.settings.now != before:
            self._look_anew()

    def _look_anew(self) -> None:
        self._services.catalogue.switch_hub()
        self._services.downloads.switch_hub()

    def _pace(self, **values: object) -> None:
        before = self._services.settings.now
        self._services.settings.change(**values)
        if self._services.settings.now != before:
            self._services.downloads.apply_limits()

    def _put(self, folder: str) -> None:
        self._services.settings.change(download_folder=folder)
        self.follow()
        self._services.library.refresh()

    def _ask_folder(self) -> None:
        now = str(self._services.downloads.folder)
        dialog = QFileDialog(self.window(), tr("Folder for downloads"), now)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda chosen: self._put(str(Path(chosen))))
        ask(dialog)

    def _keep_token(self) -> None:
        self._services.tasks.start(self._keep(self.token.text().strip()))

    async def _keep(self, token: str) -> None:
        from app.hub.sources.tokens import keep_token

        address = endpoint_in(self._services.settings.now).address
        await self._services.tasks.thread(keep_token, address, token)
        self.token.clear()
        kept, gone = tr("The token is in the keyring."), tr("No token is kept any more.")
        self._services.notices.news(kept if token else gone)
        self._look_anew()

    def _say_endpoint(self) -> None:
        try:
            host = endpoint_in(self._services.settings.now).host
        except Failure as failure:
            from app.messages.failures import say  # the sentences are read only when one is needed

            self._endpoint.setText(say(failure).sentences)
            return
        words = tr("The Models page asks {} for its list. Nothing else is sent anywhere.")
        self._endpoint.setText(words.format(host))


def _refused(address: str) -> str:
    """The sentence for a proxy that can be none; "" for one that can."""
    if not address:
        return ""
    from app.hub.sources.network_settings import proxy_at

    try:
        proxy_at(address)
    except Failure as failure:
        from app.messages.failures import say

        return say(failure).text
    return ""
