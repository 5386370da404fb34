"""Templates of prompts: ``{{NAME}}`` stands for a column; knows no file and no model."""

import re
from dataclasses import dataclass

from app.errors import RequestRefused

from .row_files import TEXT, Row, Summary

_HOLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MOST_NAMED = 20


@dataclass(frozen=True)
class PromptTemplate:
    """A text with holes, and the column that ``{{text}}`` means (None where nothing asks for it).

    Braces with nothing between them are no hole.  What is filled in is never looked at again.
    """

    text: str
    column: str | None

    def holes(self) -> list[str]:
        """The columns that it needs, each once."""
        return list(dict.fromkeys(self._column(name) for name in names_in(self.text)))

    def filled(self, row: Row) -> str:
        """The prompt of a row.  Raises RequestRefused (why "row-...") where it cannot be made."""
        if row.broken:
            raise row.broken
        for name in self.holes():
            if name not in row.values:
                raise RequestRefused(why="row-empty", name=name)
        return _HOLE.sub(lambda hole: self._value(hole, row), self.text)

    def input_of(self, row: Row) -> str | dict[str, str]:
        """What the row is: its ``{{text}}``, else all of it, else what stood there."""
        if row.broken:
            return row.raw
        return dict(row.values) if self.column is None else row.values.get(self.column, "")

    def _value(self, hole: re.Match[str], row: Row) -> str:
        return row.values[self._column(hole[1])] if hole[1] else hole[0]

    def _column(self, name: str) -> str:
        return self.column if name == TEXT and self.column is not None else name


def names_in(text: str) -> list[str]:
    """The names between double braces, in order."""
    return [name for name in _HOLE.findall(text) if name]


def template_for(text: str, column: str, found: Summary) -> PromptTemplate:
    """Check ``text`` against the columns that there are; ``column`` "" is to be chosen.

    ``{{text}}`` is the column that was asked for, else the one of this name, else the only one.
    Raises RequestRefused (why "column-...") for a name that no column has, or two have.
    """
    names = names_in(text)
    wanted = column or (TEXT if TEXT in found.columns else "")
    if not wanted and len(found.columns) == 1:
        wanted = found.columns[0]
    if column and column not in found.columns:
        raise _refused("column-unknown", column, found)
    if TEXT in names and not wanted:
        raise _refused("column-unclear", TEXT, found)
    template = PromptTemplate(text, wanted or None)
    for name in template.holes():
        if name not in found.columns:
            raise _refused("column-unknown", name, found)
        if name in found.repeated:
            raise _refused("column-twice", name, found)
    return template


def _refused(why: str, name: str, found: Summary) -> RequestRefused:
    names = found.columns[:_MOST_NAMED]
    more = ("…",) if len(found.columns) > _MOST_NAMED else ()
    return RequestRefused(why=why, name=name, wanted=", ".join((*names, *more)))
