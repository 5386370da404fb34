"""A model that is larger than the memory it may have writes all the same, read from its file."""

import json
import subprocess
import sys

import pytest

from bench.shapes import SIZES, write_checkpoint
from tests.support.control_groups import group_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")

_JOIN = 'echo $$ > "$0"/cgroup.procs && exec "$@"'
_MB = 10**6


def written(path, strategy, group):
    """What the command line makes of eight tokens in a group."""
    wanted = ("--tokens", "5,6,7", "--max-tokens", "8", "--ban", "0", "--json")
    arguments = ("generate", "--model", str(path), "--strategy", strategy, *wanted)
    command = ["sh", "-c", _JOIN, str(group), sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def writes(path, strategy, limit_bytes):
    with group_of(limit_bytes) as group:
        done = written(path, strategy, group)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["tokens"]) == 8


def file_of(folder, size):
    path = folder / f"7.0-{size}.pth"
    write_checkpoint(path, "7.0", SIZES[size])
    return path


def test_a_0_1b_of_380_mb_writes_under_a_limit_in_which_it_has_no_room(tmp_path):
    path = file_of(tmp_path, "0.1B")
    writes(path, "cpu bf16 *0+", 520 * _MB)
    with group_of(520 * _MB) as group:
        assert written(path, "cpu fp32", group).returncode != 0


@pytest.mark.exhaustive
def test_a_0_4b_in_16_bit_writes_under_700_mb(tmp_path):
    writes(file_of(tmp_path, "0.4B"), "cpu bf16 *0+", 700 * _MB)
