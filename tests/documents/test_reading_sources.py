"""The text of files and folders that a model is to read once."""

import pytest

from app.documents import reading_sources
from app.documents.reading_sources import LeftOut, text_of
from app.errors import NotFound, RequestRefused


def test_one_file_is_read_as_it_stands_in_whatever_unicode(tmp_path):
    for name, data in (
        ("plain.txt", "Der Rabe\nkräht.".encode()),
        ("marked.md", "Der Rabe\nkräht.".encode("utf-8-sig")),
        ("wide.txt", "Der Rabe\r\nkräht.".encode("utf-16")),
    ):
        (tmp_path / name).write_bytes(data)
        found = text_of([tmp_path / name])
        assert (found.text, found.files, found.left_out) == ("Der Rabe\nkräht.", (name,), ())


def test_a_folder_is_read_by_names_without_what_is_hidden_or_no_text(tmp_path):
    code = tmp_path / "code"
    for name, data in (
        ("b/two.py", b"two = 2\n"),
        ("a.py", b"one = 1\n"),
        (".git/config", b"secret"),
        ("node_modules/x.js", b"x"),
        ("picture.png", b"\x89PNG\0\0"),
        ("latin.txt", "kräht".encode("latin-1")),
    ):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_bytes(data)
    (code / "link.py").symlink_to(code / "a.py")
    found = text_of([code])
    assert found.text == "code/a.py\n\none = 1\n\ncode/b/two.py\n\ntwo = 2"
    assert found.files == ("code/a.py", "code/b/two.py")
    assert set(found.left_out) == {
        LeftOut("code/picture.png", "kind"),
        LeftOut("code/latin.txt", "coding"),
        LeftOut("code/link.py", "link"),
    }


def test_what_gives_no_text_or_too_much_is_refused(tmp_path, monkeypatch):
    with pytest.raises(NotFound):
        text_of([tmp_path / "none"])
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(RequestRefused) as refused:
        text_of([tmp_path / "empty.txt"])
    assert refused.value.facts["why"] == "source-none"
    monkeypatch.setattr(reading_sources, "MOST_BYTES", 10)
    (tmp_path / "long.txt").write_text("x" * 11, encoding="utf-8")
    with pytest.raises(RequestRefused) as refused:
        text_of([tmp_path / "long.txt"])
    assert refused.value.facts["why"] == "source-large"
