"""Documents in a real file: versions and pieces, growth, the trash, damage, two windows."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StoreError
from app.runtime.protocol.prompts import Sampling
from app.store.conversations import Conversations, open_conversations
from app.store.database import Database
from app.store.documents.document_records import (
    Bias,
    Document,
    Made,
    Slice,
    TextPiece,
    Version,
    WritingSettings,
)
from app.store.documents.documents import Saved
from app.store.migrations import MIGRATIONS
from app.store.records import Reply, new_id
from app.store.salvage import salvaged
from app.store.trash import KEPT_S

NOW = 1_800_000_000.0


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(path, clock):
    store = Conversations(Database(path, MIGRATIONS), clock=clock)
    yield store.documents
    store.close()


def typed(words: str) -> TextPiece:
    return TextPiece(new_id(), words)


def written(words: str, status: str = "done") -> TextPiece:
    ids = tuple(words.encode())
    made = Made(reply=Reply(model="small", seed=7), options=None)
    return TextPiece(new_id(), words, "bytes-1", ids, tuple(1 for _ in ids), made)


def all_of(*pieces: TextPiece) -> tuple[Slice, ...]:
    return tuple(Slice(one, 0, len(one.text)) for one in pieces)


def begun(store, title="A rook", words="Once upon", **settings):
    """A document with a typed version, stored."""
    piece = typed(words)
    document = Document(
        id=new_id(), title=title, created=NOW, updated=NOW, settings=WritingSettings(**settings)
    )
    first = Version(id=new_id(), document=document.id, parent=None, content=all_of(piece))
    keep(store, document, first, pieces=(piece,))
    return document, first


def keep(store, document, version, pieces=(), gone=(), dropped=()):
    store.save(
        Saved(
            document=_shown(document, version),
            text=version.text,
            versions=(version,),
            pieces=pieces,
            gone=gone,
            dropped=dropped,
        )
    ).result(10)


def _shown(document, version):
    return Document(
        id=document.id,
        title=document.title,
        created=document.created,
        updated=NOW + 1,
        version=version.id,
        settings=document.settings,
    )


def goes_on(document, parent, piece, status="done") -> Version:
    return Version(
        id=new_id(),
        document=document.id,
        parent=parent.id,
        kind="written",
        status=status,
        place=len(parent.text),
        content=(*parent.content, Slice(piece, 0, len(piece.text))),
    )


def test_versions_share_their_pieces_and_come_back_with_tokens_and_settings(store):
    settings = {"sampling": Sampling(temperature=0), "bans": ("x",), "biases": (Bias("y", -2.5),)}
    document, first = begun(store, **settings)
    piece = written(" a time")
    second = goes_on(document, first, piece)
    third = goes_on(document, first, other := written(" a rook"))
    keep(store, document, second, pieces=(piece,))
    keep(store, document, third, pieces=(other,))
    found = store.open(document.id).result(10)
    assert [one.text for one in found.versions] == [
        *("Once upon", "Once upon a time", "Once upon a rook")
    ]
    assert found.document.version == third.id
    assert found.document.settings == WritingSettings(**settings)
    assert found.versions[1].content[0].piece is found.versions[2].content[0].piece
    back = found.versions[1].content[1].piece
    assert (back.ids, back.vocabulary) == (piece.ids, "bytes-1")
    assert back.made is not None
    assert back.made.reply.seed == 7
    assert found.versions[1].parent == first.id


def test_a_piece_goes_with_its_last_version_and_never_before(store):
    document, first = begun(store)
    kept, lost = typed("kept"), typed("lost")
    other = Version(id=new_id(), document=document.id, parent=first.id, content=all_of(kept, lost))
    keep(store, document, other, pieces=(kept, lost))
    now = Version(id=other.id, document=document.id, parent=first.id, content=all_of(kept))
    keep(store, document, now, gone=(lost.id, first.content[0].piece.id))
    found = store.open(document.id).result(10)
    assert [one.text for one in found.versions] == ["Once upon", "kept"]


def test_what_a_killed_program_was_writing_is_there_as_far_as_it_came(path, store):
    document, first = begun(store)
    piece = written("")
    version = goes_on(document, first, piece, status="writing")
    keep(store, document, version, pieces=(piece,))
    for letters in ("a ti", "me"):
        ids = tuple(letters.encode())
        store.grow(piece, letters, ids, [1] * len(ids))
    assert store.open(document.id).result(10).versions[1].text == "Once upona time"
    store._database.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE document_versions SET writer = '1-1' WHERE status = 'writing'")
    file.close()
    again, trouble = open_conversations(path)
    assert trouble is None
    try:
        found = again.documents.open(document.id).result(10)
        assert found.versions[1].status == "interrupted"
        assert found.versions[1].text == "Once upona time"
        assert found.versions[1].content[-1].piece.ids == tuple(b"a time")
        assert [one.document.id for one in again.documents.search("ONCE time").result(10)]
    finally:
        again.close()


def test_search_finds_title_and_shown_text_without_case_and_accents(store):
    document, first = begun(store, title="Krähe", words="Ein RABE, der Wörter sammelt")
    begun(store, title="Other", words="nothing")
    for words in ("krahe", "worter rabe", "SAMMELT kra"):
        found = store.search(words).result(10)
        assert [one.document.id for one in found] == [document.id], words
    assert "Wörter" in store.search("worter").result(10)[0].excerpt
    assert store.search("  ").result(10) == []
    assert first.text


def test_the_trash_keeps_a_document_thirty_days_and_gives_it_back(store, clock):
    document, _ = begun(store)
    store.delete(document.id).result(10)
    assert store.all().result(10) == []
    assert store.search("rook").result(10) == []
    assert store.trash_count().result(10) == 1
    (lying,) = store.trash().result(10)
    assert lying.document.id == document.id
    assert lying.left_s == KEPT_S
    store.restore(document.id).result(10)
    assert [one.id for one in store.all().result(10)] == [document.id]
    store.delete(document.id).result(10)
    for _ in range(6):  # the trash's clock goes on by a week at most
        clock.now += KEPT_S / 4
        store.remove_old().result(10)
    assert store.trash_count().result(10) == 0
    with pytest.raises(StoreError):
        store.restore(document.id).result(10)


def test_a_damaged_row_takes_no_other_with_it(path, store):
    document, first = begun(store)
    piece = written(" a time")
    second = goes_on(document, first, piece)
    keep(store, document, second, pieces=(piece,))
    store._database.close()
    file = sqlite3.connect(path)
    file.execute("UPDATE document_pieces SET ids = x'07', made = '{' WHERE id = ?", (piece.id,))
    file.execute("UPDATE document_versions SET content = 'no list' WHERE id = ?", (first.id,))
    file.execute("UPDATE documents SET settings = x'ff00', title = 5")
    file.commit()
    file.close()
    again, trouble = open_conversations(path)
    assert trouble is None
    try:
        found = again.documents.open(document.id).result(10)
        assert found.document.damaged
        assert found.versions[0].text == ""
        assert found.versions[1].text == "Once upon a time"
        assert found.versions[1].content[1].piece.ids == ()
    finally:
        again.close()


def test_a_file_of_the_layout_before_gets_documents_and_a_copy_is_kept(path):
    database = Database(path, MIGRATIONS[:5])
    database.close()
    Path(path).chmod(0o600)
    again, trouble = open_conversations(path)
    assert trouble is None
    try:
        begun(again.documents)
        assert len(again.documents.all().result(10)) == 1
    finally:
        again.close()


def test_what_can_be_read_of_a_damaged_file_has_its_documents(path, store):
    document, first = begun(store)
    store._database.close()
    file = sqlite3.connect(path)
    file.execute("DELETE FROM documents")  # as where its page is lost
    file.commit()
    file.close()
    fresh = Conversations(Database(None, MIGRATIONS))
    try:
        fresh._database.read(lambda file: salvaged(path, file)).result(10)
        (saved,) = fresh.documents.all().result(10)
        found = fresh.documents.open(saved.id).result(10)
        assert (saved.id, [one.text for one in found.versions]) == (document.id, [first.text])
    finally:
        fresh.close()


def test_another_program_reads_what_was_stored(path, store):
    document, _ = begun(store, words="世界 🐦")
    script = (
        "import sys; from pathlib import Path\n"
        "from app.store.conversations import open_conversations\n"
        "store, trouble = open_conversations(Path(sys.argv[1]))\n"
        "found = store.documents.open(sys.argv[2]).result(10)\n"
        "sys.stdout.buffer.write(found.versions[0].text.encode())\n"
        "store.close()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(path), document.id],
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert told.stdout.decode() == "世界 🐦"
