"""Small files of JSON: whatever stands under their names, reading ends soon and says so."""

import os
import socket
import sys

import msgspec
import pytest

from app.system.atomic_file import replacing
from app.system.json_file import decode, encode, loads
from app.system.small_file import UnfitFileError, read_small

MOST = 1000
SURROGATES = "/models/m\udcff.pth"


class Kept(msgspec.Struct):
    name: str
    sizes: tuple[int, ...] = ()


@pytest.fixture
def short_folder(tmp_path, monkeypatch):
    """Sockets have short names only."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _pipe(place):
    os.mkfifo(place)


def _socket(place):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place.name)


def _device(place):
    place.symlink_to("/dev/zero")


def _huge(place):
    with place.open("wb") as file:
        file.truncate(50 << 30)


@pytest.mark.skipif(sys.platform == "win32", reason="has none of these")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [_pipe, _socket, _device, _huge])
def test_what_is_no_small_file_is_refused_at_once_and_replaced(short_folder, make):
    place = short_folder / "kept.json"
    make(place)
    with pytest.raises(UnfitFileError):
        read_small(place, MOST)
    with replacing(place) as file:
        file.write(b"{}")
    assert read_small(place, MOST) == b"{}"


def test_a_folder_and_a_missing_file_are_what_the_system_says(tmp_path):
    with pytest.raises(OSError, match="kept"):
        read_small(tmp_path / "kept", MOST)
    with pytest.raises(OSError):  # noqa: PT011 (Windows refuses permission)
        read_small(tmp_path, MOST)
    with pytest.raises(OSError):  # noqa: PT011
        read_small(tmp_path / "a\0b", MOST)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_is_followed_only_where_that_is_meant(tmp_path):
    (tmp_path / "real").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_small(tmp_path / "link", MOST) == b"1"
    with pytest.raises(OSError):  # noqa: PT011 (the system's own words)
        read_small(tmp_path / "link", MOST, follow=False)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 2_000_000,
        b'{"a":' * 90_000,
        b'{"name": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800", "sizes": ["x"]}',
        b'{"name": 3}',
        b"",
        b"\x00" * 100,
    ],
)
def test_whatever_is_wrong_with_the_words_is_one_kind_of_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 (that is the promise)
        decode(text, Kept)


@pytest.mark.parametrize("text", [b"[" * 2_000_000, b"[" * 200 + b"]" * 200, b"\xff", b"{"])
def test_nothing_nested_deeply_comes_out(text):
    with pytest.raises(ValueError):  # noqa: PT011 (that is the promise)
        loads(text)


@pytest.mark.parametrize("name", [SURROGATES, "\ud800", "Krähe", "\U0001f426", "a\0b", '"\\ud800"'])
def test_any_text_comes_back_as_it_was(name):
    kept = Kept(name, (1, 2**60))
    assert decode(encode(kept), Kept) == kept
