"""Tensors used where they lie: the same numbers, and a clear failure where the file has changed."""

import errno
import os
import sys
from pathlib import Path

import pytest
import torch

from app.errors import ChangedCheckpoint, DamagedCheckpoint, Unreadable
from app.kernels import open_ops
from app.runtime.checkpoint import file_watch, mapping, open_checkpoint
from app.runtime.checkpoint import source as sources
from app.runtime.checkpoint.source import Source
from app.runtime.models import build
from app.runtime.planning.strategy import parse
from tests.support.checkpoints import random_tensors, write_pth, write_safetensors

pytestmark = pytest.mark.skipif(not mapping.CAN_MAP, reason="files are not mapped here")

LARGE = "blocks.0.ffn.key.weight"  # 512 x 128
SMALL = "blocks.0.ln1.weight"
TOKENS = torch.tensor([[5, 60, 7, 33]])


@pytest.fixture
def tensors():
    return random_tensors("7.0", dtype=torch.bfloat16, layers=2, width=128, head_size=32)


@pytest.fixture(params=[write_pth, write_safetensors])
def file(tmp_path, tensors, request):
    return request.param(tmp_path / "model", tensors)


def _model(path, strategy="cpu bf16"):
    with open_checkpoint(path) as checkpoint:
        return build(checkpoint, open_ops("cpu"), parse(strategy))


def _logits(model):
    return model.forward(TOKENS, model.blank())


def test_what_lies_in_the_file_has_the_numbers_that_are_read(file, tensors):
    with open_checkpoint(file) as checkpoint:
        lies = checkpoint.mapped(LARGE, torch.bfloat16)
        again = checkpoint.mapped(LARGE)
    assert torch.equal(lies, tensors[LARGE])
    assert torch.equal(again, tensors[LARGE])


def test_what_is_let_go_can_still_be_used(file, tensors):
    with open_checkpoint(file) as checkpoint:
        lies = checkpoint.mapped(LARGE)
        checkpoint.release(LARGE, SMALL)
    assert torch.equal(lies, tensors[LARGE])


def test_another_type_and_small_tensors_are_read(file):
    with open_checkpoint(file) as checkpoint:
        assert checkpoint.mapped(LARGE, torch.float32) is None
        assert checkpoint.mapped(SMALL) is None


def test_numbers_at_an_odd_place_are_read(tmp_path, tensors):
    path = write_safetensors(tmp_path / "model", tensors)
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    odd = (length + 1).to_bytes(8, "little") + whole[8 : 8 + length] + b" " + whole[8 + length :]
    path.write_bytes(odd)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.mapped(LARGE) is None
        assert torch.equal(checkpoint.read(LARGE), tensors[LARGE])


@pytest.mark.parametrize("strategy", ["cpu bf16", "cpu int8", "cpu fp32"])
def test_a_model_is_the_same_where_files_cannot_be_mapped(file, monkeypatch, strategy):
    mapped = _logits(_model(file, strategy))
    monkeypatch.setattr(sources, "CAN_MAP", False)
    assert torch.equal(_logits(_model(file, strategy)), mapped)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped where")
def test_the_matrices_of_a_stack_stay_in_the_file(tmp_path):
    made = random_tensors("7.0", dtype=torch.bfloat16, layers=2, width=256, head_size=32)
    model = _model(write_pth(tmp_path / "model", made))
    if not model.ops.takes_pointer_tables:
        pytest.skip("the native library is not built here")
    maps = Path("/proc/self/maps").read_text().splitlines()
    lies = next(line.split()[0] for line in maps if str(tmp_path) in line)
    begin, end = (int(place, 16) for place in lies.split("-"))
    stack = model.blocks[1][0].project.data
    for part, name in zip(stack.parts, ("receptance", "key", "value"), strict=True):
        assert torch.equal(part, made[f"blocks.1.att.{name}.weight"])
        assert begin <= part.data_ptr() < end


def test_a_system_that_refuses_a_map_gets_a_copy(file, monkeypatch):
    wanted = _logits(_model(file))

    def refused(*_):
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr(sources, "MappedFile", refused)
    assert torch.equal(_logits(_model(file)), wanted)


def test_a_system_that_takes_no_hints_maps_all_the_same(file, tensors, monkeypatch):
    monkeypatch.setattr(mapping.mmap, "MADV_WILLNEED", 9999)
    with open_checkpoint(file) as checkpoint:
        assert torch.equal(checkpoint.mapped(LARGE), tensors[LARGE])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux fills a map at once")
