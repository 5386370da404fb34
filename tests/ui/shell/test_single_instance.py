"""The socket that starts of the program meet at: whose it is, where it lies, what is left over."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.ui.shell import instance_socket
from app.ui.shell.instance_socket import socket_address
from app.ui.shell.single_instance import SingleInstance

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pipe of the system there")

ANSWERING = """
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
if len(sys.argv) > 2:
    os.setuid(int(sys.argv[2]))
server.listen()
print("ready", flush=True)
while True:
    other, _ = server.accept()
    other.sendall(b"here")
"""


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def answering():
    """Starts a program that answers like a window, in another account where one is given."""
    begun = []

    def start(address: str, *account: int):
        words = [sys.executable, "-c", ANSWERING, address, *map(str, account)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.mark.parametrize("where", ["runtime", "data", "temporary"])
def test_it_lies_where_only_this_account_can_enter(tmp_path, monkeypatch, where):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r") if where == "runtime" else "relative")
    (tmp_path / "r").mkdir()
    monkeypatch.setattr(instance_socket.tempfile, "gettempdir", lambda: str(tmp_path))
    data = tmp_path / ("d" * 120 if where == "temporary" else "data")
    place = Path(socket_address(data))
    assert len(os.fsencode(place)) < 108 or where == "runtime"
    mode = stat.S_IMODE(place.parent.stat().st_mode)
    assert mode == 0o700
    expected = {"runtime": tmp_path / "r" / "rookery", "data": data / "run"}
    assert place.parent == expected.get(where, tmp_path / f"rookery-{os.getuid()}")
    assert socket_address(data) == str(place)
    assert socket_address(tmp_path / "other") != str(place)


def test_an_open_folder_is_closed_and_a_link_is_not_followed(tmp_path, runtime, monkeypatch):
    (runtime / "rookery").mkdir()
    (runtime / "rookery").chmod(0o777)
    place = Path(socket_address(tmp_path / "data"))
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    (tmp_path / "theirs").mkdir()
    (runtime / "rookery").rmdir()
    (runtime / "rookery").symlink_to(tmp_path / "theirs")
    assert Path(socket_address(tmp_path / "data")).parent == tmp_path / "data" / "run"


def test_a_window_of_this_account_is_believed(tmp_path, runtime, answering, qapp):
    bell = SingleInstance(tmp_path / "data")
    answering(bell._address)
    assert bell.answered()
    assert bell.trouble == ""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs another account")
def test_what_another_account_answers_is_not_believed_and_said(tmp_path, runtime, answering, qapp):
    bell = SingleInstance(tmp_path / "data")
    answering(bell._address, 65534)
    assert not bell.answered()
    assert "another account" in bell.trouble


def test_a_peer_whose_account_is_not_told_is_not_believed(
    tmp_path, runtime, answering, qapp, monkeypatch
):
    def untold(descriptor):
        raise OSError("not told")

    bell = SingleInstance(tmp_path / "data")
    answering(bell._address)
    monkeypatch.setattr(instance_socket, "_is_own_peer", untold)
    assert not bell.answered()
    assert bell.trouble


def test_what_a_killed_window_has_left_is_taken_away(tmp_path, runtime, qapp):
    bell = SingleInstance(tmp_path / "data")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(bell._address)
    assert not bell.answered()
    assert bell.listen()
    bell.close()
    assert not os.path.lexists(bell._address)


def test_of_two_starts_that_find_a_left_over_one_listens(tmp_path, runtime, qapp):
    first, second = SingleInstance(tmp_path / "data"), SingleInstance(tmp_path / "data")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(first._address)
    assert not first.answered()
    assert not second.answered()
    assert first.listen()
    assert not second.listen()
    first.close()


def test_a_file_in_the_place_of_the_socket_stays(tmp_path, runtime, qapp):
    bell = SingleInstance(tmp_path / "data")
    Path(bell._address).write_text("mine")
    assert not bell.answered()
    assert not bell.listen()
    assert Path(bell._address).read_text() == "mine"


@pytest.mark.skipif(sys.platform == "darwin", reason="all names of files are text there")
def test_a_data_folder_whose_name_is_no_text_has_its_socket_elsewhere(tmp_path, monkeypatch, qapp):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(instance_socket.tempfile, "gettempdir", lambda: str(tmp_path))
    data = tmp_path / os.fsdecode(b"data \xff")
    bell = SingleInstance(data)
    assert bell.listen()
    assert bell.trouble == ""
    assert not SingleInstance(data).listen(), "the first window has it"
    bell.close()


def test_without_a_place_for_it_windows_open_side_by_side(tmp_path, monkeypatch, qapp):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(instance_socket, "_LONGEST", 5)
    bell = SingleInstance(tmp_path / "data")
    assert not bell.answered()
    assert not bell.listen()
    assert "second window" in bell.trouble
