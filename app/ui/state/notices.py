"""What the program tells the person beside the page: failures in words, and undo; draws nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Signal

from app.errors import BY_CODE, Failure
from app.messages.translate import tr
from app.runtime.protocol.messages import SteppedDown
from app.system.log import describe, logger

MODEL, DOWNLOAD, RESTING, STEP = "model", "download", "resting", "step"
"""What a notice can be about beside a page: the open model, a download that failed, a model that
was let go, or one that does not run as it was to."""


class Kind(Enum):
    """How a notice is meant; the bar shows an icon and a colour for it."""

    NEWS = "info"
    FAILURE = "alert"
    UNDO = "undo"


@dataclass(frozen=True)
class Notice:
    """What the bar says, below ``title`` if there is one; ``details`` are folded away.

    ``verb`` names what ``act`` does; it goes by itself after ``lasts_s`` seconds, if not 0.
    ``about`` is what it belongs to, and goes with: the key of a page, MODEL, DOWNLOAD, or "" for
    what concerns the whole program.
    """

    kind: Kind
    text: str
    title: str = ""
    details: str = ""
    verb: str = ""
    act: Callable[[], None] | None = None
    lasts_s: float = 0.0
    about: str = ""


class Notices(QObject):
    """Where every page posts; the window's bar listens."""

    posted = Signal(object)
    settled = Signal(str)

    def news(self, text: str, *, lasts_s: float = 6.0, about: str = "") -> None:
        """Say something that asks for nothing; it goes with what it is ``about``."""
        self.posted.emit(Notice(Kind.NEWS, text, lasts_s=lasts_s, about=about))

    def failure(
        self,
        failure: Failure,
        verb: str = "",
        act: Callable[[], None] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Say in words what went wrong, with one thing that can be done.

        It stays until it is closed, or what it is ``about`` is left or settled.
        """
        from app.messages.failures import say  # the sentences are read only when one is needed

        words = say(failure)
        details = details_of(failure)
        logger("notice").warning("%s", describe(failure))
        self.posted.emit(
            Notice(
                Kind.FAILURE,
                words.sentences,
                words.title,
                details,
                verb=verb,
                act=act,
                about=about,
            )
        )

    def undo(self, text: str, act: Callable[[], None], *, lasts_s: float = 15.0) -> None:
        """Say what was just done, with a way back for a while."""
        self.posted.emit(Notice(Kind.UNDO, text, verb=tr("Undo"), act=act, lasts_s=lasts_s))

    def offer(
        self,
        text: str,
        verb: str,
        act: Callable[[], None],
        *,
        lasts_s: float = 12.0,
        details: str = "",
        about: str = "",
    ) -> None:
        """Say some news, with one thing that can be done about it."""
        self.posted.emit(
            Notice(
                Kind.NEWS,
                text,
                details=details,
                verb=verb,
                act=act,
                lasts_s=lasts_s,
                about=about,
            )
        )

    def settle(self, about: str) -> None:
        """What was said about this no longer holds, or its page was left."""
        self.settled.emit(about)


def details_of(failure: Failure) -> str:
    """Code, detail and facts of a failure as text that can be copied into a report."""
    facts = json.dumps(failure.facts, ensure_ascii=False, indent=2) if failure.facts else ""
    detail = failure.detail if failure.detail != failure.code else ""
    return "\n".join(part for part in (failure.code, detail, facts) if part)


def step_details(down: SteppedDown, strategy: str) -> str:
    """Why a model runs in another way, for a report: both strategies and what failed."""
    from app.messages.gpu_status import step_in_detail  # seldom needed

    failure = BY_CODE.get(down.code, Failure)("", **down.facts)
    return f"{step_in_detail(down, strategy)}\n{details_of(failure)}"
