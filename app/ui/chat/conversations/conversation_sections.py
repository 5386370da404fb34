"""Conversations under headings: pinned, by folder, by day, and the archive; draws nothing."""

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.messages.translate import tr
from app.store.records import Conversation, Found

ARCHIVE = "archive"
_FOLDER = "folder:"


@dataclass(frozen=True)
class Heading:
    """Above a section; one that ``folds`` can hide its ``count`` rows.

    ``folder`` is the one whose name it is; "" for all others.
    """

    key: str
    title: str
    count: int = 0
    folds: bool = False
    folded: bool = False
    folder: str = ""


Row = Heading | Found


def section_rows(conversations: Sequence[Conversation], folded: Collection[str]) -> list[Row]:
    """Rows for these, which come in order; those of a section in ``folded`` are left out.

    Whatever is archived is there and nowhere else.  What is pinned stands at the top, in a folder
    or not.
    """
    sections: dict[str, list[Conversation]] = {}
    today = datetime.date.today()
    for one in conversations:
        sections.setdefault(_section_of(one, today), []).append(one)
    folders = sorted((key for key in sections if key.startswith(_FOLDER)), key=str.casefold)
    rows: list[Row] = []
    for key in ("pinned", *folders, "today", "yesterday", "week", "earlier", ARCHIVE):
        inside = sections.get(key)
        if inside:
            heading = _heading(key, len(inside), hidden=key in folded)
            rows.append(heading)
            if not heading.folded:
                rows += [Found(conversation=one, excerpt="") for one in inside]
    return rows


def _section_of(one: Conversation, today: datetime.date) -> str:
    if one.archived:
        return ARCHIVE
    if one.pinned:
        return "pinned"
    if one.folder:
        return _FOLDER + one.folder
    days = (today - datetime.date.fromtimestamp(one.updated)).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else "week" if days < 7 else "earlier"


def _heading(key: str, count: int, *, hidden: bool) -> Heading:
    titles = {
        "pinned": tr("Pinned"),
        "today": tr("Today"),
        "yesterday": tr("Yesterday"),
        "week": tr("This week"),
        "earlier": tr("Earlier"),
        ARCHIVE: tr("Archive"),
    }
    folder = key.removeprefix(_FOLDER) if key not in titles else ""
    folds = key not in titles or key == ARCHIVE
    title = titles.get(key, folder)
    return Heading(key, title, count, folds=folds, folded=folds and hidden, folder=folder)
