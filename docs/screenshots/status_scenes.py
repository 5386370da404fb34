"""The scenes of the Status page: what is measured is measured by real workers on this machine.

The model is a 0.1B of random numbers.  The card is only described, with figures that say nothing
about a real one.
"""

import dataclasses
import os
from pathlib import Path
from typing import Protocol

import psutil
from msgspec.structs import replace

from app.runtime.planning.simulated import machine_called
from app.ui.shell.application import Application
from app.ui.status.status_page import StatusPage
from bench.shapes import SIZES, write_checkpoint

NAME = "rwkv7-g1a-0.1b-20250905-ctx4096.pth"
GB = 1_000_000_000
_LOADS = (0.04, 0.91, 0.94, 0.96, 0.93, 0.31, 0.05, 0.02)


class Camera(Protocol):
    """What a scene needs of the studio."""

    application: Application

    async def until(self, condition: object) -> None: ...

    async def take(self, name: str, theme: str) -> None: ...


async def status(studio: Camera, folder: Path) -> None:
    """All states of the page, light and dark; the chat has written before."""
    model = folder / NAME
    write_checkpoint(model, "7.0", SIZES["0.1B"])
    studio.application.library.add_folder(folder)
    page = studio.application.window.go("status")
    assert isinstance(page, StatusPage)
    place = page.card.model
    await studio.until(lambda: page.history.cards and place.findData(str(model)) >= 0)
    await _both(studio, "status-none")
    place.setCurrentIndex(place.findData(str(model)))
    place.activated.emit(place.currentIndex())
    await studio.until(lambda: page.benchmark.plans and page.benchmark.path == model)
    await _running(studio, page)
    page.scroll_area.verticalScrollBar().setValue(1 << 20)
    await _both(studio, "status-results")
    await _ran_out(studio, page)
    await _failed(studio, page)
    page.scroll_area.verticalScrollBar().setValue(0)
    await _cards(studio, page, "rtx-4060", "status-one")
    await _cards(studio, page, "two-gpus", "status-two")


async def _both(studio: Camera, name: str) -> None:
    for theme in ("light", "dark"):
        await studio.take(f"{name}-{theme}", theme)


async def _running(studio: Camera, page: StatusPage) -> None:
    """Four ways, one after another; the picture is taken while the second one is measured."""
    state = page.benchmark
    for strategy in ("cpu bf16", "cpu int8", "cpu int4", "cpu fp32"):
        state.choose(strategy, chosen=True)
    page.scroll_area.verticalScrollBar().setValue(1 << 20)
    state.begin()
    await studio.until(lambda: state.position is not None and state.position.number == 2)
    await _both(studio, "status-running")
    for count in range(2, 5):  # one after another: each may take its time
        await studio.until(lambda count=count: not state.running or len(state.results) >= count)
    await studio.until(lambda: not state.running and page.card.results.plot is not None)


async def _ran_out(studio: Camera, page: StatusPage) -> None:
    """Memory that ran out, as a worker told of it: among the results of the others."""
    await page.benchmark._keep_shortage("cpu fp32", GB)  # noqa: SLF001 (no memory runs out here)
    await _both(studio, "status-out-of-memory")


async def _failed(studio: Camera, page: StatusPage) -> None:
    """The worker is killed from outside."""
    state = page.benchmark
    state.choose("cpu bf16", chosen=False)
    before = {one.pid for one in psutil.Process().children()}
    state.begin()

    def begun() -> list[int]:
        return [one.pid for one in psutil.Process().children() if one.pid not in before]

    await studio.until(begun)
    os.kill(begun()[0], 9)
    await studio.until(lambda: state.failures)
    state.cancel()
    await studio.until(lambda: not state.running)
    await _both(studio, "status-failed")


async def _cards(studio: Camera, page: StatusPage, machine: str, picture: str) -> None:
    """Cards that are only described: their memory and their load over the last minutes."""
    services = studio.application.services
    services.planning.described = machine_called(machine)
    gpus = services.planning.described.gpus
    readings, samples = services.readings, services.readings.samples
    readings.stop()
    for at, sample in enumerate(list(samples)):
        load = _LOADS[at * len(_LOADS) // len(samples)]
        taken = int(GB * (1.1 + 2.2 * (load > 0.3)))
        now = [replace(gpu, free_bytes=gpu.total_bytes - taken, load=load) for gpu in gpus]
        samples[at] = dataclasses.replace(sample, gpus=tuple(now))
    services.gpus._look = lambda: samples[-1].gpus  # noqa: SLF001 (nothing else tells of a card)
    await services.gpus.looked()
    readings.sampled.emit()
    await studio.until(lambda: len(page.history.cards) == 3 + 2 * len(gpus))
    await _both(studio, picture)
    services.planning.described = None
