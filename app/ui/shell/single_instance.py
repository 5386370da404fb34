"""One window for one data folder: a second start rings here and leaves; opens no window itself."""

import sys
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from app.errors import StoreError
from app.messages.translate import tr
from app.system.file_lock import locked_beside

from .instance_socket import is_left_over, is_own_account, socket_address

_PATIENCE_MS = 500
_LOCK_S = 2.0


class SingleInstance(QObject):
    """``rung`` when another start of the program asks this one to come to the front.

    Where no socket can be made, both windows run side by side: the store allows it.  ``trouble``
    then says why, in words; "" where all is well.
    """

    rung = Signal()

    def __init__(self, data_folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trouble = ""
        self._address = socket_address(data_folder)
        self._server: QLocalServer | None = None

    def answered(self) -> bool:
        """Ring at the window that is already open; whether there is one and it answered.

        What another account runs is no window of this one, whatever it answers.
        """
        if not self._address:
            return False
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        if not socket.waitForConnected(_PATIENCE_MS):
            return False
        if not is_own_account(int(socket.socketDescriptor())):
            self.trouble = tr(
                "A program of another account answers in Rookery's place. It was not believed: "
                "this window opens beside others of yours."
            )
            socket.abort()
            return False
        answered = socket.waitForReadyRead(_PATIENCE_MS)  # a window that hangs does not answer
        socket.abort()
        return answered

    def listen(self) -> bool:
        """Answer from now on; False where the system gives no socket, or another start was faster.

        A socket that a killed window has left is taken away, by one start at a time.
        """
        if not self._address:
            self.trouble = tr(
                "There is no folder of your own for Rookery's socket: a second start opens a "
                "second window."
            )
            return False
        if self._begin():
            return True
        if not is_left_over(self._address):
            return False
        try:
            with locked_beside(Path(self._address), _LOCK_S):
                if self._is_open():
                    return False
                QLocalServer.removeServer(self._address)
                return self._begin()
        except StoreError:
            return False

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _begin(self) -> bool:
        server = QLocalServer(self)
        if sys.platform == "win32":  # elsewhere the folder lets nobody else in
            server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._answer)
        if not server.listen(self._address):
            server.deleteLater()
            return False
        self._server = server
        return True

    def _is_open(self) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        opened = socket.waitForConnected(_PATIENCE_MS)
        socket.abort()
        return opened

    def _answer(self) -> None:
        while self._server is not None and self._server.hasPendingConnections():
            caller = self._server.nextPendingConnection()
            caller.disconnected.connect(caller.deleteLater)
            if not is_own_account(int(caller.socketDescriptor())):
                caller.abort()
                continue
            caller.write(b"here")
            caller.flush()
            self.rung.emit()
