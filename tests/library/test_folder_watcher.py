"""What is remembered of the files on the disk, also from one start to the next."""

import os

from app.hub.sources.answer_cache import Cache
from app.library import folder_watcher
from app.library.folder_watcher import Headers
from app.library.local_library import LocalLibrary
from tests.library.libraries import library_of, small_pth


def _unread(monkeypatch):
    """From now on no header can be read."""

    def refuse(path):
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(folder_watcher, "describe", refuse)


def test_another_start_reads_no_header_that_has_not_changed(tmp_path, monkeypatch):
    folder, cache = tmp_path / "models", tmp_path / "cache"
    for name in ("one", "two"):
        small_pth(folder / f"{name}.pth")
    first = LocalLibrary([folder], cache_dir=cache)
    known = first.scan()
    first.close()
    _unread(monkeypatch)
    second = LocalLibrary([folder], cache_dir=cache)
    assert second.scan() == known
    second.close()


def test_a_file_that_was_written_meanwhile_is_read_again(tmp_path):
    path = small_pth(tmp_path / "models" / "one.pth", layers=2)
    headers = Headers(Cache(tmp_path / "cache"))
    assert headers(path).spec.layers == 2
    headers.keep()
    small_pth(path, layers=3)
    assert Headers(Cache(tmp_path / "cache"))(path).spec.layers == 3


def test_a_damaged_memory_is_no_memory(tmp_path):
    path, cache = small_pth(tmp_path / "models" / "one.pth"), tmp_path / "cache"
    headers = Headers(Cache(cache))
    known = headers(path)
    headers.keep()
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-20])
    assert Headers(Cache(cache))(path) == known


def test_names_that_are_no_text_are_remembered_in_this_start_only(tmp_path):
    path = small_pth(tmp_path / "models" / os.fsdecode(b"m\xff.pth"))
    other = small_pth(tmp_path / "models" / "n.pth")
    headers = Headers(Cache(tmp_path / "cache"))
    assert headers(path) is headers(path)
    headers(other)
    headers.keep()
    assert list(Headers(Cache(tmp_path / "cache"))._known) == [str(other)]


def test_without_a_cache_nothing_is_written(tmp_path):
    small_pth(tmp_path / "models" / "one.pth")
    with library_of(tmp_path / "models") as local:
        local.scan()
    assert [one.name for one in tmp_path.iterdir()] == ["models"]
