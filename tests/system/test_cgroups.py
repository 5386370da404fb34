"""What control groups leave: of the own group and of all above it, in both kinds of hierarchy."""

import sys
from pathlib import Path

import psutil
import pytest

from app.system.cgroups import group_limit, group_room, limit_in, room_in
from app.system.memory import available_bytes, total_bytes

NEWER = "cgroup2 cgroup2 rw"
OLDER = "cgroup cgroup rw,memory"


def _group(folder, limit, used, detail="anon 10\ninactive_file 30\n"):
    paths = [folder / name for name in ("max", "current", "stat")]
    for path, text in zip(paths, (limit, used, detail), strict=True):
        path.write_text(text)
    return paths


def test_a_control_group_leaves_what_its_limit_and_its_droppable_pages_allow(tmp_path):
    assert room_in(*_group(tmp_path, "1000\n", "600\n")) == 430


def test_a_group_of_the_older_kind_names_its_pages_otherwise(tmp_path):
    detail = "inactive_file 5\ntotal_inactive_file 50\n"
    assert room_in(*_group(tmp_path, "1000\n", "600\n", detail)) == 450


def test_a_group_without_a_limit_does_not_count(tmp_path):
    assert room_in(*_group(tmp_path, "max\n", "600\n")) is None


def test_a_machine_without_groups_does_not_count(tmp_path):
    assert room_in(tmp_path / "a", tmp_path / "b", tmp_path / "c") is None
    assert group_room(tmp_path) is None


@pytest.mark.parametrize("detail", ["nonsense", "a b c\n", "inactive_file x\n"])
def test_an_unreadable_group_does_not_count(tmp_path, detail):
    assert room_in(*_group(tmp_path, "1000", "600", detail)) is None


@pytest.mark.parametrize(("text", "limit"), [("1073741824\n", 2**30), ("max\n", None), ("", None)])
def test_a_limit_is_a_number_or_none(tmp_path, text, limit):
    path = tmp_path / "memory.max"
    path.write_text(text)
    assert limit_in(path) == limit
    assert limit_in(tmp_path / "absent") is None


class Machine:
    """A tree of /proc and mounts below ``root``."""

    def __init__(self, root):
        self.root = root
        (root / "proc" / "self").mkdir(parents=True)

    def process(self, groups, mounts):
        lines = [f"{n} 1 0:{n} {seen} {place} rw - {kind}" for n, (seen, place, kind) in mounts]
        (self.root / "proc/self/cgroup").write_text(groups)
        (self.root / "proc/self/mountinfo").write_text("\n".join(["1 0 8:1 / / rw", *lines]))

    def newer(self, place, limit, used, high="max"):
        self._write(place, {"memory.max": limit, "memory.high": high, "memory.current": used})

    def older(self, place, limit, used):
        self._write(place, {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used})

    def _write(self, place, files):
        folder = self.root / place.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(f"{text}\n")
        (folder / "memory.stat").write_text("inactive_file 0\n")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def mounts(*each):
    return list(enumerate(each, 20))


def test_the_tightest_limit_on_the_way_up_holds(machine):
    machine.process("0::/user.slice/app.scope\n", mounts(("/", "/sys/fs/cgroup", NEWER)))
    machine.newer("/sys/fs/cgroup/user.slice/app.scope", "max", 100)
    machine.newer("/sys/fs/cgroup/user.slice", 5000, 1000)
    assert group_room(machine.root) == 4000
    machine.newer("/sys/fs/cgroup/user.slice/app.scope", 700, 100)
    assert group_room(machine.root) == 600
    machine.newer("/sys/fs/cgroup/user.slice/app.scope", 700, 100, high=300)
    assert group_room(machine.root) == 200
    machine.newer("/sys/fs/cgroup/user.slice/app.scope/deeper", 2, 1)
    machine.newer("/sys/fs/cgroup/other.slice", 2, 1)
    assert group_room(machine.root) == 200


def test_memory_is_counted_within_the_group(machine):
    machine.process("0::/a/b\n", mounts(("/", "/sys/fs/cgroup", NEWER)))
    machine.newer("/sys/fs/cgroup/a", 3_000_000, 1_000_000)
    machine.newer("/sys/fs/cgroup/a/b", "max", 500)
    assert available_bytes(machine.root) == 2_000_000
    assert total_bytes(machine.root) == group_limit(machine.root) == 3_000_000
    machine.newer("/sys/fs/cgroup/a", 3_000_000, 4_000_000)
    assert available_bytes(machine.root) == 0


def test_the_older_hierarchy_nests_too(machine):
    groups = "5:cpu,cpuacct:/x\n4:memory:/pod/box\n0::/\n"
    machine.process(
        groups,
        mounts(
            ("/", "/sys/fs/cgroup/cpu", "cgroup cgroup rw,cpu"),
            ("/", "/sys/fs/cgroup/memory", OLDER),
            ("/", "/sys/fs/cgroup/unified", NEWER),
        ),
    )
    machine.older("/sys/fs/cgroup/memory", 9223372036854771712, 0)
    machine.older("/sys/fs/cgroup/memory/pod", 900, 500)
    machine.older("/sys/fs/cgroup/memory/pod/box", 1000, 100)
    assert group_room(machine.root) == 400


def test_a_container_that_sees_its_own_group_as_the_top_is_limited_by_it(machine):
    machine.process("0::/docker/abc\n", mounts(("/docker/abc", "/sys/fs/cgroup", NEWER)))
    machine.newer("/sys/fs/cgroup", 800, 300)
    assert group_room(machine.root) == 500
    machine.process("0::/docker/abc/inner\n", mounts(("/docker/abc", "/sys/fs/cgroup", NEWER)))
    machine.newer("/sys/fs/cgroup/inner", 60, 10)
    assert group_room(machine.root) == 50
    machine.process("0::/../elsewhere\n", mounts(("/", "/sys/fs/cgroup", NEWER)))
    assert group_room(machine.root) == 500


def test_mounts_anywhere_and_with_blanks_are_found(machine):
    machine.process("0::/a b\n", mounts(("/", r"/odd\040place", NEWER)))
    machine.newer("/odd place/a b", 500, 100)
    assert group_room(machine.root) == 400


@pytest.mark.parametrize("text", ["", "nonsense", "0::", "4:memory\n", "1 2 3 - x", "\0\n- - -\n"])
def test_nonsense_means_no_limit(machine, text):
    machine.process(text, [])
    (machine.root / "proc/self/mountinfo").write_text(text)
    assert group_room(machine.root) is None


@pytest.mark.skipif(sys.platform != "linux", reason="control groups")
def test_this_machine_s_own_groups_are_read():
    room = group_room()
    assert room is None or room > 0
    assert 0 < available_bytes() <= psutil.virtual_memory().total
    assert Path("/proc/self/cgroup").exists()
