"""Code as runs of one colour each; knows no widget.

``runs`` may take minutes where the code is made for it: only the highlighter's process calls it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pygments.token import Token

LONGEST = 200_000
"""Longer code stays plain."""

_ROLES = {
    Token.Keyword: "code-keyword",
    Token.Keyword.Type: "code-type",
    Token.Name.Class: "code-type",
    Token.Name.Namespace: "code-type",
    Token.Name.Tag: "code-keyword",
    Token.Name.Attribute: "code-function",
    Token.Name.Function: "code-function",
    Token.Name.Decorator: "code-function",
    Token.Name.Builtin: "code-function",
    Token.Name.Exception: "code-type",
    Token.Literal.String: "code-string",
    Token.Literal.Number: "code-number",
    Token.Comment: "code-comment",
    Token.Operator: "code-operator",
    Token.Operator.Word: "code-keyword",
    Token.Punctuation: "code-operator",
    Token.Generic.Deleted: "code-error",
    Token.Generic.Inserted: "code-string",
    Token.Generic.Heading: "code-type",
    Token.Generic.Subheading: "code-type",
}


def runs(source: str, language: str) -> Iterator[tuple[str, str]]:
    """Pairs of text and colour role that make up ``source``; plain where no lexer fits."""
    lexer = _lexer(language.lower())
    if lexer is None or len(source) > LONGEST:
        yield source, "text"
        return
    text, role = "", ""
    for kind, piece in lexer.get_tokens(source):
        found = _role(kind)
        if found != role and text:
            yield text, role
            text = ""
        text, role = text + piece, found
    if text:
        yield text, role


def language_name(language: str) -> str:
    """What to call a language that was given after a fence: "Python" for "py"."""
    lexer = _lexer(language.lower())
    return str(lexer.name) if lexer is not None else language


def suffix(language: str) -> str:
    """The usual ending of a file of this language, with its dot."""
    lexer = _lexer(language.lower())
    patterns = lexer.filenames if lexer is not None else []
    endings = [pattern[1:] for pattern in patterns if pattern.startswith("*.")]
    return str(endings[0]) if endings else ".txt"


@cache
def _lexer(language: str) -> Any:
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name  # read when the first code is shown
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@cache
def _role(kind: Any) -> str:
    while kind is not Token:
        if kind in _ROLES:
            return _ROLES[kind]
        kind = kind.parent
    return "text"
