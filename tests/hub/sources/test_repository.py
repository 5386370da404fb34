"""Files of a repository become entries; what hubs told is kept on the disk."""

import time

from app.hub.catalogue.entries import Part
from app.hub.safe_paths import is_safe
from app.hub.sources.answer_cache import Cache
from app.hub.sources.repository import Contents, Repository, entries_of


def test_a_damaged_cache_counts_as_none(tmp_path):
    cache = Cache(tmp_path)
    cache.put("a", Repository(id="x/y"))
    (path,) = tmp_path.iterdir()
    told, at = cache.get("a", Repository)
    assert (told.id, abs(at - time.time()) < 100) == ("x/y", True)
    assert cache.get("b", Repository) is None
    for damage in (
        b"",
        b"{",
        b"\xff",
        b'{"layout": 1}',
        b'{"layout":1,"at":0,"told":5}',
        b'{"layout":9,"at":0,"told":{"id":"x"}}',
        b'{"layout":1,"at":9e99,"told":{"id":"x"}}',
    ):
        path.write_bytes(damage)
        assert cache.get("a", Repository) is None


def test_files_that_belong_together_are_found_in_folders():
    paths = ["a/model.safetensors", "a/pytorch_model.bin", "b/pytorch_model.bin", "b/training.bin",
             "rwkv-4-pile-x-00001-of-00002.safetensors", "rwkv-4-pile-x-00002-of-00002.safetensors",
             "tokenizer.json", "README.md"]  # fmt: skip
    files = tuple(Part(path=path, bytes=5) for path in paths)
    entries = entries_of(Contents(repository=Repository(id="x/rwkv-4-pile"), files=files))
    assert [[part.path for part in one.parts] for one in entries] == [
        ["a/model.safetensors"],
        ["b/pytorch_model.bin"],
        ["rwkv-4-pile-x-00001-of-00002.safetensors", "rwkv-4-pile-x-00002-of-00002.safetensors",
         "tokenizer.json"],
    ]  # fmt: skip
    assert all(is_safe(path) for path in paths)


def test_a_size_that_one_part_lacks_is_not_summed():
    files = (Part(path="r-00001-of-00002.gguf", bytes=5), Part(path="r-00002-of-00002.gguf"))
    (one,) = entries_of(Contents(repository=Repository(id="x/rwkv"), files=files))
    assert one.bytes == 0
