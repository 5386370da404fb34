"""Whether a file is as it was published: the window and the terminal say the same of it."""

import hashlib
from pathlib import Path

import pytest

from app.cli import run
from app.hub.catalogue.entries import Entry, bundled
from app.hub.sources.remote import Hub
from app.library.verification import judged
from app.runtime.origin import Origin, OriginFile, write_origin
from app.ui.models.notes import checked_words
from tests.library.libraries import library_of, sharded, small_pth

KNOWN = next(entry for entry in bundled() if entry.sha256 and entry.file.endswith(".pth"))


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No hub is asked, and the data folder is the test's."""
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Hub, "facts", None)


def both(path, entries=()):
    """The verdict of the window, and whether the terminal agrees."""
    with library_of(path.parent) as local:
        (found,) = local.verify(path, entries=entries)
    ended = run(["verify", str(path)])
    assert (ended == 0) == (found.verdict != "bad")
    return found


def stub(folder: Path, name: str) -> Path:
    """A small file under the name of a large one."""
    return small_pth(folder / name, seed=7)


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_stub_under_a_catalogued_name_is_not_as_published_whoever_says_so(tmp_path, capsys):
    path = stub(tmp_path, KNOWN.name)
    path.with_name(path.name + ".sha256").write_text(hash_of(path))
    mirror = Entry(repo=KNOWN.repo, file=KNOWN.file, sha256=hash_of(path), source="live")
    found = both(path, [mirror])
    assert (found.verdict, found.source, found.wanted) == ("bad", "catalogue", KNOWN.sha256)
    assert "not those that were promised" in capsys.readouterr().err


def test_a_note_that_names_a_catalogued_file_does_not_make_it_that_file(tmp_path):
    path = stub(tmp_path, "mine.pth")
    file = OriginFile(name=path.name, file=KNOWN.file, sha256=hash_of(path))
    write_origin(path, Origin(repo=KNOWN.repo, file=KNOWN.file, files=(file,)))
    assert both(path).verdict == "bad"


def test_the_same_name_from_another_repository_is_judged_by_that_one(tmp_path):
    path = stub(tmp_path, KNOWN.name)
    write_origin(path, Origin(repo="alice/rwkv7", file=KNOWN.name))
    assert both(path).verdict == "unknown"
    hers = Entry(repo="alice/rwkv7", file=KNOWN.name, sha256=hash_of(path), source="live")
    assert judged(path, hash_of(path), [*bundled(), hers]).verdict == "good"


def test_bytes_that_were_published_are_good_under_a_name_of_the_person_s_own(tmp_path):
    path = tmp_path / "renamed.pth"
    path.write_bytes(b"")
    found = judged(path, KNOWN.sha256, bundled())
    assert (found.verdict, found.known_as) == ("good", f"{KNOWN.repo}/{KNOWN.file}")
    other = next(one for one in bundled() if one.sha256 and one.name != KNOWN.name)
    assert judged(tmp_path / other.name, KNOWN.sha256, bundled()).verdict == "bad"


def test_a_note_beside_it_counts_where_nobody_else_tells(tmp_path, capsys):
    path = stub(tmp_path, "mine.pth")
    path.with_name("mine.pth.sha256").write_text(f"{hash_of(path)}  mine.pth\n")
    found = both(path)
    assert (found.verdict, found.source) == ("good", "note")
    assert "in the note beside it" in capsys.readouterr().out
    path.with_name("mine.pth.sha256").write_text("0" * 64)
    assert both(path).verdict == "bad"


def test_a_usual_name_in_the_hubs_cache_tells_its_repository(tmp_path):
    folder = tmp_path / "models--alice--rwkv-own" / "snapshots" / ("0" * 40)
    path = stub(folder, "model.safetensors")
    hers = Entry(repo="alice/rwkv-own", file=path.name, sha256=hash_of(path), source="live")
    assert judged(path, hash_of(path), [hers]).verdict == "good"
    other = Entry(repo="alice/rwkv-own", file=path.name, sha256="0" * 64, source="live")
    assert judged(path, hash_of(path), [other]).verdict == "bad"


def test_a_model_in_parts_is_as_published_though_nobody_tells_the_hash_of_its_index(
    tmp_path, capsys
):
    index = sharded(tmp_path / "rwkv-parts", stem="model")
    parts = sorted(index.parent.glob("model-*"))
    hers = [
        Entry(repo="alice/rwkv-parts", file=one.name, sha256=hash_of(one), source="live")
        for one in parts
    ]
    with library_of(tmp_path) as local:
        found = local.verify(index, entries=hers)
    assert [one.verdict for one in found] == ["unknown", "good", "good"]
    assert checked_words(found) == "Every byte is as it was published."
    assert "nobody has published a hash" in checked_words(judged_alone(found))
    for one in parts:
        one.with_name(one.name + ".sha256").write_text(hash_of(one))
    assert run(["verify", str(index)]) == 0
    assert "of all its weights is the one in the note" in capsys.readouterr().out
    index.write_text(index.read_text().replace("emb.weight", "emb.waits"))
    assert run(["verify", str(index)]) == 1, "an index that names what is not there"


def judged_alone(found):
    return [judged(Path(one.path), one.sha256, ()) for one in found]
