"""One window for one data folder: a second start rings here and leaves; opens no window itself."""

import hashlib
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_PATIENCE_MS = 500


class SingleInstance(QObject):
    """``rung`` when another start of the program asks this one to come to the front.

    Where no socket can be made, both windows run side by side: the store allows it.
    """

    rung = Signal()

    def __init__(self, data_folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        digest = hashlib.sha256(str(data_folder.resolve()).encode()).hexdigest()
        self._name = f"rookery-{digest[:16]}"
        self._server: QLocalServer | None = None

    def answered(self) -> bool:
        """Ring at the window that is already open; whether there is one and it answered."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_PATIENCE_MS):
            return False
        answered = socket.waitForReadyRead(_PATIENCE_MS)  # a window that hangs does not answer
        socket.abort()
        return answered

    def listen(self) -> bool:
        """Answer from now on; False where the system gives no socket."""
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._answer)
        if not server.listen(self._name):
            QLocalServer.removeServer(self._name)  # left behind by a window that was killed
            if not server.listen(self._name):
                return False
        self._server = server
        return True

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _answer(self) -> None:
        assert self._server is not None
        caller = self._server.nextPendingConnection()
        caller.disconnected.connect(caller.deleteLater)
        caller.write(b"here")
        caller.flush()
        self.rung.emit()
