"""What is no model never gets a model's name: pages, pointers, archives, and planted files."""

import bz2
import gzip
import os
from pathlib import Path

import msgspec
import pytest

from app.errors import AlreadyThere, PageInstead
from app.hub.catalogue.entries import Entry
from app.hub.downloads.part_file import Identity, PartFile, Record
from app.hub.downloads.transfer import Order, Transfer
from app.hub.downloads.verified_files import Verified
from app.messages.failures import say
from tests.hub.downloads.queues import Queue
from tests.hub.downloads.transfers import QUICK, hub_at
from tests.support.hub_server import online
from tests.support.strange_hub import StrangeHub

PAGE = b"<!DOCTYPE html><html><title>Network login</title></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 9\n"
MARKS = {"ETag": '"some"', "X-Repo-Commit": "c" * 40, "Content-Type": "application/octet-stream"}
MODEL = (2000).to_bytes(8, "little") + b'{"emb.weight":' + bytes(3000)


@pytest.fixture
def strange():
    with StrangeHub() as server, online():
        yield server


def run(server, folder, file="m.pth", verified=None):
    order = Order(repo="a/rwkv", file=file, path=str(folder / file))
    Transfer(hub_at(server.url, folder.parent), order, how=QUICK, verified=verified).run()


def refused(server, folder, file="m.pth"):
    with pytest.raises(PageInstead) as caught:
        run(server, folder, file)
    assert list(folder.iterdir()) == []
    words = say(caught.value).sentences
    assert "nothing was kept" in words
    return words


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "text/plain"])
def test_who_tells_neither_etag_nor_commit_is_no_hub(strange, folder, kind):
    strange.body, strange.headers = MODEL if "octet" in kind else PAGE, {"Content-Type": kind}
    assert "sign in" in refused(strange, folder)


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "TEXT/HTML"])
@pytest.mark.parametrize("file", ["m.pth", "m.safetensors", "tokenizer.json", "vocab.txt"])
def test_a_page_is_no_file_whatever_marks_it_has(strange, folder, kind, file):
    strange.body, strange.headers = PAGE, {**MARKS, "Content-Type": kind}
    assert "a web page" in refused(strange, folder, file)


OTHERS = {
    "page": (PAGE, "a web page"),
    "page with blanks": (b"\n\n  <HTML><body>", "a web page"),
    "pointer": (POINTER, "a Git LFS pointer"),
    "gzip": (gzip.compress(MODEL), "a gzip archive"),
    "bzip2": (bz2.compress(MODEL), "a bzip2 archive"),
    "refusal": (b"Access denied", "Access denied"),
    "json": (b'{"error": "Repository not found"}', "Repository not found"),
    "text": (b"Dear reader, this is a letter and no model.", "a text file"),
    "zeros": (bytes(4000), "something else"),
    "binary": (bytes(range(7, 256)) * 9, "something else"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_where_no_hash_speaks_for_it_the_first_bytes_decide(strange, folder, name):
    strange.body, word = OTHERS[name]
    strange.headers = MARKS
    for file in ("m.pth", "m.safetensors", "deep.gguf"):
        assert word in refused(strange, folder, file)


@pytest.mark.parametrize("name", ["page", "pointer", "gzip", "refusal", "text"])
def test_side_files_are_looked_at_too(strange, folder, name):
    strange.body, word = OTHERS[name]
    strange.headers = MARKS
    assert word in refused(strange, folder, "20B_tokenizer.json")
    if name in ("page", "pointer", "gzip"):
        assert word in refused(strange, folder, "vocab.txt")


def test_what_begins_as_it_should_comes(strange, folder):
    strange.headers = MARKS
    for file, data in (
        ("m.safetensors", MODEL),
        ("tokenizer.json", b' {"a": 1}'),
        ("v.txt", b"1 a"),
    ):
        strange.body = data
        run(strange, folder, file)
        assert (folder / file).read_bytes() == data


def test_the_queue_says_it_in_words_and_keeps_nothing(strange, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    strange.body, strange.headers = PAGE, {"Content-Type": "text/html"}
    queue = Queue(strange, tmp_path)
    try:
        item = queue.wait(queue.downloads.add(Entry(repo="a/rwkv", file="m.pth")), "failed")
        assert item.failure.code == "page-instead"
        left = [one.name for one in (tmp_path / "models").rglob("*") if one.is_file()]
        assert left == []
    finally:
        queue.downloads.close()


def test_a_planted_record_makes_nothing_right_where_no_hash_is_told(strange, folder, tmp_path):
    strange.body, strange.headers = MODEL, MARKS
    there, wrong = folder / "m.safetensors", MODEL[:-1] + b"x"
    there.write_bytes(wrong)
    record = Record(identity=Identity(etag="some", bytes=len(MODEL)), done=True)
    there.with_name("m.safetensors.part.json").write_bytes(msgspec.json.encode(record))
    verified = Verified(tmp_path / "verified.json")
    with pytest.raises(AlreadyThere):
        run(strange, folder, there.name, verified)
    assert there.read_bytes() == wrong
    assert not verified.sha256_of(there)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links of POSIX")
@pytest.mark.parametrize("ending", [".part", ".part.live", ".part.json"])
def test_nothing_is_written_through_what_was_planted(strange, folder, tmp_path, ending):
    strange.body, strange.headers = MODEL, MARKS
    victim, planted = tmp_path / "victim", folder / f"m.safetensors{ending}"
    for plant in (
        lambda: planted.symlink_to(victim),
        lambda: planted.symlink_to(tmp_path / "nowhere"),
        lambda: os.link(victim, planted),
        lambda: os.mkfifo(planted),
    ):
        victim.write_bytes(b"precious")
        plant()
        if ending == ".part.json":
            run(strange, folder, "m.safetensors")
            (folder / "m.safetensors").unlink()
        else:
            with pytest.raises(AlreadyThere):
                run(strange, folder, "m.safetensors")
            planted.unlink()
        assert victim.read_bytes() == b"precious"
        assert not (tmp_path / "nowhere").exists()


def test_a_program_that_fell_between_two_names_is_no_plant(tmp_path):
    path = tmp_path / "m.pth"
    with PartFile(path) as part:
        part.adopt(Identity(etag="e", bytes=4), "http://x")
        part.write(b"data", 0)
        os.link(part.part, path)
    with PartFile(path) as part:
        part.finish()
    assert path.read_bytes() == b"data"
    assert [one.name for one in Path(tmp_path).iterdir()] == ["m.pth"]
