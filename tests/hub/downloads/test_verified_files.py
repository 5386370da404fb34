"""What counts as verified: bytes that this program read, as long as the file is that very one."""

import os
import subprocess
import sys

import pytest

from app.hub.downloads.verified_files import Verified, state_of

HASH = "ab" * 32


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.pth"
    path.write_bytes(b"bytes")
    return path


@pytest.fixture
def verified(tmp_path):
    return Verified(tmp_path / "data" / "verified.json")


def test_it_is_remembered_by_every_program_until_the_file_is_another(file, verified, tmp_path):
    verified.keep(file, HASH.upper())
    other = Verified(tmp_path / "data" / "verified.json")
    assert other.sha256_of(file) == HASH
    link = tmp_path / "link.pth"
    link.symlink_to(file)
    assert other.sha256_of(link) == HASH
    status = file.stat()
    file.write_bytes(b"other")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert other.sha256_of(file) == ""
    verified.keep(file, HASH)
    copy = tmp_path / "copy.pth"
    copy.write_bytes(b"other")
    os.utime(copy, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    os.replace(copy, file)
    assert other.sha256_of(file) == "", "same size and time, but another file"


def test_it_follows_a_file_that_is_renamed_and_no_other(file, verified, tmp_path):
    verified.keep(file, HASH)
    now = file.rename(tmp_path / "n.pth")
    verified.follow(file, now)
    assert verified.sha256_of(now) == HASH
    other = tmp_path / "o.pth"
    other.write_bytes(b"bytes")
    verified.follow(now, other)
    assert verified.sha256_of(other) == ""


def test_a_file_that_was_written_while_it_was_read_is_not_kept(file, verified):
    before = state_of(file)
    file.write_bytes(b"and more")
    verified.keep(file, HASH, before)
    assert verified.sha256_of(file) == ""


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"layout": 2, "files": {}}', b"[" * 100_000]
)
def test_a_damaged_file_is_as_none_and_is_written_anew(file, verified, tmp_path, content):
    place = tmp_path / "data" / "verified.json"
    place.parent.mkdir()
    place.write_bytes(content)
    assert verified.sha256_of(file) == ""
    verified.keep(file, HASH)
    assert Verified(place).sha256_of(file) == HASH


def test_a_place_that_cannot_be_written_is_no_failure(file, tmp_path):
    (tmp_path / "data").write_text("in the way")
    verified = Verified(tmp_path / "data" / "verified.json")
    verified.keep(file, HASH)
    assert verified.sha256_of(file) == ""


WRITER = """
import sys
from pathlib import Path
from app.hub.downloads.verified_files import Verified
for file in sorted(Path(sys.argv[2]).iterdir()):
    Verified(Path(sys.argv[1])).keep(file, "ab" * 32)
"""


def test_two_programs_keep_what_each_has_read(verified, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for number in range(15):
            (tmp_path / folder / f"{number}.pth").write_bytes(b"x")
    command = [sys.executable, "-c", WRITER, str(tmp_path / "data" / "verified.json")]
    both = [subprocess.Popen([*command, str(tmp_path / folder)]) for folder in ("one", "two")]
    assert [one.wait(60) for one in both] == [0, 0]
    files = [*(tmp_path / "one").iterdir(), *(tmp_path / "two").iterdir()]
    assert len(files) == 30
    assert all(verified.sha256_of(file) == HASH for file in files)
