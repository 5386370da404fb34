"""Whether a process was killed because memory ran out: the kernel's counters before and after."""

import os
import queue
import signal
import sys

import pytest

from app.system.child_process import Process
from app.system.oom_kills import OomKills
from tests.system.test_cgroups import Machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux counts")

ECHO = """
import sys
from app.system.frames import read_frame, write_frame
while (frame := read_frame(sys.stdin.buffer)) is not None:
    write_frame(sys.stdout.buffer, frame)
"""


class Counting(Machine):
    """A machine with a counter; every process is in the group ``/app``."""

    def __init__(self, root, *, newer=True):
        super().__init__(root)
        (root / "proc/vmstat").write_text("pgfault 7\noom_kill 3\n")
        kind = "cgroup2 cgroup2 rw" if newer else "cgroup cgroup rw,memory"
        groups = "0::/app\n" if newer else "4:memory:/app\n"
        self.process(groups, [(30, ("/", "/sys/fs/cgroup", kind))])
        self.groups = groups
        self.counter = (
            root / "sys/fs/cgroup/app" / ("memory.events" if newer else "memory.oom_control")
        )
        self.counter.parent.mkdir(parents=True)
        self.count(2)

    def holds(self, pid):
        (self.root / f"proc/{pid}").mkdir()
        (self.root / f"proc/{pid}/cgroup").write_text(self.groups)

    def count(self, kills):
        self.counter.write_text(f"low 0\nunder_oom 0\noom 9\noom_kill {kills}\noom_group_kill 5\n")


@pytest.mark.parametrize("newer", [True, False])
def test_a_counter_of_the_group_that_has_grown_tells_of_it(tmp_path, newer):
    machine = Counting(tmp_path, newer=newer)
    machine.holds(17)
    kills = OomKills(17, tmp_path)
    kills.note()
    assert not kills.grew()
    machine.count(3)
    kills.note()  # a process that ends slowly is asked again meanwhile
    assert kills.grew()


def test_what_happens_elsewhere_on_the_machine_is_not_its_end(tmp_path):
    machine = Counting(tmp_path)
    machine.holds(17)
    kills = OomKills(17, tmp_path)
    kills.note()
    (tmp_path / "proc/vmstat").write_text("oom_kill 4\n")
    assert not kills.grew()


def test_without_groups_the_machine_counts(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("oom_kill 3\n")
    kills = OomKills(17, tmp_path)
    kills.note()
    assert not kills.grew()
    (tmp_path / "proc/vmstat").write_text("oom_kill 4\n")
    assert kills.grew()


def test_a_killed_process_tells_whether_memory_had_run_out(tmp_path):
    """Killed by somebody, by the kernel, and by its owner while the kernel killed another one."""
    machine = Counting(tmp_path)
    frames, ends, told = queue.Queue(), queue.Queue(), []
    for kills, owner in [(0, False), (1, False), (1, True)]:
        machine.count(10)
        command = [sys.executable, "-c", ECHO]
        process = Process(command, frames.put, ends.put, machine=tmp_path)
        machine.holds(process.pid)
        for message in (b"up", b"again"):  # the counter was read before the second one was sent
            process.send(message)
            frames.get(timeout=30)
        machine.count(10 + kills)
        if owner:
            process.kill()
        else:
            os.kill(process.pid, signal.SIGKILL)
        told.append(ends.get(timeout=30).why)
    assert told == ["", "no-memory", ""]
