"""The two readers of Markdown: one for the blocks of a text, one for the words of a block.

Both differ from CommonMark where it would lose something that was written: formulas, what a link's
definition says, cells beyond the last column.  What may not be followed is no link.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference

from app.ui.widgets.web_address import web_address

from .formulas import keep_formula_lines, keep_inline_formulas

_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")


class _Parser(MarkdownIt):
    """Lets nothing be a link that may not be followed."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 (markdown-it's name)
        return leads_out(url)


def block_parser() -> MarkdownIt:
    """Finds blocks only; their words are left as they are."""
    parser = _Parser("commonmark", {"html": False}).disable(["inline", "lheading"])
    parser.block.ruler.at("reference", _definition)
    parser.block.ruler.before("code", "table", _table, {"alt": ["paragraph", "reference"]})
    keep_formula_lines(parser)
    return parser


def word_parser() -> MarkdownIt:
    """Finds emphasis, code, links and formulas in the words of one block."""
    parser = _Parser("commonmark", {"html": False}).enable("strikethrough")
    keep_inline_formulas(parser)
    return parser


def leads_out(address: str) -> bool:
    """Whether an address may be a link (see ``web_address``)."""
    return web_address(address) is not None


def cells_of(line: str) -> list[str]:
    """The cells of one line of a table."""
    line = line.strip()
    cells = _BAR.split(line)
    if line.startswith("|"):
        cells = cells[1:]
    if len(cells) > 1 and not cells[-1].strip():
        cells = cells[:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells]


def begins_table(header: str, delimiters: str) -> bool:
    """Whether two lines are the head of a table."""
    if "|" not in header or "|" not in delimiters or not _DELIMITERS.fullmatch(delimiters):
        return False
    return len(cells_of(header)) == len(cells_of(delimiters))


def _definition(state: StateBlock, first: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """A link's definition is known from here on, and is shown; a footnote is a paragraph."""
    if state.src.startswith("[^", state.bMarks[first] + state.tShift[first]):
        return False
    if not reference(state, first, end, silent):
        return False
    if not silent:
        token = state.push("definition", "", 0)
        token.map = [first, state.line]
        token.content = state.getLines(first, state.line, state.blkIndent, keepLastLF=False)
    return True


def _table(state: StateBlock, first: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """A table's lines, unread: only rows in sight are ever taken apart."""
    if first + 2 > end or state.src.find("|", state.bMarks[first], state.eMarks[first]) < 0:
        return False
    if state.is_code_block(first) or state.is_code_block(first + 1):
        return False
    if state.sCount[first + 1] < state.blkIndent:
        return False
    header, delimiters = (
        state.getLines(at, at + 1, 0, keepLastLF=False) for at in (first, first + 1)
    )
    if not begins_table(header, delimiters):
        return False
    if silent:
        return True
    line = first + 2
    while line < end and _goes_on(state, line, end):
        line += 1
    token = state.push("table", "", 0)
    token.map = [first, line]
    token.content = state.getLines(first, line, state.blkIndent, keepLastLF=False)
    state.line = line
    return True


def _goes_on(state: StateBlock, line: int, end: int) -> bool:
    if state.isEmpty(line) or state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    if state.src[state.bMarks[line] + state.tShift[line]] == "|":
        return True  # nothing else begins with it
    silent = True
    others = state.md.block.ruler.getRules("blockquote")
    return not any(rule(state, line, end, silent) for rule in others)
