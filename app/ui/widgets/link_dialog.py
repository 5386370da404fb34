"""Before a link is followed: its whole address, and whether to go there; opens nothing unasked."""

from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from app.ui.look.icons import icon

_LINE, _LINES = 64, 4


def offer_address(address: str, parent: QWidget, at: QPoint) -> QMenu | None:
    """A menu at the screen point ``at`` that shows where ``address`` leads and can go there.

    Only http and https are offered, and no address with a name before its host, which is there
    to mislead: None for anything else.
    """
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    if url.scheme() not in ("http", "https") or not url.host() or url.userInfo():
        return None
    menu = QMenu(parent)
    menu.setAccessibleName(menu.tr("Leads to {}").format(address))
    for line in _lines(shown_address(url)):
        menu.addAction(line).setEnabled(False)
    menu.addSeparator()
    go = menu.addAction(icon("external", "text", 16), menu.tr("Open in the browser"))
    go.triggered.connect(lambda: QDesktopServices.openUrl(url))
    copy = menu.addAction(icon("copy", "text", 16), menu.tr("Copy the address"))
    copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(url.toString()))
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(at)
    return menu


def shown_address(url: QUrl) -> str:
    """As it will be opened, the host in ASCII: look-alike letters give themselves away."""
    return bytes(url.toEncoded().data()).decode("ascii")


def _lines(address: str) -> list[str]:
    """In pieces that fit a menu; its end is cut off where it is very long."""
    pieces = [address[at : at + _LINE] for at in range(0, len(address), _LINE)]
    if len(pieces) > _LINES:
        pieces = [*pieces[:_LINES], "…"]
    return [piece.replace("&", "&&") for piece in pieces]
