"""How many rows run together."""

from app.batch.groups import MOST_ON_CPU, group_size, in_groups
from app.runtime.checkpoint import open_checkpoint
from app.runtime.planning.footprint import state_bytes
from app.runtime.planning.machine import Machine
from app.runtime.planning.strategy import parse
from tests.runtime.small_models import small_file


def test_a_group_is_what_memory_holds_within_sensible_limits(tmp_path):
    with open_checkpoint(small_file(tmp_path)) as checkpoint:
        spec = checkpoint.spec
    way, each = parse("cpu fp32"), 2 * state_bytes(spec) + 12 * spec.vocabulary

    def size(available):
        machine = Machine(memory_total=64 << 30, memory_available=available)
        return group_size(spec, way, machine)

    assert size(0) == 1
    assert size((256 << 20) + 2 * 7 * each) == 7
    assert size(32 << 30) == MOST_ON_CPU


def test_items_come_in_groups_and_the_last_may_be_shorter():
    assert list(in_groups(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_groups([], 2)) == []
