"""How one event of the log is written: on lines of its own, without secrets and without texts.

What a person writes and what a model answers is their own: an exception's message that may hold it
is left out, and so are the facts of a failure that are not known to be harmless.
"""

import logging
import os
import re
import traceback
from datetime import datetime

from app.errors import Failure

WITHHELD = "…"
_LONGEST = 32_000

_HARMLESS = frozenset(
    (
        *("error", "exit_code", "file", "folder", "found", "here", "host", "kept", "missing"),
        *("name", "path", "program", "repo", "said", "status", "strategy", "there", "tried"),
        *("dtype", "generation", "proxy", "shape", "variable", "wanted", "why"),
    )
)
"""Facts of failures that hold no text of a person or a model; numbers never do."""

_SAYS_NO_TEXT = (
    *(ArithmeticError, AttributeError, ImportError, IndexError, MemoryError, NameError),
    *(OSError, RecursionError, RuntimeError, TypeError),
)
"""Exceptions whose messages speak of code, files and shapes; that of a KeyError is the key."""

_SECRETS = (
    (r"//[^\s\"'<>]*@", f"//{WITHHELD}@"),
    (r"[^\s:@/\"'<>]+:[^\s\"'<>/]+@(?=[\w\[])", f"{WITHHELD}@"),
    (r"(?i)\b(authorization|cookie)\b[\"']?\s*[:=].*", rf"\1: {WITHHELD}"),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.-]{8,}", rf"\1 {WITHHELD}"),
    (
        r"(?i)((?:^|[?&;,\s\"'{(])[\w-]*(?:token|key|signature|secret|passw|auth|credential|policy)"
        r"[\w-]*[\"']?\s*[=:]\s*[\"']?)[^\s&;\"',]+",
        rf"\1{WITHHELD}",
    ),
    (r"\b(hf_|ms-|sk-)[A-Za-z0-9_-]{6,}", rf"\1{WITHHELD}"),
)
"""What is taken for a secret, and what is written for it; compiled when first needed."""

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Leave ``secret`` (a token, say) out of every line that is written from now on."""
    if len(secret) >= 4:  # the shortest one that does not stand in ordinary words
        _hidden.add(secret)


def without_secrets(text: str) -> str:
    """``text`` without passwords in addresses, tokens, keys, and what ``hide`` was told of."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, WITHHELD)
    for pattern, instead in _SECRETS:
        text = re.sub(pattern, instead, text)
    return text


def failure_line(failure: Failure, *, texts: bool = False) -> str:
    """A failure's code and its facts; ``texts``: also those that may hold what was written."""
    told = [
        f"{name}={fact!r}"
        for name, fact in failure.facts.items()
        if texts or name in _HARMLESS or isinstance(fact, int | float)
    ]
    return f"{failure.code} ({', '.join(told)})" if told else failure.code


def error_lines(error: BaseException, *, texts: bool = False) -> str:
    """The tracebacks of ``error`` and of what it came from, with messages that hold no text."""
    parts = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines = "".join(traceback.format_tb(link.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{lines}{_named(link, texts=texts)}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n\nwhich led to:\n\n".join(reversed(parts))


def _named(error: BaseException, *, texts: bool) -> str:
    name = type(error).__qualname__
    if isinstance(error, Failure):
        return f"{name}: {failure_line(error, texts=texts)}"
    harmless = isinstance(error, _SAYS_NO_TEXT) and not isinstance(error, UnicodeError)
    said = str(error) if texts or harmless else WITHHELD
    return f"{name}: {said}" if said else name


class LineFormatter(logging.Formatter):
    """``TIME KIND PID LEVEL SUBJECT: WORDS``; further lines of one event are indented.

    ``kind`` is what the process is: window, worker, downloader or command.  With ``texts`` the
    messages of all exceptions are kept.
    """

    def __init__(self, kind: str, *, texts: bool = False) -> None:
        super().__init__()
        self._who, self._texts = f"{kind} {os.getpid()}", texts

    def format(self, record: logging.LogRecord) -> str:
        """The whole event, with a line feed at its end."""
        now = datetime.fromtimestamp(record.created).astimezone()
        subject = record.name.removeprefix("rookery.")
        words = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            words = f"{words}\n{error_lines(error, texts=self._texts)}"
        head = f"{now.isoformat(timespec='milliseconds')} {self._who} {record.levelname} {subject}"
        return f"{head}: {_indented(without_secrets(words))}\n"


def _indented(words: str) -> str:
    """Nothing in it begins a line as an event does, and nothing in it is a command."""
    if len(words) > _LONGEST:
        words = f"{words[: _LONGEST // 2]}\n{WITHHELD}\n{words[-_LONGEST // 2 :]}"
    lines = [line.expandtabs(4) for line in words.rstrip().splitlines()] or [""]
    shown = ["".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines]
    return "\n    ".join(shown)
