"""The scenes of the Run dialog, on machines that are only described (resources/machines.json).

The model is a file of the true shape of a 1.5B, full of zeros that take no room on the disk; what
is loaded is loaded by the real worker.
"""

import os
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from app.errors import OutOfMemory
from app.runtime.planning.machine import Machine
from app.runtime.planning.simulated import machine_called
from app.ui.run.run_dialog import RunDialog
from app.ui.shell.application import Application
from tests.support.sparse import shapes_7, sparse_safetensors

NAME = "rwkv7-g1k-1.5b-20260930-ctx25600.safetensors"
GB = 1_000_000_000


class Camera(Protocol):
    """What a scene needs of the studio."""

    application: Application

    async def until(self, condition: object) -> None: ...

    async def take(self, name: str, theme: str) -> None: ...


async def run_dialog(studio: Camera, folder: Path) -> None:
    """All states of the dialog, light and dark."""
    model = sparse_safetensors(folder / NAME, shapes_7())
    small = replace(machine_called("laptop-8gb"), memory_total=4 * GB, memory_available=GB)
    machines = {
        "none": machine_called("laptop-8gb"),
        "one": machine_called("rtx-4060"),
        "two": machine_called("two-gpus"),
        "small": small,
    }
    for name, machine in machines.items():
        dialog = await _shown(studio, model, machine)
        await _both(studio, f"run-{name}")
        if name == "one":
            await _advanced(studio, dialog)
        dialog.close_card()
    await _loading(studio, model, machines["none"])
    await _stepped_down(studio, model)
    await _ran_out(studio, model, machines["one"])
    await _failed(studio, model, machines["none"])
    studio.application.services.planning.described = None


async def _shown(studio: Camera, model: Path, machine: Machine) -> RunDialog:
    studio.application.services.planning.described = machine
    studio.application.runs.show(model)
    dialog = studio.application.runs.dialog
    await studio.until(lambda: dialog.state.plans is not None)
    return dialog


async def _both(studio: Camera, name: str) -> None:
    for theme in ("light", "dark"):
        await studio.take(f"{name}-{theme}", theme)


async def _advanced(studio: Camera, dialog: RunDialog) -> None:
    """Layers in ranges, some of them on the card."""
    dialog.fold.click()
    dialog.state.write("cuda fp16 *14 -> cuda int8 *4 -> cpu int8")
    await _both(studio, "run-advanced")


async def _loading(studio: Camera, model: Path, machine: Machine) -> None:
    """While the worker packs the layers in 8 bits."""
    session = studio.application.services.session
    for theme in ("light", "dark"):
        dialog = await _shown(studio, model, machine)
        dialog.state.run("cpu int8" if theme == "light" else "cpu int4")
        await studio.until(lambda: session.progress is not None and session.progress.done > 3)
        await studio.take(f"run-loading-{theme}", theme)
        await studio.until(lambda dialog=dialog: not dialog.state.loading)
        dialog.close_card()


async def _stepped_down(studio: Camera, model: Path) -> None:
    """A limit stands against the way that is asked for: fewer bits run, which the window says."""
    services = studio.application.services
    services.settings.change(cpu_limit=3 * GB)
    await services.session.opened(model, "cpu bf16")
    studio.application.window.go("chat")
    await _both(studio, "run-stepped-down")
    services.settings.change(cpu_limit=0)


async def _ran_out(studio: Camera, model: Path, machine: Machine) -> None:
    """The worker finds less memory than there was: what ran before goes on."""
    supervisor = studio.application.services.session._supervisor  # noqa: SLF001
    load = supervisor._load  # noqa: SLF001

    async def short(client: object, *, again: bool) -> object:
        if supervisor._asked.strategy == "cpu fp32":  # noqa: SLF001
            raise OutOfMemory(needed_bytes=6_500_000_000, free_bytes=4_100_000_000)
        return await load(client, again=again)

    supervisor._load = short  # noqa: SLF001 (no memory runs out where the pictures are taken)
    dialog = await _shown(studio, model, machine)
    dialog.state.run("cpu fp32")
    await studio.until(lambda: dialog.state.change.failure is not None and not dialog.state.loading)
    await _both(studio, "run-out-of-memory")
    dialog.close_card()
    supervisor._load = load  # noqa: SLF001


async def _failed(studio: Camera, model: Path, machine: Machine) -> None:
    """The file is cut off by the time that Run is pressed: what ran before goes on."""
    dialog = await _shown(studio, model, machine)
    os.truncate(model, GB)
    dialog.state.run("cpu fp32")
    await studio.until(lambda: dialog.state.change.failure is not None and not dialog.state.loading)
    await _both(studio, "run-failed")
    dialog.close_card()
