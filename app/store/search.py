"""Finding conversations by the words in them; changes nothing."""

import sqlite3

from .records import Found
from .table_rows import CONVERSATION, conversation_of

_LIKE = r"{} LIKE ? ESCAPE '\'"
_FOUND_AT_MOST = 200


def search(file: sqlite3.Connection, words: str) -> list[Found]:
    """Every word must be in one message or in the title; short ones are too few for trigrams."""
    terms = words.split()
    if not terms:
        return []
    likes = [_like(term) for term in terms]
    indexed = " ".join('"' + term.replace('"', '""') + '"' for term in terms if len(term) > 2)
    source = "words JOIN messages ON messages.row = words.rowid" if indexed else "messages"
    rest = [like for like, term in zip(likes, terms, strict=True) if len(term) < 3 or not indexed]
    where = (["words MATCH ?"] if indexed else []) + [_LIKE.format("messages.text")] * len(rest)
    names = ", ".join("conversations." + name for name in CONVERSATION.split(", "))
    rows = file.execute(
        f"""SELECT {names}, (SELECT text FROM messages WHERE row = hits.first)
            FROM conversations LEFT JOIN (
              SELECT conversation, min(messages.row) AS first FROM {source}
              WHERE {" AND ".join(where)} GROUP BY conversation) AS hits
              ON hits.conversation = conversations.id
            WHERE trashed IS NULL
              AND (hits.first NOT NULL OR ({" AND ".join([_LIKE.format("title")] * len(likes))}))
            ORDER BY updated DESC, conversations.id DESC LIMIT {_FOUND_AT_MOST}""",
        (*([indexed] if indexed else []), *rest, *likes),
    )
    return [
        Found(conversation=conversation_of(row[:-1]), excerpt=_excerpt(row[-1] or "", terms[0]))
        for row in rows
    ]


def _like(term: str) -> str:
    return "%" + term.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def _excerpt(text: str, words: str) -> str:
    """About 80 characters around the place, on one line."""
    at = max(text.casefold().find(words.casefold()), 0)
    start = max(at - 24, 0)
    excerpt = " ".join(text[start : at + 80].split())
    return "…" + excerpt if start else excerpt
