"""How fast a disk gives a file: a figure where one can be had, and none where not."""

import sys
from pathlib import Path

import pytest

from app.system.disk_speed import disk_of, file_bytes_per_s


def test_a_small_file_and_one_that_is_not_there_have_no_speed(tmp_path):
    small = tmp_path / "small"
    small.write_bytes(bytes(1 << 20))
    assert file_bytes_per_s(small) is None
    assert file_bytes_per_s(tmp_path / "absent") is None
    assert file_bytes_per_s(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked past its memory")
def test_a_large_file_is_read_to_its_end_or_for_the_time_that_is_given(tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(68 << 20))
    speed = file_bytes_per_s(large)
    if speed is None:
        pytest.skip("this file system cannot be read past the memory")
    assert speed > 1e5


def test_the_disk_of_a_file_is_where_it_is_mounted(tmp_path):
    disk = Path(disk_of(tmp_path / "absent" / "model.pth"))
    assert disk in tmp_path.resolve().parents or disk == tmp_path.resolve()
    assert disk.is_mount()
