"""Finding conversations by the words in them; changes nothing."""

import sqlite3

from .folding import fold, place_of
from .records import Found
from .table_rows import CONVERSATION, conversation_of, text_of

_FOUND_AT_MOST = 200
_INDEXED = 3  # letters that the index knows
_AS_IT_LIES = "messages NOT INDEXED"  # in the order of the index it takes three times as long
_IN_TITLE = "instr(fold(CAST(title || ' ' || folder AS BLOB)), ?)"


def terms_of(words: str) -> list[str]:
    """The words to look for, as they are compared."""
    return fold(words).split()


def search(file: sqlite3.Connection, words: str) -> list[Found]:
    """Every word must be in one message, or in title and folder; short ones are in no index."""
    terms = terms_of(words)
    if not terms:
        return []
    long = ['"' + term.replace('"', '""') + '"' for term in terms if len(term) >= _INDEXED]
    short = [term for term in terms if len(term) < _INDEXED]
    source = "words JOIN messages ON messages.row = words.rowid" if long else _AS_IT_LIES
    where = ["words MATCH ?"] * bool(long) + ["instr(messages.folded, ?)"] * len(short)
    names = ", ".join("conversations." + name for name in CONVERSATION.split(", "))
    rows = file.execute(
        f"""SELECT {names}, messages.id, messages.text
            FROM conversations LEFT JOIN (
              SELECT conversation, min(messages.row) AS first FROM {source}
              WHERE {" AND ".join(where)} AND dropped IS NULL GROUP BY conversation) AS hits
              ON hits.conversation = conversations.id
            LEFT JOIN messages ON messages.row = hits.first
            WHERE trashed IS NULL AND (hits.first NOT NULL
              OR ({" AND ".join([_IN_TITLE] * len(terms))}))
            ORDER BY updated DESC, conversations.id DESC LIMIT {_FOUND_AT_MOST}""",
        (*([" ".join(long)] if long else []), *short, *terms),
    )
    return [_found(row, terms[0]) for row in rows]


def _found(row: tuple[object, ...], term: str) -> Found:
    *about, message, text = row
    return Found(
        conversation=conversation_of(tuple(about)),
        excerpt=excerpt(text_of(text), term),
        message=text_of(message),
    )


def excerpt(text: str, term: str) -> str:
    """About 80 characters around the first place of a folded ``term``, on one line."""
    place = place_of(text, term)
    start = max((place[0] if place else 0) - 24, 0)
    shown = text[start : start + 104].replace("\0", " ")
    line = " ".join(shown.split())
    return "…" + line if start else line
