"""What models were called is remembered by their fingerprints, whatever happens to the file."""

import os
import threading

import pytest

from app.runtime.families.known_models import KnownModels, standard_known_models


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "known-models.json"


def test_the_first_name_that_told_something_stays(file):
    known = KnownModels(file)
    assert known.name_of("a") == ""
    known.remember("a", "rwkv7-g1a-0.1b")
    known.remember("a", "My helper")
    known.remember("b", "x" * 1000)
    assert KnownModels(file).name_of("a") == "rwkv7-g1a-0.1b"
    assert known.name_of("b") == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b" " * (2 << 20),
    ],
)
def test_a_damaged_file_is_forgotten_and_written_anew(file, content):
    file.parent.mkdir()
    file.write_bytes(content)
    known = KnownModels(file)
    assert known.name_of("a") == ""
    known.remember("a", "rwkv7-g1")
    assert known.name_of("a") == "rwkv7-g1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_file_and_holds_nobody(file):
    file.parent.mkdir()
    os.mkfifo(file)
    assert KnownModels(file).name_of("a") == ""


def test_of_very_many_the_oldest_go(file, monkeypatch):
    monkeypatch.setattr("app.runtime.families.known_models._MOST", 3)
    known = KnownModels(file)
    for number in range(5):
        known.remember(str(number), "rwkv7-g1")
    assert [known.name_of(str(number)) != "" for number in range(5)] == [False, False] + [True] * 3


def test_two_writers_lose_nothing(file):
    def write(writer):
        for number in range(10):
            KnownModels(file).remember(f"{writer}-{number}", f"rwkv7-g1-{writer}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = KnownModels(file)
    assert all(known.name_of(f"{w}-{n}") == f"rwkv7-g1-{w}" for w in range(3) for n in range(10))


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    (tmp_path / "data").write_text("a file stands where the folder should be")
    known = KnownModels(tmp_path / "data" / "known-models.json")
    known.remember("a", "rwkv7-g1")
    assert known.name_of("a") == ""
    assert KnownModels(None).name_of("a") == ""


def test_it_lies_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    standard_known_models().remember("a", "rwkv7-g1")
    assert (tmp_path / "data" / "known-models.json").is_file()
