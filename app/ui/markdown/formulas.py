"""Formulas in LaTeX as markdown-it's rules: kept letter by letter, with the marks around them.

None of what Markdown means by ``_``, ``*``, ``&`` or ``<`` is meant inside a formula.  What is
found is a token ``formula`` (lines of their own) or ``formula_inline``; its content is the source.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_OPENING = re.compile(r"\$\$|\\\[|\\begin\{([A-Za-z]{1,30}\*?)\}")
_ENDS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_LONGEST = 4000
_MAY_INTERRUPT: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def keep_formula_lines(parser: MarkdownIt) -> None:
    """Let ``parser`` find formulas that begin a line: up to their end, or to an empty line."""
    parser.block.ruler.before("code", "formula", _lines, _MAY_INTERRUPT)


def keep_inline_formulas(parser: MarkdownIt) -> None:
    """Let ``parser`` find formulas among words."""
    parser.inline.ruler.before("escape", "formula", _inline)


def _lines(state: StateBlock, first: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    at = state.bMarks[first] + state.tShift[first]
    if state.src[at : at + 1] not in ("$", "\\") or state.is_code_block(first):
        return False
    opening = _OPENING.match(state.src, at)
    if opening is None or opening.end() > state.eMarks[first]:
        return False
    if silent:
        return True
    last, rest = _last_line(state, opening, first, end)
    token = state.push("formula", "", 0)
    token.map = [first, last + 1]
    token.content = state.getLines(first, last + 1, state.blkIndent, keepLastLF=False)
    token.content = token.content[: len(token.content) - len(rest)]
    token.info = rest.strip()
    state.line = last + 1
    return True


def _last_line(state: StateBlock, opening: re.Match[str], first: int, end: int) -> tuple[int, str]:
    """The line in which a formula ends, and what else stands there behind its end."""
    steps = _steps(opening)
    depth, at, line = 1, opening.end(), first
    while True:
        for found in steps.finditer(state.src, at, state.eMarks[line]):
            depth += 1 if found[0].startswith("\\begin") else -1
            if depth == 0:
                return line, state.src[found.end() : state.eMarks[line]]
        following = line + 1
        if following >= end or state.isEmpty(following):
            return line, ""
        if state.sCount[following] < state.blkIndent:
            return line, ""
        line, at = following, state.bMarks[following]


def _steps(opening: re.Match[str]) -> re.Pattern[str]:
    """What leads into a formula again or out of it."""
    if opening[1] is None:
        return re.compile(re.escape(_ENDS[opening[0]]))
    return re.compile(r"\\(?:begin|end)\{" + re.escape(opening[1]) + r"\}")


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 (markdown-it's rules)
    if state.src[state.pos] not in "$\\":
        return False
    end = _end(state.src, state.pos)
    if end < 0:
        return False
    if not silent:
        token = state.push("formula_inline", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _end(text: str, start: int) -> int:
    """Where the formula that begins at ``start`` ends; -1 where none does."""
    mark = text[start : start + 2]
    if mark in _ENDS:
        at = text.find(_ENDS[mark], start + 2, start + _LONGEST)
        return at + 2 if at > start + 2 else -1
    opening = _OPENING.match(text, start)
    if opening is not None:
        end = f"\\end{{{opening[1]}}}"
        at = text.find(end, opening.end(), start + _LONGEST)
        return at + len(end) if at >= 0 else -1
    return _end_of_dollars(text, start) if mark[0] == "$" else -1


def _end_of_dollars(text: str, start: int) -> int:
    """One dollar on each side, close to what is between: two prices are no formula."""
    if text[start + 1 : start + 2].strip() == "":
        return -1
    at = text.find("$", start + 1, start + _LONGEST)
    while at > 0 and text[at - 1] == "\\":
        at = text.find("$", at + 1, start + _LONGEST)
    if at < 0 or text[at - 1].isspace() or text[at + 1 : at + 2].isalnum():
        return -1
    return at + 1
