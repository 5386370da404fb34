"""Notes of origin: found beside a model, whole or growing; anything odd counts as none."""

import json
import os
import sys

import pytest

from app.runtime.checkpoint.describe import describe
from app.runtime.checkpoint.file_names import name_of
from app.runtime.origin import Origin, OriginFile, note_of, origin_of, write_origin
from tests.runtime.small_models import small_file

ORIGIN = Origin(
    repo="someone/模型",
    file="a/model.safetensors",
    revision="0" * 40,
    files=(OriginFile(name="model.safetensors", file="a/model.safetensors", bytes=7),),
)


def test_the_note_is_read_for_the_file_and_for_what_will_be_it(tmp_path):
    path = tmp_path / "model.safetensors"
    write_origin(path, ORIGIN)
    assert [one.name for one in tmp_path.iterdir()] == ["model.safetensors.origin.json"]
    assert origin_of(path) == origin_of(path.with_name(f"{path.name}.part")) == ORIGIN


def test_the_library_tells_it_of_models_and_of_downloads(tmp_path):
    path = small_file(tmp_path, "7.0", name="rwkv7")
    write_origin(path, ORIGIN)
    assert describe(path).origin == ORIGIN
    part = tmp_path / "other.pth.part"
    part.write_bytes(b"half")
    write_origin(part.with_name("other.pth"), ORIGIN)
    assert describe(part).origin == ORIGIN


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/a/b/resolve/main/deep/x%20y.pth",
        "http://127.0.0.1:8/a/b/resolve/0123/deep/x%20y.pth",
        "https://mirror.example/of/hub/a/b/resolve/main/deep/x%20y.pth",
    ],
)
def test_a_download_of_an_earlier_version_is_known_by_its_record(tmp_path, url):
    record = {"identity": {"etag": "e", "bytes": 5, "sha256": "1" * 64}, "url": url}
    (tmp_path / "x y.pth.part.json").write_text(json.dumps(record))
    found = origin_of(tmp_path / "x y.pth.part")
    assert (found.repo, found.file) == ("a/b", "deep/x y.pth")
    assert found.hashes == {"deep/x y.pth": "1" * 64}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"repo": 1, "file": "x"}',
        b'{"repo": "a/b"}',
        b"\xff\xfe",
        b'{"repo": "a/b", "file": "x", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"repo": "a/b", "file": "x"' + b" " * (1 << 20) + b"}",
    ],
    ids=["empty", "half", "list", "number", "incomplete", "no text", "deep", "large"],
)
def test_a_note_that_is_none_counts_as_none(tmp_path, content):
    note_of(tmp_path / "x.pth").write_bytes(content)
    assert origin_of(tmp_path / "x.pth") is None


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes and links")
def test_a_note_that_is_no_file_is_not_waited_for_and_no_link_is_followed(tmp_path):
    os.mkfifo(note_of(tmp_path / "pipe.pth"))
    assert origin_of(tmp_path / "pipe.pth") is None
    write_origin(tmp_path / "real.pth", ORIGIN)
    note_of(tmp_path / "x.pth").symlink_to(note_of(tmp_path / "real.pth"))
    assert origin_of(tmp_path / "x.pth") is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("model.safetensors", "RWKV7-G1"),
        ("pytorch_model.bin", "RWKV7-G1"),
        ("adapter_model.safetensors", "RWKV7-G1"),
        ("model-00001-of-00003.safetensors", "RWKV7-G1"),
        ("consolidated.00.pth", "RWKV7-G1"),
        ("ggml-model-Q4_0.gguf", "RWKV7-G1-Q4_0"),
        ("model.fp16.safetensors", "RWKV7-G1.fp16"),
        ("my-model.pth", "my-model"),
        ("rwkv-final.pth", "rwkv-final"),
    ],
)
def test_a_usual_name_is_called_by_its_folder(tmp_path, file, name):
    assert name_of(tmp_path / "RWKV7-G1" / file) == name
