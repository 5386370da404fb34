"""The tables, as the steps that lead from an empty file to the newest layout.

A step that was released is never changed; a new layout is one more step.
``pieces`` holds what a reply has gained since it was begun: appending costs the same at its end
as at its beginning.  Messages are indexed for search once they are written, by trigrams, so that
parts of words and languages without spaces are found too.  ``drafts`` holds what was typed and not
sent, for conversations that have not begun, too.

``folded`` is a message's text as search compares it (``folding.py``), written with the text.

``message_tokens`` holds the token ids that a reply was written as (``token_spans.pack``), from the
character ``start`` of its text on, by the number of its row.  ``pieces.ids`` are those of a piece.

``documents`` are the texts of the playground, ``document_versions`` all that they have been: the
``content`` of one is a list of slices of ``document_pieces``, which no edit changes.
``document_growth`` is what a piece has gained since a model began to write it.

``comparisons`` are the grids of what models write beside each other; ``comparison_answers`` has
their cells, by line and way from 0, and ``comparison_divergences`` how the models of two cells
differ on a text.
``conversation_starts`` names the file of the state that a conversation begins from.

``trashed`` is when a conversation was put into the trash (by the computer's clock, to be shown),
``trash_reading`` what the trash's own clock said then.  ``deleted`` was the first layout's word for
it; programs of that layout remove such rows after a minute, so it is not used any more.
"""

_FIRST = """
CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  system TEXT NOT NULL,
  template TEXT NOT NULL,
  think TEXT NOT NULL,
  sampling TEXT,
  token_limit INTEGER NOT NULL,
  leaf TEXT,
  pinned INTEGER NOT NULL,
  deleted REAL
);
CREATE INDEX conversations_by_time ON conversations (updated);

CREATE TABLE messages (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  parent TEXT REFERENCES messages (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  text TEXT NOT NULL,
  status TEXT NOT NULL,
  writer TEXT NOT NULL,
  reply TEXT NOT NULL,
  created REAL NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation, row);
CREATE INDEX messages_by_parent ON messages (parent);
CREATE INDEX messages_unfinished ON messages (status) WHERE status = 'writing';

CREATE TABLE pieces (
  row INTEGER PRIMARY KEY,
  message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  text TEXT NOT NULL
);
CREATE INDEX pieces_by_message ON pieces (message, row);

CREATE VIRTUAL TABLE words USING fts5 (
  text, content = 'messages', content_rowid = 'row', tokenize = 'trigram'
);
CREATE TRIGGER words_of_new AFTER INSERT ON messages WHEN new.status <> 'writing' BEGIN
  INSERT INTO words (rowid, text) VALUES (new.row, new.text);
END;
CREATE TRIGGER words_of_written AFTER UPDATE OF text, status ON messages
WHEN old.status = 'writing' AND new.status <> 'writing' BEGIN
  INSERT INTO words (rowid, text) VALUES (new.row, new.text);
END;
CREATE TRIGGER words_of_changed AFTER UPDATE OF text, status ON messages
WHEN old.status <> 'writing' BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.row, old.text);
  INSERT INTO words (rowid, text) SELECT new.row, new.text WHERE new.status <> 'writing';
END;
CREATE TRIGGER words_of_deleted AFTER DELETE ON messages WHEN old.status <> 'writing' BEGIN
  INSERT INTO words (words, rowid, text) VALUES ('delete', old.row, old.text);
END;
"""

_DRAFTS = """
CREATE TABLE drafts (
  conversation TEXT NOT NULL,
  owner TEXT NOT NULL,
  part TEXT NOT NULL,
  content TEXT NOT NULL,
  changed REAL NOT NULL,
  PRIMARY KEY (conversation, owner, part)
);
CREATE TRIGGER drafts_of_deleted AFTER DELETE ON conversations BEGIN
  DELETE FROM drafts WHERE conversation = old.id;
END;
"""

_TRASH = """
ALTER TABLE conversations ADD COLUMN trashed REAL;
ALTER TABLE conversations ADD COLUMN trash_reading REAL NOT NULL DEFAULT 0;
UPDATE conversations SET trashed = deleted, deleted = NULL WHERE deleted IS NOT NULL;
CREATE INDEX conversations_in_trash ON conversations (trashed) WHERE trashed IS NOT NULL;
CREATE TABLE trash_clock (
  passed REAL NOT NULL, latest REAL NOT NULL, seen REAL NOT NULL, behind REAL NOT NULL
);
"""

