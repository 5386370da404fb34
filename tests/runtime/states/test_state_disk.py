"""States on the disk: whole or not there, of this very model or of no use, and never in the way."""

import os
import stat
import sys
import threading

import pytest
import torch

from app.errors import StatesUnkept
from app.runtime.protocol.states import StateCache
from app.runtime.states import disk_budget, state_disk
from app.runtime.states.disk_names import folder_of
from app.runtime.states.state_disk import StateDisk
from app.runtime.states.state_key import TokenPrefix
from app.runtime.states.state_store import Trail
from tests.runtime.small_models import small_model

TEXT = tuple(i * 7 % 250 + 1 for i in range(40))


@pytest.fixture(scope="module", params=["7.0", "4"])
def opened(request, tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"), request.param)


@pytest.fixture
def told():
    return []


@pytest.fixture
def disk(opened, tmp_path, told):
    return disk_in(opened, tmp_path / "kept", told)


def disk_in(opened, folder, told=None, **more):
    cache = StateCache(folder=os.fsencode(folder), **more)
    tell = (lambda _: None) if told is None else told.append
    return StateDisk(cache, opened.model.spec, opened.binding, opened.made_with.format, tell)


def trail_of(opened, tokens):
    return Trail(TokenPrefix(opened.point(), tokens))


def keep(disk, opened, tokens, **more):
    """Compute the state after these tokens and have it written; the state and its logits."""
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([tokens]), state)[0]
    trail = trail_of(opened, tokens)
    assert disk.wants(trail, logits=True, spare=False)
    disk.keep(trail, opened.state_facts(trail), state.host_later(), logits, **more)
    assert disk.flush(30)
    return state, logits


def find(disk, opened, tokens):
    """What the disk gives for a text, and the name of it."""
    prefix = TokenPrefix(opened.point())
    name = disk.longest(prefix, tokens)
    return name and disk.read(prefix.point, name).result(30), name


def file_of(disk, opened, name):
    return disk.folder / folder_of(opened.point()) / name.text


def test_another_program_finds_the_longest_beginning_bit_by_bit(disk, opened):
    keep(disk, opened, TEXT[:10])
    state, logits = keep(disk, opened, TEXT[:30])
    found, name = find(disk_in(opened, disk.folder), opened, TEXT)
    assert (name.tokens, found.key.tokens, found.approximate) == (30, 30, False)
    assert torch.equal(found.state.wkv, state.wkv)
    assert torch.equal(found.state.shift, state.shift)
    assert torch.equal(found.logits, logits)
    assert find(disk, opened, TEXT[:29])[1].tokens == 10
    assert find(disk, opened, TEXT[1:])[1] is None
    assert disk.longest(TokenPrefix(opened.point(start="file")), TEXT) is None


def test_nothing_is_written_twice(disk, opened):
    keep(disk, opened, TEXT)
    trail = trail_of(opened, TEXT)
    assert not disk.wants(trail, logits=True, spare=False)
    assert not disk_in(opened, disk.folder).wants(trail, logits=True, spare=False)
    assert disk_budget.use_of(disk.folder).files == 1


