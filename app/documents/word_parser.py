"""The text in the XML of a Word document, as it comes (WordprocessingML, ECMA-376 part 1, 17)."""

import re
from xml.parsers import expat

from .text_pieces import TextPieces

_WORD = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_CHOICE = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_SKIPPED = frozenset({"moveFrom"})  # it stands once more where it was moved to
_LETTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_HEADING = re.compile(r"heading ?([1-6])", re.IGNORECASE)


class EntitiesError(Exception):
    """It declares entities, which no Word document does: a few bytes could become gigabytes."""


class WordParser:
    """``feed`` it the bytes of a part; paragraphs go to ``pieces``, tables as rows of Markdown."""

    def __init__(self, pieces: TextPieces) -> None:
        self._pieces = pieces
        self._lines: list[list[str]] = []  # the paragraphs that are open: a text box lies in one
        self._mark = ""
        self._tables: list[list[list[str]]] = []
        self._cells: list[list[str]] = []
        self._runs = self._texts = self._skipped = 0
        self._some = False
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._say
        parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, data: bytes) -> None:
        """Raises ExpatError and EntitiesError."""
        self._parser.Parse(data, False)  # noqa: FBT003 (takes no keyword)

    def close(self) -> None:
        """The part has ended.  Raises ExpatError where that is too early."""
        self._parser.Parse(b"", True)  # noqa: FBT003 (takes no keyword)

    def _refuse(self, *_declared: object) -> None:
        raise EntitiesError

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if self._skipped or local in _SKIPPED or name == f"{_CHOICE} Fallback":
            self._skipped += 1
            return
        if local == "r":
            self._runs += 1
        elif local == "t":
            self._texts += 1
        elif local in _LETTERS and self._runs:  # elsewhere a tab is a place on the ruler
            self._add(_LETTERS[local])
        elif local == "p":
            self._lines.append([])
            self._mark = ""
        else:
            self._begin_block(local, attributes)

    def _begin_block(self, local: str, attributes: dict[str, str]) -> None:
        told = {_local(key): value for key, value in attributes.items()}
        heading = _HEADING.fullmatch(told.get("val", "")) if local == "pStyle" else None
        if heading:
            self._mark = "#" * int(heading[1]) + " "
        elif local == "numPr":
            self._mark = self._mark or "- "
        elif local in ("footnoteReference", "endnoteReference"):
            self._add(f"[^{told.get('id', '')}]")
        elif local == "tbl":
            self._tables.append([])
        elif local == "tr" and self._tables:
            self._tables[-1].append([])
        elif local == "tc":
            self._cells.append([])

    def _end(self, name: str) -> None:
        local = _local(name)
        if self._skipped:
            self._skipped -= 1
        elif local == "r":
            self._runs -= 1
        elif local == "t":
            self._texts -= 1
        elif local == "p":
            self._give("".join(self._lines.pop()).rstrip())
        elif local == "tc":
            self._end_cell()
        elif local == "tbl":
            self._give(_as_markdown(self._tables.pop()))

    def _say(self, text: str) -> None:
        if self._texts and not self._skipped:
            self._add(text)

    def _add(self, text: str) -> None:
        if self._lines:
            self._lines[-1].append(text)

    def _end_cell(self) -> None:
        cell = " ".join(self._cells.pop())
        if self._tables and self._tables[-1]:
            self._tables[-1][-1].append(" ".join(cell.split()).replace("|", "\\|"))

    def _give(self, block: str) -> None:
        """A paragraph or table that is whole."""
        mark, self._mark = self._mark, ""
        if not block.strip():
            return
        if self._cells:
            self._cells[-1].append(block)
            return
        self._pieces.add(f"\n\n{mark}{block}" if self._some else mark + block)
        self._some = True


def _local(name: str) -> str:
    """The name without its namespace, "" where that is not WordprocessingML's."""
    space, _, local = name.rpartition(" ")
    return local if space in _WORD else ""


def _as_markdown(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows if row]
    if lines:
        lines.insert(1, "|" + " --- |" * len(rows[0] or [""]))
    return "\n".join(lines)