_FOLDED = """
DROP TRIGGER words_of_new;
DROP TRIGGER words_of_written;
DROP TRIGGER words_of_changed;
DROP TRIGGER words_of_deleted;
DROP TABLE words;
ALTER TABLE messages ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE messages SET folded = fold(CAST(text AS BLOB)) WHERE status <> 'writing';
CREATE VIRTUAL TABLE words USING fts5 (
  folded, content = 'messages', content_rowid = 'row', tokenize = 'trigram case_sensitive 1'
);
INSERT INTO words (rowid, folded) SELECT row, folded FROM messages WHERE status <> 'writing';
CREATE TRIGGER words_of_new AFTER INSERT ON messages WHEN new.status <> 'writing' BEGIN
  INSERT INTO words (rowid, folded) VALUES (new.row, new.folded);
END;
CREATE TRIGGER words_of_written AFTER UPDATE OF folded, status ON messages
WHEN old.status = 'writing' AND new.status <> 'writing' BEGIN
  INSERT INTO words (rowid, folded) VALUES (new.row, new.folded);
END;
CREATE TRIGGER words_of_changed AFTER UPDATE OF folded, status ON messages
WHEN old.status <> 'writing' BEGIN
  INSERT INTO words (words, rowid, folded) VALUES ('delete', old.row, old.folded);
  INSERT INTO words (rowid, folded) SELECT new.row, new.folded WHERE new.status <> 'writing';
END;
CREATE TRIGGER words_of_deleted AFTER DELETE ON messages WHEN old.status <> 'writing' BEGIN
  INSERT INTO words (words, rowid, folded) VALUES ('delete', old.row, old.folded);
END;
"""

_TOKENS = """
CREATE TABLE message_tokens (
  message INTEGER PRIMARY KEY REFERENCES messages (row) ON DELETE CASCADE,
  vocabulary TEXT NOT NULL,
  start INTEGER NOT NULL,
  ids BLOB NOT NULL
);
ALTER TABLE pieces ADD COLUMN ids BLOB;
"""

_DOCUMENTS = """
CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  version TEXT,
  settings TEXT NOT NULL,
  folded TEXT NOT NULL DEFAULT '',
  trashed REAL,
  trash_reading REAL NOT NULL DEFAULT 0
);
CREATE INDEX documents_by_time ON documents (updated);

CREATE TABLE document_versions (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  parent TEXT,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  writer TEXT NOT NULL,
  place INTEGER NOT NULL,
  created REAL NOT NULL,
  content TEXT NOT NULL
);
CREATE INDEX versions_by_document ON document_versions (document, row);
CREATE INDEX versions_unfinished ON document_versions (status) WHERE status = 'writing';

CREATE TABLE document_pieces (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  vocabulary TEXT NOT NULL,
  ids BLOB NOT NULL,
  lengths BLOB NOT NULL,
  made TEXT NOT NULL
);
CREATE INDEX document_pieces_by_document ON document_pieces (document, row);

CREATE TABLE document_growth (
  row INTEGER PRIMARY KEY,
  piece TEXT NOT NULL REFERENCES document_pieces (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  ids BLOB NOT NULL,
  lengths BLOB NOT NULL
);
CREATE INDEX document_growth_by_piece ON document_growth (piece, row);
"""

_COMPARISONS = """
CREATE TABLE comparisons (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  grid TEXT NOT NULL,
  trashed REAL,
  trash_reading REAL NOT NULL DEFAULT 0
);
CREATE INDEX comparisons_by_time ON comparisons (updated);

CREATE TABLE comparison_answers (
  comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
  line INTEGER NOT NULL,
  way INTEGER NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (comparison, line, way)
);

CREATE TABLE comparison_divergences (
  comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
  places TEXT NOT NULL,
  divergence TEXT NOT NULL,
  PRIMARY KEY (comparison, places)
);
"""
_STARTS = """
CREATE TABLE conversation_starts (
  conversation TEXT PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  name TEXT NOT NULL
);
"""

_PERSONAS = """
ALTER TABLE conversations ADD COLUMN folder TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN own_title INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
UPDATE conversations SET own_title = 1;
ALTER TABLE messages ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN dropped REAL;
CREATE INDEX messages_dropped ON messages (dropped) WHERE dropped IS NOT NULL;
CREATE TABLE personas (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created REAL NOT NULL,
  settings TEXT NOT NULL
);
"""

MIGRATIONS = (
    *(_FIRST, _DRAFTS, _TRASH, _FOLDED, _TOKENS, _DOCUMENTS),
    *(_COMPARISONS, _STARTS, _PERSONAS),
)
