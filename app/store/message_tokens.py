"""The token ids that replies were written as; a row that cannot be read costs only itself.

They lie in a table of their own: a conversation is shown without them, and they are read when a
model is asked to go on.  What a reply gains while it is written stands in ``pieces``.
"""

import sqlite3

from app.runtime.protocol.token_spans import TokenSpan, pack, unpack

_PUT = """INSERT OR REPLACE INTO message_tokens (message, vocabulary, start, ids)
  SELECT row, ?, ?, ? FROM messages WHERE id = ?"""
_OF_CONVERSATION = """SELECT messages.id, vocabulary, start, ids
  FROM messages JOIN message_tokens ON message_tokens.message = messages.row
  WHERE conversation = ?"""


def put_tokens(file: sqlite3.Connection, message: str, span: TokenSpan) -> None:
    """Keep the tokens of a message in place of those it had."""
    file.execute(_PUT, (span.vocabulary, span.start, span.ids, message))


def tokens_of(file: sqlite3.Connection, conversation: str) -> dict[str, TokenSpan]:
    """The tokens of a conversation's messages, by the messages' ids."""
    rows = file.execute(_OF_CONVERSATION, (conversation,))
    return {ident: span for ident, *row in rows if (span := _span(*row)) and isinstance(ident, str)}


def fold_tokens(file: sqlite3.Connection, row: int, message: str) -> None:
    """Join the tokens that a message (number ``row``) has gained to those it began with."""
    asked = "SELECT vocabulary, start, ids FROM message_tokens WHERE message = ?"
    found = file.execute(asked, (row,)).fetchone()
    span = _span(*found) if found else None
    if span is None:
        return
    gained = "SELECT ids FROM pieces WHERE message = ? AND ids IS NOT NULL ORDER BY row"
    ids: list[int] = []
    try:
        for (packed,) in [(span.ids,), *file.execute(gained, (message,))]:
            ids += unpack(packed)
    except (ValueError, TypeError):
        pass  # damaged: those before are of use
    keep = "UPDATE message_tokens SET ids = ? WHERE message = ?"
    file.execute(keep, (pack(ids), row))


def _span(vocabulary: object, start: object, ids: object) -> TokenSpan | None:
    if isinstance(vocabulary, str) and type(start) is int and isinstance(ids, bytes):
        return TokenSpan(vocabulary, start, ids)
    return None
