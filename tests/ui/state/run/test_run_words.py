"""The dialog's bars show every part of a plan under the name that it deserves."""

import pytest

from app.runtime.planning.footprint import state_bytes
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import plan_of
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.strategy import parse
from app.runtime.sizes import spec_of
from app.ui.state.run import run_words
from app.ui.state.run.run_words import devices_of

SPEC = spec_of("7.0", 32, 2560, 65536)


@pytest.mark.parametrize("way", ["cpu bf16", "cuda fp16"])
def test_states_that_are_kept_are_memory_of_the_text(way):
    machine = machine_called("rtx-4060")
    plan = plan_of(SPEC, "bf16", parse(way), machine, texts=64)
    used = next(one for one in devices_of(plan, machine, Limits()) if one.device == way.split()[0])
    state = sum(use.bytes for use in used.uses if use.kind == "state")
    kept = 64 * 2 * state_bytes(SPEC)  # after the prompt and at the end of each text
    assert kept < state <= 2 * kept
    named = {part for parts in plan.parts.values() for part in parts}
    assert named <= set(run_words._KINDS)
