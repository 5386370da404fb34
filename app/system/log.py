"""The program's log: one file in the data folder, for events by subject, and no texts in it.

Every process writes into the same file (``log_file``); a line tells which kind it is.  Warnings of
Python and of other packages go there as well; Qt's messages are brought by the window.
"""

import logging
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from app import __version__
from app.errors import Failure

from .log_file import LogFile
from .log_lines import LineFormatter, failure_line, hide

NAME = "rookery.log"
TEXTS = "ROOKERY_LOG_TEXTS"
"""The environment variable that, set to 1, lets prompts and replies into the log."""
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that hold secrets."""

_base = logging.getLogger("rookery")
_base.addHandler(logging.NullHandler())  # a module that logs says nothing where there is no log
_base.propagate = False
_base.setLevel(logging.INFO)
_texts = logging.getLogger("rookery.text")
_texts.setLevel(logging.CRITICAL)
_file: LogFile | None = None
_shown_warning = warnings.showwarning


def logger(subject: str) -> logging.Logger:
    """The logger of a subject: start, model, worker, request, download, settings, crash, qt.

    What goes to "text" is what people write and models answer; it is kept only if asked for.
    """
    return logging.getLogger(f"rookery.{subject}")


def begin_as_asked(
    kind: str, folder: Path, environ: Mapping[str, str], *, at_once: bool = True
) -> None:
    """``begin``, with what the environment says of texts and secrets."""
    for name in SECRETS:
        hide(environ.get(name, ""))
    begin(kind, folder, at_once=at_once, texts=environ.get(TEXTS) == "1")


def begin(kind: str, folder: Path, *, at_once: bool = True, texts: bool = False) -> None:
    """Log into ``folder`` from now on, as a process of this kind.

    ``at_once`` writes down now that it has begun, and not with its first event.  ``texts`` keeps
    prompts, replies, and all that exceptions say.  Does nothing if the log has begun.
    """
    global _file
    if _file is not None:
        return
    how = LineFormatter(kind, texts=texts)
    start = _start()
    _file = LogFile(folder / NAME, beside=kind == "window", first=lambda: how.format(start))
    _file.setFormatter(how)
    _texts.setLevel(logging.DEBUG if texts else logging.CRITICAL)
    root = logging.getLogger()
    for one in (_base, root):
        one.addHandler(_file)
    if logging.lastResort is not None and root.handlers == [_file]:
        root.addHandler(logging.lastResort)  # what packages say is still printed, too
    warnings.showwarning = _show_warning
    if at_once:
        _file.begin()


def end() -> None:
    """Write what is left, and log no more."""
    global _file
    if _file is None:
        return
    warnings.showwarning = _shown_warning
    root = logging.getLogger()
    for handler in (_file, logging.lastResort):
        if handler is not None:
            root.removeHandler(handler)
    _base.removeHandler(_file)
    _texts.setLevel(logging.CRITICAL)
    _file.close()
    _file = None


def flush() -> None:
    """Wait until what was logged is on the disk: before the process ends at once."""
    if _file is not None:
        _file.flush()


def keeps_texts() -> bool:
    """Whether what is written and answered goes into the log."""
    return _texts.isEnabledFor(logging.DEBUG)


def describe(failure: Failure) -> str:
    """A failure for the log: its code and those of its facts that hold no text."""
    return failure_line(failure, texts=keeps_texts())


def _start() -> logging.LogRecord:
    python = ".".join(map(str, sys.version_info[:3]))
    words = f"Rookery {__version__}, Python {python}, {sys.platform}"
    return logging.LogRecord("rookery.start", logging.INFO, "", 0, words, None, None)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Where Python would have shown it, and in the log."""
    _shown_warning(message, category, filename, lineno, file, line)
    words = f"{category.__name__}: {message} ({filename}, line {lineno})"
    logger("warnings").warning("%s", words)


__all__ = [
    "NAME",
    "begin",
    "begin_as_asked",
    "describe",
    "end",
    "flush",
    "hide",
    "keeps_texts",
    "logger",
]
