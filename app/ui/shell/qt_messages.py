"""What Qt itself has to say goes into the log, and is printed as it would be without one."""

import sys

from PySide6.QtCore import (
    QMessageLogContext,
    QtMsgType,
    qFormatLogMessage,
    qInstallMessageHandler,
    qVersion,
)

from app.system.log import flush, logger

_LEVELS = {
    QtMsgType.QtDebugMsg: 10,
    QtMsgType.QtInfoMsg: 20,
    QtMsgType.QtWarningMsg: 30,
    QtMsgType.QtCriticalMsg: 40,
    QtMsgType.QtFatalMsg: 50,
}
_log = logger("qt")


def install() -> None:
    """From now on, whatever thread says it."""
    logger("start").info("Qt %s", qVersion())
    qInstallMessageHandler(_take)


def uninstall() -> None:
    """Before Python ends: Qt still speaks when nobody can listen any more."""
    qInstallMessageHandler(None)


def _take(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    category = context.category or "default"
    _log.log(_LEVELS[kind], "%s: %s", category, message)
    if kind is QtMsgType.QtFatalMsg:
        flush()  # Qt ends the process now
    if sys.stderr is not None:
        print(qFormatLogMessage(kind, context, message), file=sys.stderr)  # noqa: T201
