"""Reads past the file cache give the bytes that lie there, wherever they begin and end."""

import os

import pytest
import torch

from app.errors import DamagedCheckpoint
from app.runtime.checkpoint.source import Source
from app.runtime.checkpoint.stretch import Stretch

SIZE = 70_001


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(os.urandom(SIZE))
    source = Source(path)
    yield source
    source.close()


def read_past_cache(source, begin, size):
    out = torch.empty(size, dtype=torch.uint8)
    if not source.read_past_cache(begin, out):
        pytest.skip("this file system has no reads past its cache")
    return out.numpy().tobytes()


@pytest.mark.parametrize(
    ("begin", "size"), [(0, SIZE), (1, 5), (4096, 4096), (4095, 2), (65_537, SIZE - 65_537)]
)
def test_a_read_gives_the_bytes_that_lie_there(source, begin, size):
    wanted = source.path.read_bytes()[begin : begin + size]
    assert read_past_cache(source, begin, size) == wanted


@pytest.mark.parametrize("left", [0, 100, 8192])
def test_a_file_that_was_cut_short_since_is_damaged(source, left):
    read_past_cache(source, 0, 1)
    os.truncate(source.path, left)
    with pytest.raises(DamagedCheckpoint):
        source.read_past_cache(left, torch.empty(SIZE - left, dtype=torch.uint8))


def test_where_it_cannot_be_a_stretch_is_read_as_usual(source, monkeypatch):
    monkeypatch.setattr("app.runtime.checkpoint.direct_reads.sys.platform", "elsewhere")
    out = torch.empty(1000, dtype=torch.uint8)
    assert not source.read_past_cache(0, out)
    Stretch(source, 7, 1000).read(out, past_cache=True)
    assert out.numpy().tobytes() == source.path.read_bytes()[7:1007]


def test_a_source_that_is_closed_has_none(source):
    source.close()
    assert not source.read_past_cache(0, torch.empty(1, dtype=torch.uint8))
