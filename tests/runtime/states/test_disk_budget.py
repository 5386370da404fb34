"""Kept states within a budget and a day's bytes: what goes first, and what is never touched."""

import os
import shutil
import time

import pytest

from app.errors import DiskFull
from app.runtime.states import disk_budget
from app.runtime.states.disk_budget import USAGE, DiskBudget, DiskLimits, clear, files_in, use_of
from app.runtime.states.disk_names import NOTHING, DiskName, folder_of, is_folder, read_name
from app.runtime.states.state_key import StartingPoint, TokenPrefix

POINT = StartingPoint("model", "world")
SIZE = 1000


def name_of(tokens, before=None, prefix=None, **more):
    """The state after so many tokens of one text, behind that after ``before``."""
    prefix = prefix or TokenPrefix(POINT, range(tokens)).key.prefix
    behind = TokenPrefix(POINT, range(before)).key.prefix[:16] if before else NOTHING
    values = {"format": "bf16", "exact": True, "logits": True, **more}
    return DiskName(tokens, prefix, tokens - (before or 0), behind, **values)


def lay(folder, name, age_s=0.0):
    place = folder / folder_of(POINT)
    place.mkdir(parents=True, exist_ok=True)
    path = place / name.text
    path.write_bytes(bytes(SIZE))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def kept(folder):
    return sorted(one.name.tokens for one in files_in(folder))


def budget_of(folder, budget=10**9, day=10**9):
    return DiskBudget(folder, DiskLimits(budget, day))


def test_a_name_tells_what_it_was_made_of_and_no_other_name_is_one():
    name = name_of(512, 256, cuts="0123456789abcdef", exact=False, logits=False)
    assert read_name(name.text) == name
    assert is_folder(folder_of(POINT))
    assert folder_of(POINT) != folder_of(POINT._replace(start="other"))
    for wrong in ("", "notes.txt", name.text + "x", name.text.replace("bf16", "../x"), "." * 40):
        assert read_name(wrong) is None
    assert read_name(name._replace(since=513).text) is None


def test_the_least_used_and_soonest_rebuilt_go_first_and_the_rest_costs_more(tmp_path):
    for tokens, before, age_s in ((100, 0, 50), (200, 100, 60), (210, 200, 50), (900, 210, 50)):
        lay(tmp_path, name_of(tokens, before or None), age_s)
    lay(tmp_path, name_of(300, None, "ab" * 16), 5000)
    budget = budget_of(tmp_path, 4 * SIZE)
    assert budget.take(SIZE, spare=False)
    assert kept(tmp_path) == [100, 900], "the old one, the ten tokens, and the less used one"
    (last,) = [one.name for one in files_in(tmp_path) if one.name.tokens == 900]
    assert (last.since, last.before) == (800, name_of(900, 100).before)
    assert use_of(tmp_path).bytes == 3 * SIZE


def test_a_day_s_bytes_are_counted_across_restarts_and_spare_states_stop_sooner(
    tmp_path, monkeypatch
):
    assert budget_of(tmp_path, day=1000).take(700, spare=True)
    assert not budget_of(tmp_path, day=1000).take(200, spare=True), "a fifth is for the others"
    assert budget_of(tmp_path, day=1000).take(200, spare=False)
    assert not budget_of(tmp_path, day=1000).take(200, spare=False)
    assert use_of(tmp_path).written == 900
    monkeypatch.setattr(disk_budget, "today", lambda: "2099-01-01")
    assert use_of(tmp_path).written == 0
    assert budget_of(tmp_path, day=1000).take(700, spare=True)


@pytest.mark.parametrize("junk", [b"", b"{", b'{"day": 3}', b'{"written": -5}', bytes(9000)])
def test_damaged_figures_are_counted_anew(tmp_path, junk):
    lay(tmp_path, name_of(10))
    (tmp_path / USAGE).write_bytes(junk)
    assert use_of(tmp_path).written == 0
    assert budget_of(tmp_path).take(SIZE, spare=False)
    assert use_of(tmp_path).bytes == 2 * SIZE


def test_a_nearly_full_disk_is_left_alone(tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**12, 10**12 - 10**9, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull):
        budget_of(tmp_path).take(SIZE, spare=False)


def test_a_state_larger_than_the_budget_drives_nothing_out(tmp_path):
    lay(tmp_path, name_of(10))
    assert not budget_of(tmp_path, budget=SIZE).take(SIZE + 1, spare=False)
    assert kept(tmp_path) == [10]


def test_clearing_deletes_what_is_kept_and_what_killed_writers_left_and_nothing_else(tmp_path):
    state = lay(tmp_path, name_of(10))
    left_over = state.with_name(f".{state.name[:50]}.0123456789ab.new")
    left_over.write_bytes(b"half")
    mine = state.with_name("mine.txt")
    mine.write_text("of the person")
    (tmp_path / "else").mkdir()
    link = state.with_name(name_of(77).text)
    link.symlink_to(mine)
    budget_of(tmp_path).take(SIZE, spare=False)
    clear(tmp_path)
    assert not state.exists()
    assert not left_over.exists()
    assert mine.read_text() == "of the person"
    assert link.is_symlink()
    assert (tmp_path / "else").is_dir()
    use = use_of(tmp_path)
    assert (use.bytes, use.files, use.written) == (0, 0, SIZE)
    clear(tmp_path / "none")


def test_a_killed_writer_s_file_is_swept_once_it_is_old(tmp_path):
    state = lay(tmp_path, name_of(10))
    old, new = (state.with_name(f".{state.name[:50]}.{n}.new") for n in ("0" * 12, "1" * 12))
    for path, age_s in ((old, 100), (new, 0)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    assert budget_of(tmp_path).take(SIZE, spare=False)
    assert not old.exists()
    assert new.exists()
