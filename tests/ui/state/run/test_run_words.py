"""The dialog's bars show every part of a plan under the name that it deserves."""

import pytest

from app.runtime.planning.footprint import state_bytes
from app.runtime.planning.machine import Limits
from app.runtime.planning.plan import plan_of
from app.runtime.planning.simulated import machine_called
from app.runtime.planning.strategy import parse
from app.runtime.sizes import spec_of
from app.ui.state.run import run_words
from app.ui.state.run.run_words import device_names, devices_of, placement_of, way_title

SPEC = spec_of("7.0", 32, 2560, 65536)


@pytest.mark.parametrize("way", ["cpu bf16", "cuda fp16", "cpu bf16 *4+", "cuda int8 *4+"])
def test_states_that_are_kept_are_memory_of_the_text(way):
    machine = machine_called("rtx-4060")
    plan = plan_of(SPEC, "bf16", parse(way), machine, texts=64)
    used = next(one for one in devices_of(plan, machine, Limits()) if one.device == way.split()[0])
    state = sum(use.bytes for use in used.uses if use.kind == "state")
    kept = 64 * 2 * state_bytes(SPEC)  # after the prompt and at the end of each text
    assert kept < state <= 2 * kept
    named = {part for parts in plan.parts.values() for part in parts}
    assert named <= set(run_words._KINDS)


@pytest.mark.parametrize(
    ("text", "title", "line"),
    [
        (
            "cpu bf16 *4+",
            "16-bit on the processor, from the file for each token",
            "Layers 5 to 32 on the processor in 16-bit, read from the file for each token.",
        ),
        (
            "cuda int8 *4+",
            "8-bit on the RTX 4060, from memory for each token",
            "Layers 5 to 32 on the RTX 4060 in 8-bit, copied there from memory for each token.",
        ),
    ],
)
def test_what_does_not_stay_is_told_with_where_it_comes_from(text, title, line):
    machine = machine_called("rtx-4060")
    plan = plan_of(SPEC, "bf16", parse(text), machine)
    assert way_title(plan.strategy, device_names(machine)) == title
    lines = placement_of(plan, SPEC.layers, machine)
    assert line in lines
    assert any("through which the others come" in one for one in lines)
