"""What is remembered of the files on the disk, also from one start to the next."""

import os
import sys
import threading

import pytest
import torch

from app.hub.sources.answer_cache import Cache
from app.library import folder_watcher
from app.library.folder_watcher import FolderWatcher, Headers
from app.library.local_library import LocalLibrary
from app.library.scan import Survey
from app.runtime.checkpoint import describe as describe_module
from app.runtime.checkpoint.describe import describe
from tests.library.libraries import library_of, small_pth
from tests.support.checkpoints import write_safetensors


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


def odd_lora(path, shape):
    """An adapter whose table of words has ``shape``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"blocks.0.att.receptance.lora_A": torch.zeros(4, 32)}
    return write_safetensors(path, tensors | {"emb.weight": torch.zeros(shape)})


@pytest.mark.parametrize("shape", [(), (7,), (2, 3, 4), (0, 0)])
def test_an_adapter_with_an_odd_table_of_words_is_an_adapter(tmp_path, shape):
    path = odd_lora(tmp_path / "odd.safetensors", shape)
    found = describe(path)
    assert found.kind == "lora"
    assert found.made_for.vocabulary == 0


def test_a_file_that_the_program_stumbles_over_takes_no_other_with_it(tmp_path, monkeypatch):
    good = small_pth(tmp_path / "good.pth")
    bad, worse = small_pth(tmp_path / "bad.pth"), small_pth(tmp_path / "worse.pth")
    real, bugs = describe_module.open_checkpoint, []

    def stumbling(path):
        if path == good:
            return real(path)
        raise IndexError("tuple index out of range")

    monkeypatch.setattr(describe_module, "open_checkpoint", stumbling)
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: bugs.append(error))
    with library_of(tmp_path) as local:
        found = {model.path: model for model in local.scan().models}
        assert len(local.scan().models) == 3
    assert found[str(good)].spec.layers == 2
    for path in (bad, worse):
        assert found[str(path)].failure_code == "misread-checkpoint"
        assert found[str(path)].failure_facts["said"].startswith("IndexError in ")
        assert found[str(path)].bytes == path.stat().st_size
    assert [str(bug) for bug in bugs] == ["tuple index out of range"]


def test_a_look_that_a_mistake_ends_is_followed_by_others(monkeypatch):
    bugs, told = [], threading.Event()
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: bugs.append(error))
    looks = [LookupError("a mistake"), Survey(folder="one")]

    def look(cancelled):
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    watcher = FolderWatcher(look, told.set)
    assert watcher.wait(watcher.ask(), 10)
    assert not watcher.reading
    assert watcher.wait(watcher.ask(), 10)
    assert told.wait(10)
    assert watcher.survey == Survey(folder="one")
    assert len(bugs) == 1
    watcher.close()


def test_one_header_that_cannot_be_read_back_costs_only_itself(tmp_path):
    good, bad = small_pth(tmp_path / "models" / "one.pth"), small_pth(tmp_path / "models" / "x.pth")
    headers = Headers(Cache(tmp_path / "cache"))
    headers(good), headers(bad)
    headers.keep()
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b'"name":"x"', b'"name":[1]'))
    assert list(Headers(Cache(tmp_path / "cache"))._known) == [str(good)]