def flipped(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    path.write_bytes(b"")


def grown(path):
    with path.open("r+b") as file:
        file.truncate(1 << 40)


def linked(path):
    moved = path.with_name("elsewhere")
    path.rename(moved)
    path.symlink_to(moved)


def piped(path):
    path.unlink()
    os.mkfifo(path)


def folded(path):
    path.unlink()
    path.mkdir()


def another(path):
    path.write_bytes((1 << 50).to_bytes(8, "little") + b"{}")


DAMAGES = [flipped, cut, emptied, grown, another]
if sys.platform != "win32":
    DAMAGES += [linked, piped, folded]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_hostile_file_is_of_no_use_and_a_shorter_one_serves(disk, opened, damage):
    keep(disk, opened, TEXT[:10])
    keep(disk, opened, TEXT[:30])
    _, name = find(disk, opened, TEXT)
    damage(file_of(disk, opened, name))
    other = disk_in(opened, disk.folder)
    assert find(other, opened, TEXT)[0] is None
    found, name = find(other, opened, TEXT)
    assert (found.key.tokens, name.tokens) == (10, 10)
    path = file_of(disk, opened, name)
    assert stat.S_ISREG(os.lstat(path).st_mode)


def test_a_state_under_another_s_name_is_refused(disk, opened):
    keep(disk, opened, TEXT[:10])
    _, name = find(disk, opened, TEXT)
    other = name._replace(prefix=TokenPrefix(opened.point(), (9,) * 10).key.prefix)
    file_of(disk, opened, name).rename(file_of(disk, opened, other))
    fresh = disk_in(opened, disk.folder)
    assert find(fresh, opened, (9,) * 12) == (None, other)
    assert find(fresh, opened, (9,) * 12) == (None, None)


def test_a_state_in_half_precision_takes_half_the_room_and_says_so(disk, opened):
    exact, _ = keep(disk, opened, TEXT)
    small = disk_in(opened, disk.folder.parent / "half", half=True)
    keep(small, opened, TEXT)
    found, name = find(small, opened, (*TEXT[:-1], 1)), None
    assert found[0] is None
    found, name = find(small, opened, TEXT)
    assert found.approximate
    assert not name.exact
    torch.testing.assert_close(found.state.wkv, exact.wkv, rtol=1e-3, atol=1e-4)
    sizes = [next(d.folder.rglob("*.state")).stat().st_size for d in (disk, small)]
    assert sizes[1] < 0.75 * sizes[0] or opened.model.spec.generation == "4"


def test_a_state_of_another_format_serves_where_that_is_allowed(disk, opened):
    keep(disk, opened, TEXT)
    cache = StateCache(folder=os.fsencode(disk.folder))
    spec, binding = opened.model.spec, opened.binding
    strict = StateDisk(cache, spec, binding, "int8")
    assert strict.longest(TokenPrefix(opened.point()), TEXT) is None
    lenient = disk_in(opened, disk.folder, other_formats=True)
    lenient._form = "int8"
    found, name = find(lenient, opened, TEXT)
    assert (name.format, found.approximate) == (opened.made_with.format, True)


def test_a_full_disk_is_told_once_and_nothing_is_left(disk, opened, told, monkeypatch):
    def full(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state_disk, "write", full)
    keep(disk, opened, TEXT[:10])
    keep(disk, opened, TEXT[:20])
    assert [type(one) for one in told] == [StatesUnkept]
    assert list(disk.folder.rglob("*.new")) == list(disk.folder.rglob("*.state")) == []
    assert disk_budget.use_of(disk.folder).files == 0
    monkeypatch.undo()
    keep(disk, opened, TEXT[:10])
    assert find(disk, opened, TEXT)[0] is not None


def test_a_folder_that_cannot_be_used_is_told_once(opened, tmp_path, told):
    (tmp_path / "file").write_text("not a folder")
    disk = disk_in(opened, tmp_path / "file" / "kept", told)
    assert find(disk, opened, TEXT) == (None, None)
    for count in (5, 6):
        keep(disk, opened, TEXT[:count])
    assert len(told) == 1


def test_spare_states_wait_for_the_writer_and_others_do_not(disk, opened, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(disk._budget, "take", lambda *_, **__: go_on.wait(60) and False)
    state = opened.model.blank()
    for count in (3, 4, 5):
        trail = trail_of(opened, TEXT[:count])
        disk.keep(trail, opened.state_facts(trail), state.host_later(), None)
    trail = trail_of(opened, TEXT[:6])
    assert disk.has(trail_of(opened, TEXT[:4]).prefix.key)
    assert not disk.wants(trail, logits=False, spare=True)
    assert disk.wants(trail, logits=False, spare=False)
    assert not disk.flush(0)
    go_on.set()
    assert disk.flush(30)