def test_an_old_system_that_cannot_fill_a_map_is_served_by_reading(file, monkeypatch):
    wanted = _logits(_model(file))
    monkeypatch.setattr(mapping, "_POPULATE_READ", 9999)
    assert torch.equal(_logits(_model(file)), wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux fills a map at once")
def test_a_file_that_was_cut_short_before_its_bytes_came_is_damaged(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(1 << 20))
    source = Source(path)
    mapped = source.mapping()
    with open(path, "r+b") as cut:
        cut.truncate(4096)
    with pytest.raises(DamagedCheckpoint):
        mapped.bring_in(source, 0, 1 << 20)
    source.close()


def _written_over(path):
    with open(path, "r+b") as same:
        same.seek(path.stat().st_size // 2)
        same.write(b"other numbers")


def _cut_short(path):
    os.truncate(path, 4096)


@pytest.mark.parametrize("change", [_written_over, _cut_short])
def test_a_file_that_changes_under_an_open_model_ends_its_use(file, change):
    model = _model(file)
    _logits(model)
    change(file)
    with pytest.raises(ChangedCheckpoint) as caught:
        _logits(model)
    assert caught.value.facts["path"] == str(file)


def _later(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_a_file_whose_time_alone_is_another_is_used_on(file):
    model = _model(file)
    wanted = _logits(model)
    for _ in range(2):
        _later(file)
        assert torch.equal(_logits(model), wanted)
    _written_over(file)
    with pytest.raises(ChangedCheckpoint):
        _logits(model)


def test_a_file_that_was_touched_before_its_first_use_is_used(file):
    model = _model(file)
    _later(file)
    assert torch.equal(_logits(model), _logits(_model(file)))


def test_a_file_that_was_touched_while_it_was_loaded_was_perhaps_written_to(file):
    with open_checkpoint(file) as checkpoint:
        _later(file)
        with pytest.raises(ChangedCheckpoint):
            build(checkpoint, open_ops("cpu"), parse("cpu bf16"))


@pytest.fixture
def sparse(tmp_path):
    """64 MiB of nothing, mapped and looked at."""
    path = tmp_path / "numbers"
    path.touch()
    os.truncate(path, 64 << 20)
    source = Source(path)
    mapped = source.mapping()
    mapped.check()
    yield path, mapped
    source.close()


@pytest.mark.parametrize("at", [0, 60_000, 31_234_567, (64 << 20) - 20_000])
def test_what_is_written_into_a_large_file_is_noticed(sparse, at):
    path, mapped = sparse
    _later(path)
    mapped.check()
    with open(path, "r+b") as same:
        same.seek(at)
        same.write(b"x" * (16 << 10))
    _later(path)
    with pytest.raises(ChangedCheckpoint):
        mapped.check()


def test_a_large_file_is_not_read_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "numbers"
    path.touch()
    os.truncate(path, 1 << 40)
    came = []
    pread = os.pread
    monkeypatch.setattr(file_watch.os, "pread", lambda *asked: came.append(asked) or pread(*asked))
    with open(path, "rb") as file:
        file_watch.likeness(file.fileno(), 1 << 40)
    assert sum(count for _, count, _ in came) < 5 << 20


def test_a_file_that_its_server_has_lost_ends_its_use(file, monkeypatch):
    model = _model(file)

    def stale(_):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(file_watch.os, "fstat", stale)
    with pytest.raises(Unreadable) as caught:
        _logits(model)
    monkeypatch.undo()
    assert caught.value.facts == {"path": str(file), "said": "Stale file handle"}


@pytest.mark.parametrize(
    "change", [lambda path: path.unlink(), lambda path: path.rename(f"{path}2")]
)
def test_a_model_outlives_its_files_name(file, change):
    model = _model(file)
    wanted = _logits(model)
    change(file)
    assert torch.equal(_logits(model), wanted)


def test_a_model_outlives_the_file_that_takes_the_name_of_its_own(file, tensors):
    model = _model(file)
    wanted = _logits(model)
    other = file.with_name("other")
    other.write_bytes(b"another model")
    other.replace(file)
    assert torch.equal(_logits(model), wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="it counts what is open by /proc")
def test_a_model_that_is_gone_keeps_no_file_open(file):
    def count():
        return len(os.listdir("/proc/self/fd"))

    before = count()
    model = _model(file)
    _logits(model)
    assert count() > before
    del model
    assert count() == before
